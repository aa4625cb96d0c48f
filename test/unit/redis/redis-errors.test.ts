import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { commandError, connectError } from '../../../lib/redis/redis-errors.js';

const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError', command: { name: 'auth', args: ['canary'] } });

describe('errors of Redis', () => {
  it('answers stay answers, those of a server that cannot serve are UNAVAILABLE', () => {
    const wrongType = reply('WRONGTYPE Operation against a key');
    assert.equal(commandError('redis', 'get', wrongType), wrongType);
    for (const message of ['LOADING Redis is loading', 'CLUSTERDOWN The cluster is down', 'READONLY You cannot write', 'MASTERDOWN Link']) {
      const error = commandError('redis', 'get', reply(message)) as RpcError;
      assert.deepEqual([error.code, error.reason, error.message], ['UNAVAILABLE', 'REDIS_UNAVAILABLE', `redis: GET: ${message}`]);
    }
  });

  it('errors of calls stay what they are, all else is UNAVAILABLE', () => {
    const over = new RpcError({ code: 'CANCELLED', message: 'given up' });
    assert.equal(commandError('redis', 'get', over), over);
    assert.match((commandError('redis', 'get', new Error("Stream isn't writeable and enableOfflineQueue options is false")) as RpcError).message, /^redis: GET: not connected$/);
  });

  it('no error carries the arguments of a command: AUTH has the password in them', () => {
    const error = connectError('redis', 'Anthill.redis.default', 'h:1', reply('WRONGPASS invalid username-password pair'));
    assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes('canary'));
    assert.equal(error.message, 'redis at h:1 cannot be reached: WRONGPASS invalid username-password pair. Check Anthill.redis.default.username and Anthill.redis.default.password');
  });

  it('hints fit the cause', () => {
    const hint = (error: unknown) => connectError('redis', 'P', 'h:1', error).message;
    assert.match(hint(Object.assign(new Error('getaddrinfo ENOTFOUND h'), { code: 'ENOTFOUND' })), /Check the host name in P$/);
    assert.match(hint(reply('ERR DB index is out of range')), /Check P\.db$/);
    assert.match(hint(new Error('self-signed certificate')), /Check P\.tls/);
    assert.match(hint(new AggregateError([new Error('connect ECONNREFUSED ::1:1'), new Error('x')])), /connect ECONNREFUSED ::1:1\. Is it running/);
    assert.match(hint({ message: 'Failed to refresh slots cache.', lastNodeError: new Error('connect ECONNREFUSED') }), /: connect ECONNREFUSED\./);
  });
});
