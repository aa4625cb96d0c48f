import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Cluster, Redis } from 'ioredis';
import type { RpcError } from '../../lib/index.js';
import { load, startCache, until } from '../e2e/redis.support.js';
import { describeWith, startRedis, startRedisCluster } from '../services/index.js';

describeWith('redis that fails', ['redis-server'], () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown) => void unhandled.push(reason);
  before(() => void process.on('unhandledRejection', onUnhandled));
  after(() => {
    process.off('unhandledRejection', onUnhandled);
    assert.deepEqual(unhandled, []);
  });

  it('killed under load and back: calls fail fast with UNAVAILABLE and nothing else, readiness shows it, all is well again by itself', async (t) => {
    const server = await startRedis();
    t.after(() => server.stop());
    const { app, redis, health, lines } = await startCache(t, { port: server.port });
    const stop = new AbortController();
    const ends = load(() => app.rpc.call('cache', '/set', ['k', 'v']), stop.signal);
    await redis.incr('once');
    await server.kill();
    await until('the outage', () => health() === 'down');
    const startedAt = performance.now();
    await assert.rejects(app.rpc.call('cache', '/get', ['k']), { code: 'UNAVAILABLE', reason: 'REDIS_UNAVAILABLE' });
    assert.ok(performance.now() - startedAt < 500, 'a call during an outage must not wait');
    assert.equal(app.health().ready, false);
    await server.restart();
    await until('readiness', () => app.health().ready);
    assert.equal(await redis.get('once'), '1');
    stop.abort();
    const counted = await ends;
    assert.deepEqual([...counted.keys()].toSorted(), ['UNAVAILABLE', 'ok']);
    assert.equal(lines.of('warn').filter((line) => line.includes('is away')).length, 1, lines.of('warn').join('\n'));
    assert.equal(lines.of('log').filter((line) => line.includes('redis is back')).length, 1);
  });

  it('a server that stalls is found out by the probe, and calls fail fast until it goes on', async (t) => {
    const server = await startRedis();
    t.after(() => server.stop());
    const { app, redis, health } = await startCache(t, { port: server.port, probeIntervalMs: 50, probeTimeoutMs: 100, connectTimeoutMs: 300 });
    server.pause();
    const owed = redis.get('k').then(() => 'answered', (error: unknown) => (error as RpcError).reason);
    await until('the outage', () => health() === 'down' && redis.status !== 'ready');
    assert.equal(await owed, 'REDIS_UNAVAILABLE');
    await assert.rejects(app.rpc.call('cache', '/get', ['k']), { reason: 'REDIS_UNAVAILABLE' });
    server.resume();
    await until('readiness', () => app.health().ready);
    assert.equal(await redis.set('k', 'v'), 'OK');
  });

  it('a command that takes too long fails by its own limit', async (t) => {
    const server = await startRedis();
    t.after(() => server.stop());
    const { redis } = await startCache(t, { port: server.port, commandTimeoutMs: 100, probeIntervalMs: 0 });
    server.pause();
    await assert.rejects(redis.get('k'), { code: 'DEADLINE_EXCEEDED', message: /no reply to GET within 100 ms \(commandTimeoutMs\)/ });
  });

  it('with a queue, so many commands wait for the connection and the next fails at once', async (t) => {
    const server = await startRedis();
    t.after(() => server.stop());
    const { redis, health } = await startCache(t, { port: server.port, queue: 3 });
    await server.kill();
    await until('the outage', () => health() === 'down' && redis.status !== 'ready');
    const waiting = [redis.set('a', '1'), redis.pipeline().set('b', '2').set('c', '3').exec()];
    await assert.rejects(redis.set('d', '4'), { reason: 'REDIS_UNAVAILABLE', message: /and 3 commands wait already/ });
    const refused = await redis.pipeline().set('e', '5').set('f', '6').exec();
    assert.deepEqual(refused!.map(([error]) => (error as unknown as RpcError).reason), ['REDIS_UNAVAILABLE', 'REDIS_UNAVAILABLE']);
    await server.restart();
    assert.deepEqual(await Promise.all(waiting), ['OK', [[null, 'OK'], [null, 'OK']]]);
    assert.deepEqual(await redis.mget('a', 'b', 'c', 'd', 'e'), ['1', '2', '3', null, null]);
  });

  it('what was on its way when the connection was lost is not sent again', async (t) => {
    const server = await startRedis();
    t.after(() => server.stop());
    const { redis } = await startCache(t, { port: server.port });
    const copy = redis.duplicate() as Redis;
    await copy.ping();
    server.pause();
    const lost = assert.rejects(redis.incr('n'), { reason: 'REDIS_UNAVAILABLE', message: /INCR: the connection was lost before the reply; it may have run/ });
    await server.kill();
    await lost;
    await server.restart();
    await until('the connection', () => redis.status === 'ready');
    const first = await redis.incr('n');
    assert.ok(first === 1 || first === 2, `${first}`);
    assert.equal(await redis.get('n'), `${first}`);
  });

  it('a cluster: commands reach the node of their key, one that restarts is found again', async (t) => {
    const nodes = await startRedisCluster(3);
    t.after(async () => {
      for (const node of nodes) await node.stop();
    });
    const { redis, health } = await startCache(t, { cluster: [`127.0.0.1:${nodes[0]!.port}`], keyPrefix: 'c:' });
    const keys = Array.from({ length: 30 }, (_, i) => `key${i}`);
    assert.deepEqual(new Set(await Promise.all(keys.map((key) => redis.set(key, key)))), new Set(['OK']));
    assert.equal((redis as Cluster).nodes('master').length, 3);
    assert.equal(health(), 'up');
    await nodes[2]!.kill();
    const failed = new Set<string>();
    await until('a failure', async () => {
      await Promise.all(keys.map((key) => redis.get(key).catch((error: unknown) => failed.add((error as RpcError).code ?? String(error)))));
      return failed.size > 0;
    });
    assert.deepEqual([...failed], ['UNAVAILABLE']);
    await nodes[2]!.restart();
    await until('all keys', async () => (await Promise.all(keys.map((key) => redis.get(key)))).join() === keys.join());
  });
});
