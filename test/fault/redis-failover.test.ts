import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import type { Redis } from 'ioredis';
import { load, startCache, until } from '../e2e/redis.support.js';
import { askRedis } from '../services/redis-talk.js';
import { describeWith, startRedis, startRedisSentinel, type RunningServer } from '../services/index.js';

/** For what others do in their own time; on a busy machine that is long. */
const PATIENCE_MS = 60_000;

/** A primary, its replica, and a sentinel that knows both. */
async function watched(t: TestContext): Promise<Record<'primary' | 'replica' | 'sentinel', RunningServer>> {
  const servers: RunningServer[] = [];
  t.after(async () => {
    for (const each of servers.reverse()) await each.stop();
  });
  const start = async (starting: Promise<RunningServer>): Promise<RunningServer> => {
    const each = await starting;
    servers.push(each);
    return each;
  };
  const primary = await start(startRedis());
  const replica = await start(startRedis({ replicaOf: primary }));
  const sentinel = await start(startRedisSentinel({ primary }));
  await until('the replica, at the sentinel', async () => (await askRedis(sentinel.port, ['SENTINEL REPLICAS anthill'])).includes(`${replica.port}`), PATIENCE_MS);
  return { primary, replica, sentinel };
}

const portOf = (redis: unknown): number | undefined => (redis as Redis).stream.remotePort;

describeWith('redis whose primary changes', ['redis-server'], () => {
  it('killed: the client finds the primary by its sentinels, and follows them to the new one', async (t) => {
    const { primary, replica, sentinel } = await watched(t);
    const { app, redis } = await startCache(t, { sentinel: { name: 'anthill', nodes: [`127.0.0.1:${sentinel.port}`] } });
    assert.equal(await redis.set('before', '1'), 'OK');
    assert.equal(portOf(redis), primary.port);
    assert.equal(await redis.wait(1, 30_000), 1, 'the replica has it');
    await primary.kill();
    await until('the new primary', async () => (await redis.set('after', '2')) === 'OK', PATIENCE_MS);
    assert.equal(portOf(redis), replica.port);
    await until('readiness', () => app.health().ready);
    assert.deepEqual(await redis.mget('before', 'after'), ['1', '2']);
  });

  it('silent: the same, and nobody waits for it', async (t) => {
    const { primary, replica, sentinel } = await watched(t);
    const { redis } = await startCache(t, { sentinel: { name: 'anthill', nodes: [`127.0.0.1:${sentinel.port}`] }, probeIntervalMs: 100, probeTimeoutMs: 200, connectTimeoutMs: 500 });
    assert.equal(await redis.set('before', '1'), 'OK');
    primary.pause();
    await until('the new primary', async () => (await redis.set('after', '2')) === 'OK', PATIENCE_MS);
    assert.equal(portOf(redis), replica.port);
    primary.resume();
    // It learns that it is none any more, and takes nothing.
    await until('the old one', async () => (await askRedis(primary.port, ['SET x 1'])).startsWith('-READONLY'), PATIENCE_MS);
    assert.equal(await redis.get('after'), '2');
  });

  it('by order, under load: calls end well or with UNAVAILABLE, and go to the new one', async (t) => {
    const { replica, sentinel } = await watched(t);
    const { app, redis } = await startCache(t, { sentinel: { name: 'anthill', nodes: [`127.0.0.1:${sentinel.port}`] } });
    const stop = new AbortController();
    const ends = load(() => app.rpc.call('cache', '/set', ['k', 'v']), stop.signal);
    await until('the order', async () => (await askRedis(sentinel.port, ['SENTINEL FAILOVER anthill'])).startsWith('+OK'), PATIENCE_MS);
    await until('the new primary', async () => portOf(redis) === replica.port && (await redis.set('after', '2')) === 'OK', PATIENCE_MS);
    stop.abort();
    const counted = await ends;
    assert.deepEqual([...counted.keys()].filter((end) => !['ok', 'UNAVAILABLE'].includes(end)), []);
    await until('readiness', () => app.health().ready);
  });

  it('a server that was made a replica behind the back of its clients: UNAVAILABLE, and a new connection, until it is a primary', async (t) => {
    const server = await startRedis();
    t.after(() => server.stop());
    const { redis } = await startCache(t, { port: server.port });
    const before = (redis as Redis).stream;
    await askRedis(server.port, ['REPLICAOF 127.0.0.1 1']);
    await assert.rejects(redis.set('k', '1'), { code: 'UNAVAILABLE', reason: 'REDIS_UNAVAILABLE', message: /SET: READONLY/ });
    await until('a new connection', () => redis.status === 'ready' && (redis as Redis).stream !== before);
    await askRedis(server.port, ['REPLICAOF NO ONE']);
    await until('a primary', async () => (await redis.set('k', '2')) === 'OK');
    assert.equal(await redis.get('k'), '2');
  });
});
