import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isSecretKey, show } from '../../../lib/config/redact.js';

describe('config/redact', () => {
  for (const key of ['password', 'DbPassword', 'passwd', 'PWD', 'token', 'accessTokens', 'ANTHILL_REGISTRY__TOKEN', 'clientSecret', 'apiKey', 'private_key', 'credentials', 'redis_pass']) {
    test(`${key} is secret`, () => {
      assert.ok(isSecretKey(key));
      assert.equal(show('hunter2', ['a', key, 0]), '***');
    });
  }

  for (const key of ['name', 'Port', 'nodeId', 'passenger', 'compass_', 'keyspace', 'timeoutMs']) {
    test(`${key} is not`, () => assert.ok(!isSecretKey(key)));
  }

  test('addresses lose their password, however it is written', () => {
    assert.equal(show('nats://user:p@ss/word@host:4222', []), '"nats://***@host:4222" (string)');
    assert.equal(show('https://h/robot?access_token=xxx&a=1', []), '"https://h/robot?access_token=***&a=1" (string)');
  });

  test('long texts are cut, containers are named only', () => {
    assert.ok(show('x'.repeat(500), []).length < 80);
    assert.deepEqual([show({ password: 1 }, []), show(['x'], []), show([], []), show(null, []), show(5, []), show(true, [])], ['an object', 'a list', 'an empty list', 'null', '5 (number)', 'true (boolean)']);
  });
});
