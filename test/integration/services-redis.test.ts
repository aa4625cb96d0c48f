import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { askRedis, describeWith, startRedis, startRedisCluster, startRedisSentinel } from '../services/index.js';

describeWith('a Redis for tests', ['redis-server'], () => {
  it('keeps a key over kill and restart on the same port', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    assert.equal(await askRedis(redis.port, ['SET a 1']), '+OK\r\n');
    await redis.kill();
    await assert.rejects(askRedis(redis.port, ['GET a']), { code: 'ECONNREFUSED' });
    await redis.restart();
    assert.equal(await askRedis(redis.port, ['GET a']), '$1\r\n1\r\n');
  });

  it('stays silent while paused', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    redis.pause();
    await assert.rejects(askRedis(redis.port, ['PING'], AbortSignal.timeout(200)), { name: 'AbortError' });
    redis.resume();
    assert.match(await askRedis(redis.port, ['PING']), /^\+PONG/);
  });

  it('takes a password and configuration, and a mistake in it is an error with the log of the server', async (t) => {
    const redis = await startRedis({ password: 'secret', config: 'maxclients 77' });
    t.after(() => redis.stop());
    assert.match(await askRedis(redis.port, ['GET a']), /^-NOAUTH/);
    assert.match(await askRedis(redis.port, ['AUTH secret', 'CONFIG GET maxclients']), /\r\n77\r\n/);
    await assert.rejects(startRedis({ config: 'maxclients many' }), /redis-server ended while starting; its log:[^]*maxclients/);
  });

  it('fails over to a replica, which a sentinel promotes', async (t) => {
    const primary = await startRedis({ password: 'secret' });
    t.after(() => primary.stop());
    await askRedis(primary.port, ['AUTH secret', 'SET a 1']);
    const replica = await startRedis({ password: 'secret', replicaOf: primary });
    t.after(() => replica.stop());
    assert.match(await askRedis(replica.port, ['AUTH secret', 'GET a']), /\$1\r\n1\r\n/);
    const sentinel = await startRedisSentinel({ primary, password: 'secret' });
    t.after(() => sentinel.stop());
    const until = async (command: string, wanted: RegExp) => {
      for (const end = Date.now() + 60_000; !wanted.test(await askRedis(sentinel.port, [command])); await delay(50)) {
        assert.ok(Date.now() < end, `${command} never gave ${wanted}: ${sentinel.log()}`);
      }
    };
    await until('SENTINEL REPLICAS anthill', new RegExp(`\\b${replica.port}\\b`));
    await primary.kill();
    await until('SENTINEL GET-MASTER-ADDR-BY-NAME anthill', new RegExp(`\\b${replica.port}\\b`));
  });

  it('makes a cluster, in which a node sends clients to the owner of a key', async (t) => {
    const nodes = await startRedisCluster();
    t.after(() => Promise.all(nodes.map((node) => node.stop())));
    const [first, , third] = nodes;
    // `a` is in slot 15495, which the last of three has.
    assert.equal(await askRedis(first?.port ?? 0, ['SET a 1']), `-MOVED 15495 127.0.0.1:${third?.port}\r\n`);
    assert.match(await askRedis(third?.port ?? 0, ['SET a 1']), /^\+OK/);
  });
});
