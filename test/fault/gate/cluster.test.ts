import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { redisGateStore } from '../../../lib/gateway/gate/index.js';
import { describeWith } from '../../services/index.js';
import { eventually } from '../rig.js';
import { Asking, mqttClient, type MqttTestClient, type SdkClient, sdkClient, type TestClient } from './clients.js';
import { type GateCluster, gateRig } from './gate-rig.js';

const WAIT_MS = 60_000;

describeWith('two gates and two backends over NATS, Consul and Redis', ['nats-server', 'consul', 'redis-server'], () => {
  const rig = gateRig(after);
  let cluster: GateCluster;
  let sdk: SdkClient[];
  let devices: MqttTestClient[];
  let all: TestClient[];
  before(async () => {
    cluster = await rig.cluster({ gate: { onDuplicate: 'kick' } });
    sdk = await Promise.all([0, 1].map((i) => sdkClient(cluster.near[i]!.websocket.port, `sdk${i}`)));
    devices = await Promise.all([0, 1].map((i) => mqttClient(cluster.near[i]!.tcp.port, `mqtt${i}`)));
    all = [...sdk, ...devices];
    rig.cleanups.push(() => Promise.all(all.map((client) => client.close())));
  });
  const ask = async (hall: 0 | 1, method: string, ...args: unknown[]): Promise<unknown> => {
    const { record, value } = await cluster.halls[hall].call(`hall@h${hall}`, '/gates', [method, args], WAIT_MS);
    assert.equal(record.error, undefined, JSON.stringify(record.error));
    return value;
  };

  it('requests through each gate reach both backends', async () => {
    for (const [i, { client }] of sdk.entries()) {
      const asking = new Asking(client, 0);
      await eventually('answers of both', WAIT_MS, () => new Set(asking.records.map(({ node }) => node)).size === 2);
      const records = await asking.end();
      assert.deepEqual(records.filter(({ error }) => error !== undefined), []);
      assert.deepEqual(new Set(records.map(({ gate }) => gate)), new Set([`Gate@g${i}`]));
      assert.deepEqual(new Set(records.map(({ node }) => node)), new Set(['hall@h0', 'hall@h1']));
    }
  });

  it('pushToUser, pushToGroup, broadcast and publish go from each backend to clients of each gate', async () => {
    for (const { client } of sdk) await client.request('hall/HD_join', { group: 'all' });
    for (const { client } of devices) {
      client.publish('hall/HD_join/1', '{"group":"all"}');
      await new Promise<void>((resolve) => client.once('message', () => resolve())); // the answer
      await client.subscribeAsync('inbox', { qos: 1 });
    }
    for (const { client } of sdk) {
      client.subscribe('inbox');
      await client.request('hall/HD_where'); // its answer comes behind the subscription
    }
    for (const hall of [0, 1] as const) {
      for (const { user } of all) assert.equal(await ask(hall, 'pushToUser', user, 'inbox', { n: `user ${hall}` }, { qos: 1 }), 1);
      for (const { user } of all) assert.equal(await ask(hall, 'pushToUser', user, 'inbox', { n: `user0 ${hall}` }), 1);
      assert.equal(await ask(hall, 'pushToGroup', 'all', 'inbox', { n: `group ${hall}` }, { qos: 1 }), 4);
      assert.equal(await ask(hall, 'broadcast', 'inbox', { n: `broadcast ${hall}` }), 4);
      await ask(hall, 'publish', 'inbox', { n: `publish ${hall}` });
      for (const { user } of all) assert.equal(await ask(hall, 'isOnline', user), true);
    }
    assert.equal(await ask(0, 'pushToUser', 'nobody', 'inbox', {}, { qos: 1 }), 0);
    const wanted = [0, 1].flatMap((hall) => [`user ${hall}`, `user0 ${hall}`, `group ${hall}`, `broadcast ${hall}`, `publish ${hall}`]).sort();
    for (const { user, heard } of all) {
      await eventually(`all pushes at ${user}`, WAIT_MS, () => heard.length >= wanted.length);
      assert.deepEqual(heard.map(({ n }) => n).sort(), wanted, user);
    }
  });

  it('the functions of a session work from each backend, at each gate', async () => {
    for (const [i, { client }] of sdk.entries()) {
      for (const hall of [0, 1]) {
        const told: unknown[] = [];
        const off = client.on('told', (body) => told.push(body));
        const answer = await client.request(`hall@h${hall}/HD_session`, { user: `guest${i}${hall}` });
        assert.deepEqual(answer, { user: `guest${i}${hall}`, settings: { level: '3', colour: 'red' }, here: true, after: '', stillHere: false });
        await eventually('what the session sent', WAIT_MS, () => told.length >= 2);
        assert.deepEqual(told, [{ by: `hall@h${hall}` }, { by: 'nobody' }]);
        off();
      }
    }
    let isGone = false;
    devices[1]!.client.once('close', () => (isGone = true));
    devices[1]!.client.publish('hall@h0/HD_leave', '{}');
    await eventually('the end that the backend wanted', WAIT_MS, () => isGone);
  });

  it('a second login at the other gate ends the first, and leaves nothing of it', async () => {
    const store = redisGateStore({ connection: { port: cluster.redis.port } });
    await store.connect(new AbortController().signal);
    try {
      const first = await sdkClient(cluster.near[0].websocket.port, 'mia', { clientId: 'desk' });
      rig.cleanups.push(() => first.close());
      const before = await store.placesOf('mia');
      assert.deepEqual(before.map(({ gateId }) => gateId), ['Gate@g0']);
      const second = await mqttClient(cluster.near[1].tcp.port, 'mia', 'phone');
      rig.cleanups.push(() => second.close());
      await eventually('the end of the first', WAIT_MS, () => first.client.state === 'closed');
      assert.deepEqual((await store.placesOf('mia')).map(({ gateId }) => gateId), ['Gate@g1']);
      assert.equal(await ask(0, 'pushToUser', 'mia', 'inbox', { n: 'to the phone' }, { qos: 1 }), 1);
      await eventually('the push', WAIT_MS, () => second.heard.length === 1);
      assert.deepEqual(first.heard, []);
      // The session of the first is away, and not for ever at a gate that does not have it.
      await eventually('its release', WAIT_MS, async () => (await store.place(before[0]!.sessionId))?.gateId === undefined);
      // The same client at the other gate: taken over, and the session goes on.
      const moved = await mqttClient(cluster.near[0].tcp.port, 'mia', 'phone');
      rig.cleanups.push(() => moved.close());
      second.client.end(true);
      assert.deepEqual(moved.connects, [true]);
    } finally {
      await store.close();
    }
  });
});
