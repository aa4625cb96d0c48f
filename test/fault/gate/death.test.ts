import assert from 'node:assert/strict';
import { it } from 'node:test';
import { WebSocket } from 'ws';
import { redisGateStore } from '../../../lib/gateway/gate/index.js';
import { describeWith } from '../../services/index.js';
import { eventually, figure, lasts } from '../rig.js';
import { Asking, type Heard, mqttClient, sdkClient, type SdkClient, type TestClient } from './clients.js';
import { type GateCluster, gateRig } from './gate-rig.js';
import type { PushRecord } from './gate-protocol.js';

const WAIT_MS = 60_000;
const PER_SECOND = 100;

describeWith('a gate ends under load', ['nats-server', 'consul', 'redis-server'], () => {
  const rig = gateRig();

  /** 8 clients of each kind at the first gate, 2 of each at the second; both halls push to all of them, each SDK client asks. */
  async function underLoad(cluster: GateCluster) {
    const open = <T>(make: (port: number, user: string) => Promise<T>, kind: 'tcp' | 'websocket') =>
      Promise.all(Array.from({ length: 10 }, (_, i) => make(cluster.near[i < 8 ? 0 : 1][kind].port, `${kind}${i}`)));
    const [sdk, devices] = await Promise.all([open(sdkClient, 'websocket'), open(mqttClient, 'tcp')]);
    const all: TestClient[] = [...sdk, ...devices];
    rig.cleanups.push(() => Promise.all(all.map((client) => client.close())));
    const asking = sdk.map(({ client }) => new Asking(client));
    for (const hall of cluster.halls) await hall.ask({ do: 'push', plan: { users: all.map(({ user }) => user), perSecond: PER_SECOND } });
    await eventually('pushes at all', WAIT_MS, () => all.every(({ heard }) => heard.length > 5));
    return { sdk, devices, all, asking };
  }

  /** Ends the load, waits for what was acknowledged to its sender, and looks at what came. */
  async function settle(cluster: GateCluster, { sdk, devices, all, asking }: Awaited<ReturnType<typeof underLoad>>) {
    const pushed: PushRecord[] = (await Promise.all(cluster.halls.map((hall) => hall.ask({ do: 'pushed' })))).flat();
    const asked = (await Promise.all(asking.map((each) => each.end()))).flat();
    const acknowledged = pushed.filter(({ error }) => error === undefined);
    const missing = (): PushRecord[] => {
      const got = new Map(all.map(({ user, heard }) => [user, new Set(heard.map(({ n }) => n))]));
      return acknowledged.filter(({ n, user }) => !got.get(user)!.has(n));
    };
    await eventually('every push that was acknowledged', WAIT_MS, () => missing().length === 0).catch(() => {});
    assert.deepEqual(missing(), [], 'acknowledged to their senders, and lost');
    for (const { user, heard } of sdk) assert.equal(new Set(heard.map(({ n }) => n)).size, heard.length, `${user} was told something twice`);
    let repeats = 0;
    for (const { heard } of devices) repeats += checkRepeats(heard);
    const failed = pushed.filter(({ error }) => error !== undefined);
    return { acknowledged, failed, asked, repeats };
  }

  it('kill -9: clients go on at the other gate, and no push that its sender was told of is lost', async () => {
    const cluster = await rig.cluster();
    const load = await underLoad(cluster);
    await lasts(1000);
    cluster.gates[0].kill('SIGKILL');
    const killedAt = performance.now();
    await eventually('all clients at the other gate', WAIT_MS, async () => (await cluster.gates[1].ask({ do: 'gate' })).clients === 20);
    const backMs = performance.now() - killedAt;
    await lasts(2000);
    const { acknowledged, failed, asked, repeats } = await settle(cluster, load);
    for (const { user, connects } of load.all) assert.ok(connects.slice(1).every((resumed) => resumed), `the session of ${user} did not go on: ${connects.join()}`);
    const unanswered = asked.filter(({ error }) => error !== undefined);
    const slowest = Math.max(...acknowledged.map(({ ms }) => ms));
    figure(
      `kill -9 of a gate: 16 clients were at the other one after ${backMs.toFixed(0)} ms; 0 of ${acknowledged.length} acknowledged pushes lost, ${failed.length} refused, the slowest took ${slowest.toFixed(0)} ms, ` +
        `${repeats} repeats at mqtt.js; ${unanswered.length} of ${asked.length} requests failed`,
    );
    assert.ok(acknowledged.length > 200, `only ${acknowledged.length}`);
    // What was under way through the dead gate; its senders know.
    for (const { error } of failed) assert.match(error!, /^UNAVAILABLE/);
    assert.ok(failed.length < 200, `${failed.length} pushes failed`);
    for (const { error } of unanswered) assert.match(error!, /^closed: .*may have run/);
    assert.ok(unanswered.length <= 8, `${unanswered.length} requests failed`);
    assert.ok(slowest < 5000, `a push took ${slowest} ms`);
  });

  it('SIGTERM: not ready at first, then answers what is under way, tells clients to go, and ends with 0', async () => {
    const cluster = await rig.cluster();
    const [gate] = cluster.gates;
    const ws = new WebSocket(`ws://127.0.0.1:${cluster.near[0].websocket.port}`, 'anthill.json');
    const closed = new Promise<number>((resolve) => ws.once('close', resolve));
    const answers: string[] = [];
    ws.on('message', (data) => answers.push(String(data)));
    ws.once('open', () => ws.send('{"connect":{"username":"slow","clientId":"slow","clean":false}}'));
    await eventually('its connect', WAIT_MS, () => answers.length === 1);
    const load = await underLoad(cluster);
    ws.send('{"topic":"hall/HD_slow/1","body":{"ms":3000}}');
    await eventually('its call', WAIT_MS, () => answers.length === 2);
    const toldAt = gate.kill('SIGTERM');
    let health = await gate.ask({ do: 'health' });
    await eventually('its word that it is not ready', WAIT_MS, async () => !(health = await gate.ask({ do: 'health' })).ready);
    assert.deepEqual([health.state, ws.readyState], ['draining', WebSocket.OPEN], 'clients were closed before the gate said that it is not ready');
    assert.equal(await closed, 1001);
    assert.equal(answers[2], '{"going":1}');
    assert.match(answers[3] ?? '', /"Result":\{"node":"hall@h\d","gate":"Gate@g0"/, 'the call under way was not answered');
    const exit = await gate.exited;
    assert.deepEqual([exit.code, exit.signal], [0, null], gate.tail());
    await eventually('all clients at the other gate', WAIT_MS, async () => (await cluster.gates[1].ask({ do: 'gate' })).clients === 20);
    await lasts(1000);
    const { acknowledged, failed, asked, repeats } = await settle(cluster, load);
    const unanswered = asked.filter(({ error }) => error !== undefined);
    figure(
      `SIGTERM of a gate under load: exit ${(exit.at - toldAt).toFixed(0)} ms later with a call of 3 s under way; 0 of ${acknowledged.length} acknowledged pushes lost, ${failed.length} refused, ${repeats} repeats at mqtt.js; ` +
        `${unanswered.length} of ${asked.length} requests failed`,
    );
    for (const { user, connects } of load.all) assert.ok(connects.slice(1).every((resumed) => resumed), `the session of ${user} did not go on: ${connects.join()}`);
    assert.ok(exit.at - toldAt < 10_000, `it took ${exit.at - toldAt} ms to stop`);
    assert.deepEqual(failed, [], 'pushes were refused');
    // The SDK goes when it has its answers.
    assert.deepEqual(unanswered, [], 'requests failed');
  });

  it('SIGSTOP for longer than the others believe in it: pushers do not wait for it, and its clients miss nothing when it goes on', async () => {
    const cluster = await rig.cluster();
    const client = await sdkClient(cluster.near[0].websocket.port, 'mia');
    rig.cleanups.push(() => client.close());
    const store = redisGateStore({ connection: { port: cluster.redis.port } });
    await store.connect(new AbortController().signal);
    rig.cleanups.push(() => store.close());
    const push = (n: string) => cluster.halls[0].call('Gate@g1', 'PushToUser', [null, 'mia', 'inbox', Buffer.from(JSON.stringify({ n })), 1], WAIT_MS);
    cluster.gates[0].kill('SIGSTOP');
    const { record, value } = await push('soon');
    assert.deepEqual([record.error, value], [undefined, 1]);
    assert.ok(record.ms < 8000, `a push took ${record.ms} ms`);
    await eventually('that nobody believes in it', WAIT_MS, async () => (await store.placesOf('mia')).every(({ gateId }) => gateId === undefined));
    assert.equal((await push('late')).value, 1);
    assert.deepEqual(client.heard, []);
    cluster.gates[0].kill('SIGCONT');
    await eventually('both pushes', WAIT_MS, () => client.heard.length >= 2);
    await eventually('its place', WAIT_MS, async () => (await store.placesOf('mia')).every(({ gateId }) => gateId === 'Gate@g0'));
    assert.equal((await push('again')).value, 1);
    await eventually('one more', WAIT_MS, () => client.heard.length >= 3);
    assert.deepEqual(client.heard.map(({ n }) => n).sort(), ['again', 'late', 'soon']);
    assert.deepEqual(client.states, ['connected']);
    figure(`SIGSTOP of a gate: a push to its client was taken after ${record.ms.toFixed(0)} ms, and arrived when the gate went on`);
  });

  it('a client that was away for longer than its session is kept is told so', async () => {
    const cluster = await rig.cluster({ gate: { keepMs: 1000 } });
    const [hall] = cluster.halls;
    const push = async (n: string): Promise<unknown> => (await hall.call('hall@h0', '/gates', ['pushToUser', ['mia', 'inbox', { n }, { qos: 1 }]])).value;
    const client: SdkClient = await sdkClient(cluster.near[0].websocket.port, 'mia', { maxRetryMs: 100 });
    rig.cleanups.push(() => client.close());
    client.client.subscribe('news');
    await client.client.request('hall/HD_where');
    // Away for a moment.
    cluster.near[0].websocket.cut();
    await eventually('the loss', WAIT_MS, () => client.client.state !== 'connected');
    assert.equal(await push('while away'), 1);
    cluster.near[0].websocket.mend();
    await eventually('its return', WAIT_MS, () => client.connects.length === 2);
    await eventually('what it missed', WAIT_MS, () => client.heard.length === 1);
    // Away for too long.
    cluster.near[0].websocket.cut();
    await eventually('the end of its session', WAIT_MS, async () => (await push('for nobody')) === 0);
    cluster.near[0].websocket.mend();
    await eventually('its return', WAIT_MS, () => client.connects.length === 3);
    assert.deepEqual(client.connects, [false, true, false]);
    // The new one has what the client asked for, and counts its pushes anew: the first has a number that the client has seen.
    assert.equal(await push('anew'), 1);
    await eventually('the push', WAIT_MS, () => client.heard.length === 2);
    assert.deepEqual(client.heard.map(({ n }) => n), ['while away', 'anew']);
    await eventually('the subscription', WAIT_MS, async () => {
      const heard = new Promise<boolean>((resolve) => void client.client.on('news', () => resolve(true)));
      await hall.call('hall@h0', '/gates', ['publish', ['news', { n: 1 }]]);
      return Promise.race([heard, lasts(500).then(() => false)]);
    });
  });
});

/** Repeats have the packet identifier of the first, and say that they are. @returns how many there were */
function checkRepeats(heard: readonly Heard[]): number {
  const first = new Map<string, Heard>();
  let repeats = 0;
  for (const push of heard) {
    const before = first.get(push.n);
    if (before === undefined) {
      first.set(push.n, push);
      continue;
    }
    repeats++;
    assert.deepEqual({ id: push.id, dup: push.dup }, { id: before.id, dup: true }, `the repeat of ${push.n}`);
  }
  return repeats;
}
