import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { Cluster } from 'ioredis';
import { redisGateStore } from '../../lib/gateway/gate/index.js';
import { gateStoreContract } from '../../lib/testing/gate-store.contract.js';
import { askRedis, describeWith, startRedis, startRedisCluster, type RunningServer } from '../services/index.js';

describeWith('redisGateStore', ['redis-server'], () => {
  let server: RunningServer;
  let count = 0;
  before(async () => void (server = await startRedis()));
  after(() => server.stop());
  const open = async (prefix = `test${++count}`) => {
    const store = redisGateStore({ connection: { port: server.port }, prefix });
    await store.connect(new AbortController().signal);
    return store;
  };

  gateStoreContract('redis', { open: () => open(), close: (store) => store.close() });

  it('is seen by all gates of one prefix', async () => {
    const [one, two] = [await open('shared'), await open('shared')];
    await one.beat('Gate@1', 60_000);
    await one.open({ sessionId: 's1', clientId: 'a', userId: '', settings: {}, subscriptions: {} }, 'Gate@1', 1000);
    assert.deepEqual(await two.place('s1'), { sessionId: 's1', gateId: 'Gate@1' });
    await Promise.all([one.close(), two.close()]);
  });

  it('takes in what a dead gate has left', async () => {
    const store = await open();
    await store.beat('Gate@dead', 1);
    await store.open({ sessionId: 'kept', clientId: 'a', userId: '', settings: {}, subscriptions: {} }, 'Gate@dead', 60_000);
    await store.open({ sessionId: 'clean', clientId: 'b', userId: '', settings: {}, subscriptions: {} }, 'Gate@dead', 0);
    while ((await store.gates()).length > 0);
    await store.beat('Gate@2', 60_000);
    assert.deepEqual(await store.place('kept'), { sessionId: 'kept', gateId: undefined });
    assert.equal(await store.place('clean'), undefined);
    await store.close();
  });

  it('says so when it answers nothing, and is well again by itself', async () => {
    const store = await open();
    try {
      server.pause();
      const isAway = { code: 'UNAVAILABLE', reason: 'REDIS_UNAVAILABLE' };
      await assert.rejects(store.gates(), isAway);
      assert.equal(store.health().status, 'down');
      server.resume();
      while ((await store.gates().catch(() => undefined)) === undefined);
      assert.equal(store.health().status, 'up');
    } finally {
      server.resume();
      await store.close();
    }
  });

  it('leaves nothing of a session whose time is over, also not what it had subscribed to', async () => {
    const store = await open('expiry');
    await store.beat('Gate@1', 60_000);
    await store.open({ sessionId: 's1', clientId: 'a', userId: 'mia', settings: {}, subscriptions: {} }, 'Gate@1', 60_000);
    await store.save('s1', { subscriptions: { 'a/+/b': 1, '#': 2 } });
    await store.publish({ topic: 'a/x/b', body: Buffer.from('x'), qos: 2 }, 10);
    await store.receiving('s1', 1, 'Gate@1', 10);
    await store.release('s1', 'Gate@1', 1);
    while ((await store.place('s1')) !== undefined);
    assert.deepEqual(await store.placesOf('mia'), []);
    await store.beat('Gate@1', 60_000);
    const keys = (await askRedis(server.port, ['KEYS *expiry*'])).split('\r\n').filter((line) => line.startsWith('{'));
    assert.deepEqual(keys, ['{expiry}:gates']);
    await store.close();
  });

  it('says so when it is away', async () => {
    const store = await open();
    try {
      assert.equal(store.health().status, 'up');
      await server.kill();
      await assert.rejects(store.gates());
      // The request fails a moment before the client says that it is disconnected.
      while (store.health().status === 'up') await new Promise((resolve) => setImmediate(resolve));
      assert.match(store.health().detail ?? '', /Redis is away/);
    } finally {
      await store.close();
    }
  });
});

describeWith('redisGateStore over a Redis Cluster', ['redis-server'], () => {
  let nodes: RunningServer[];
  let count = 0;
  before(async () => void (nodes = await startRedisCluster()));
  after(() => Promise.all(nodes.map((node) => node.stop())));

  gateStoreContract('redis cluster', {
    async open() {
      const client = new Cluster(nodes.map(({ port }) => ({ host: '127.0.0.1', port })));
      // Each store on other slots, and so on another node now and then.
      const store = redisGateStore({ client, prefix: `cluster${++count}` });
      await store.connect(new AbortController().signal);
      return Object.assign(store, { client });
    },
    async close(store) {
      await store.close();
      (store as typeof store & { client: Cluster }).client.disconnect();
    },
  });
});
