import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkRedisSection } from '../../../lib/config/check-redis.js';
import type { RedisSection } from '../../../lib/config/redis-section.js';
import { targetOf } from '../../../lib/redis/redis-target.js';

const target = (section: RedisSection) => targetOf('x', checkRedisSection(section, 'x', 'test'));
const wrong = (section: RedisSection, message: RegExp) => assert.throws(() => target(section), { reason: 'REDIS_OPTIONS', message });

describe('target of a Redis client', () => {
  it('is the machine itself when nobody says otherwise', () => {
    const { kind, address, db, tls } = target({});
    assert.deepEqual([kind, address, db, tls], ['single', '127.0.0.1:6379', 0, undefined]);
  });

  it('reads URLs, decodes what is encoded, and shows no credentials', () => {
    const { address, db, username, password, tls } = target({ url: 'rediss://us%40er:p%3Aw@[::1]:7000/4' });
    assert.deepEqual([address, db, username, password, tls], ['[::1]:7000', 4, 'us@er', 'p:w', {}]);
  });

  it('keys beside the URL win', () => {
    const { address, db, password } = target({ url: 'redis://:a@h:1/2', host: 'other', db: 0, password: 'b' });
    assert.deepEqual([address, db, password], ['other:1', 0, 'b']);
  });

  it('knows sentinels and clusters', () => {
    const sentinel = target({ sentinel: { name: 'm', nodes: ['a:1', 'b:2'], password: 's' }, password: 'p' });
    assert.deepEqual([sentinel.kind, sentinel.address, sentinel.primary, sentinel.password, sentinel.sentinelPassword], ['sentinel', "'m' of the sentinels a:1, b:2", 'm', 'p', 's']);
    const cluster = target({ cluster: ['a:1', '[::1]:2'] });
    assert.deepEqual([cluster.kind, cluster.address, cluster.endpoints], ['cluster', 'the cluster a:1, [::1]:2', [{ host: 'a', port: 1 }, { host: '::1', port: 2 }]]);
  });

  it('says what is wrong without showing the address', () => {
    wrong({ url: 'not a url' }, /^redis 'x': url is none/);
    wrong({ url: 'http://:pw@h' }, /^redis 'x': url begins with "http:\/\/"; it wants redis:\/\/ or, for TLS, rediss:\/\/$/);
    wrong({ url: 'redis://h/abc' }, /wants the number of a database/);
    wrong({ url: 'redis://h?family=6' }, /has a query/);
    wrong({ url: 'redis://:a%zz@h' }, /begins no percent-encoding/);
    wrong({ cluster: ['h'] }, /cluster has "h", which is no "host:port"/);
    wrong({ cluster: ['h:1'], db: 1 }, /a cluster has only database 0/);
  });
});
