import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkRedisSection } from '../../../lib/config/check-redis.js';
import { readEnvironment } from '../../../lib/config/environment.source.js';
import { bootErrorOf, configOf, fromFile } from './support.js';

const DEFAULTS = { startup: 'fail', connectTimeoutMs: 5000, commandTimeoutMs: 5000, queue: 0, probeIntervalMs: 2000, probeTimeoutMs: 1000 };

describe('config/redis', () => {
  test('clients by name, with defaults', () => {
    const { redis } = configOf({ Anthill: { redis: { default: { URL: 'redis://h' }, Orders: { queue: 5, sentinel: { name: 'm', nodes: ['a:1'] } } } } });
    assert.deepEqual(redis, { default: { ...DEFAULTS, url: 'redis://h' }, Orders: { ...DEFAULTS, queue: 5, sentinel: { name: 'm', nodes: ['a:1'] } } });
    assert.deepEqual(configOf('{}').redis, {});
    assert.ok(Object.isFrozen(redis['Orders']!.sentinel!.nodes));
  });

  test('variables find a name in any case, and make one in camel case', () => {
    const { layers } = readEnvironment({ ANTHILL_REDIS_URL: 'redis://a', ANTHILL_REDIS__ORDERS__DB: '3', ANTHILL_REDIS__MY_CACHE__URL: 'redis://c', ANTHILL_REDIS__DEFAULT__PASSWORD: '007' });
    const { redis } = fromFile({ Anthill: { redis: { Orders: { url: 'redis://b' } } } }, undefined, layers).config;
    assert.deepEqual(Object.entries(redis).map(([name, { url, db, password }]) => [name, url, db, password]), [
      ['Orders', 'redis://b', 3, undefined],
      ['default', 'redis://a', undefined, '007'],
      ['myCache', 'redis://c', undefined, undefined],
    ]);
  });

  test('mistakes are told by key', () => {
    const { message } = bootErrorOf(() => configOf({ Anthill: { redis: { a: { port: 0, startup: 'never' }, b: { sentinel: { nodes: ['x:1'] } }, c: { cluster: ['a:1'], sentinel: { name: 'm', nodes: ['x:1'] } } } } }));
    for (const part of [/redis\.a\.port must be an integer from 1/, /redis\.a\.startup must be one of "fail", "retry"/, /redis\.b\.sentinel must have a name/, /redis\.c has both sentinel and cluster/]) assert.match(message, part);
  });

  test('of code, unknown options are mistakes', () => {
    assert.deepEqual(checkRedisSection({ port: 1 }, 'x', 'RedisModule.forRoot'), { ...DEFAULTS, port: 1 });
    const { message } = bootErrorOf(() => checkRedisSection({ prot: 1, db: -1 } as never, 'x', 'RedisModule.forRoot'));
    assert.match(message, /RedisModule\.forRoot: prot is an unknown key \(did you mean "port"\?\)/);
    assert.match(message, /RedisModule\.forRoot: db must be an integer from 0/);
  });
});
