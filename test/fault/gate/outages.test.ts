import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeWith } from '../../services/index.js';
import { eventually, figure, lasts } from '../rig.js';
import { type Asked, Asking, sdkClient, type SdkClient } from './clients.js';
import { type GateCluster, gateRig } from './gate-rig.js';
import type { PushRecord } from './gate-protocol.js';

const WAIT_MS = 60_000;
const PER_SECOND = 50;

describeWith('what stands behind gates fails under load', ['nats-server', 'consul', 'redis-server'], () => {
  const rig = gateRig();

  /** 3 clients at each gate, which ask; both halls push to them. */
  async function underLoad(cluster: GateCluster) {
    const sdk = await Promise.all(Array.from({ length: 6 }, (_, i) => sdkClient(cluster.near[i % 2 === 0 ? 0 : 1].websocket.port, `u${i}`)));
    rig.cleanups.push(() => sdk.forEach(({ client }) => client.close()));
    const asking = sdk.map(({ client }) => new Asking(client));
    for (const hall of cluster.halls) await hall.ask({ do: 'push', plan: { users: sdk.map(({ user }) => user), perSecond: PER_SECOND } });
    await eventually('answers and pushes', WAIT_MS, () => asking.every(({ records }) => records.length > 5) && sdk.every(({ heard }) => heard.length > 5));
    return { sdk, asking };
  }

  type Loaded = Awaited<ReturnType<typeof underLoad>>;

  async function endOf({ asking }: Loaded): Promise<{ asked: Asked[]; failed: Asked[] }> {
    const asked = (await Promise.all(asking.map((each) => each.end()))).flat();
    return { asked, failed: asked.filter(({ error }) => error !== undefined) };
  }

  /** Ends pushes of halls that live; all that were acknowledged are there. */
  async function pushesOf(cluster: GateCluster, { sdk }: Loaded): Promise<{ failed: PushRecord[]; count: number }> {
    const pushed = (await Promise.all(cluster.halls.filter((hall) => hall.isRunning).map((hall) => hall.ask({ do: 'pushed' })))).flat();
    const missing = (): PushRecord[] => pushed.filter(({ n, user, error }) => error === undefined && !sdk.find((client) => client.user === user)!.heard.some((heard) => heard.n === n));
    await eventually('every push that was acknowledged', WAIT_MS, () => missing().length === 0).catch(() => {});
    assert.deepEqual(missing(), [], 'acknowledged to their senders, and lost');
    for (const { user, heard } of sdk) assert.equal(new Set(heard.map(({ n }) => n)).size, heard.length, `${user} was told something twice`);
    return { failed: pushed.filter(({ error }) => error !== undefined), count: pushed.length };
  }

  /** New answers for each client, none of them an error. */
  async function well({ asking }: Loaded, what: string): Promise<void> {
    const from = performance.now();
    await eventually(what, WAIT_MS, () => asking.every(({ records }) => records.filter(({ at, error }) => at > from && error === undefined).length > 2));
  }

  const stayed = (sdk: readonly SdkClient[]): void => {
    for (const { user, states } of sdk) assert.deepEqual(states, ['connected'], `${user} lost its connection`);
  };

  it('kill -9 of a backend costs the requests under way at it, SIGTERM of one costs none', async () => {
    const cluster = await rig.cluster();
    const load = await underLoad(cluster);
    cluster.halls[0].kill('SIGKILL');
    await cluster.halls[0].exited;
    await well(load, 'answers of the other one');
    const killed = load.asking.flatMap(({ records }) => records.filter(({ error }) => error !== undefined));
    assert.ok(killed.length <= 6, `${killed.length} requests failed`);
    for (const { error } of killed) assert.match(error!, /^failed: /);
    // Another one, and the first is told to stop.
    await cluster.hall(0).ready();
    await eventually('answers of the new one', WAIT_MS, () => load.asking.every(({ records }) => records.slice(-10).some(({ node }) => node === 'hall@h0')));
    cluster.halls[1].ask({ do: 'pushed' }).catch(() => {});
    cluster.halls[1].kill('SIGTERM');
    const exit = await cluster.halls[1].exited;
    assert.equal(exit.code, 0, cluster.halls[1].tail());
    await well(load, 'answers of the new one alone');
    const { asked, failed } = await endOf(load);
    figure(`kill -9 of a backend of gates: ${killed.length} of ${asked.length} requests failed; SIGTERM of one: ${failed.length - killed.length}`);
    assert.equal(failed.length, killed.length, failed.at(-1)?.error);
    stayed(load.sdk);
  });

  it('Redis killed and back: calls go on, pushers and new clients are told, and all is well again by itself', async () => {
    const cluster = await rig.cluster();
    const load = await underLoad(cluster);
    await cluster.redis.kill();
    for (const gate of cluster.gates) {
      await eventually('its word that it is not ready', WAIT_MS, async () => !(await gate.ask({ do: 'health' })).ready);
      assert.match(JSON.stringify((await gate.ask({ do: 'health' })).parts), /the gate's Redis is away/);
    }
    let isIn = false;
    const late = sdkClient(cluster.near[0].websocket.port, 'late', { maxRetryMs: 200 }).then((client) => ((isIn = true), rig.cleanups.push(() => client.close()), client));
    const { record } = await cluster.halls[0].call('hall@h0', '/gates', ['pushToUser', ['u0', 'inbox', { n: 'in vain' }, { qos: 1 }]]);
    assert.deepEqual([record.error?.code, record.error?.reason], ['UNAVAILABLE', 'REDIS_UNAVAILABLE'], record.error?.message);
    await lasts(1500);
    assert.equal(isIn, false, 'a client was let in that no gate can know of');
    await cluster.redis.restart();
    const backAt = performance.now();
    for (const gate of cluster.gates) await eventually('its word that it is ready', WAIT_MS, async () => (await gate.ask({ do: 'health' })).ready);
    const readyMs = performance.now() - backAt;
    await late;
    const heard = load.sdk.map((client) => client.heard.length);
    await eventually('pushes', WAIT_MS, () => load.sdk.every((client, i) => client.heard.length > heard[i]! + 3));
    const { failed, count } = await pushesOf(cluster, load);
    const requests = await endOf(load);
    figure(`Redis killed and back: gates ready ${readyMs.toFixed(0)} ms later; 0 of ${requests.asked.length} requests failed; ${failed.length} of ${count} pushes refused, 0 acknowledged ones lost`);
    assert.deepEqual(requests.failed, []);
    for (const { error } of failed) assert.equal(error, 'UNAVAILABLE REDIS_UNAVAILABLE');
    assert.ok(failed.length > 0);
    stayed(load.sdk);
  });

  it('Redis killed and back without its memory: clients come again, are told that they begin anew, and are found', async () => {
    const cluster = await rig.cluster({ redis: 'appendonly no' });
    const load = await underLoad(cluster);
    await cluster.redis.restart();
    await eventually('a new session of all', WAIT_MS, () => load.sdk.every(({ connects }) => connects.length === 2));
    for (const { connects } of load.sdk) assert.deepEqual(connects, [false, false]);
    const heard = load.sdk.map((client) => client.heard.length);
    await eventually('pushes', WAIT_MS, () => load.sdk.every((client, i) => client.heard.length > heard[i]! + 3));
    await endOf(load);
    await Promise.all(cluster.halls.map((hall) => hall.ask({ do: 'pushed' })));
    // A gate that is told to stop while it is away can tell nobody, and stops.
    await cluster.redis.kill();
    const toldAt = cluster.gates[0].kill('SIGTERM');
    const exit = await cluster.gates[0].exited;
    assert.deepEqual([exit.code, exit.signal], [0, null], cluster.gates[0].tail());
    assert.ok(exit.at - toldAt < 10_000, `it took ${exit.at - toldAt} ms to stop`);
  });

  it('NATS killed and back: clients stay connected and are told what does not work, and all is well again by itself', async () => {
    const cluster = await rig.cluster();
    const load = await underLoad(cluster);
    await cluster.nats.kill();
    for (const gate of cluster.gates) await eventually('its word that it is not ready', WAIT_MS, async () => !(await gate.ask({ do: 'health' })).ready);
    const from = performance.now();
    await eventually('failures', WAIT_MS, () => load.asking.every(({ records }) => records.some(({ at, error }) => at > from && error !== undefined)));
    await cluster.nats.restart();
    const backAt = performance.now();
    for (const gate of cluster.gates) await eventually('its word that it is ready', WAIT_MS, async () => (await gate.ask({ do: 'health' })).ready);
    await well(load, 'answers');
    const wellMs = performance.now() - backAt;
    const heard = load.sdk.map((client) => client.heard.length);
    await eventually('pushes', WAIT_MS, () => load.sdk.every((client, i) => client.heard.length > heard[i]! + 3));
    const { failed: pushes, count } = await pushesOf(cluster, load);
    const { failed, asked } = await endOf(load);
    figure(`NATS killed and back: all clients had answers ${wellMs.toFixed(0)} ms later; ${failed.length} of ${asked.length} requests failed, the slowest after ${Math.max(...failed.map(({ ms }) => ms)).toFixed(0)} ms; ${pushes.length} of ${count} pushes refused, 0 acknowledged ones lost`);
    for (const { error } of failed) assert.match(error!, /^failed: /);
    for (const { error } of pushes) assert.match(error!, /^UNAVAILABLE/);
    stayed(load.sdk);
  });

  it('Consul away and back: nobody notices, new clients neither', async () => {
    const cluster = await rig.cluster();
    const load = await underLoad(cluster);
    await cluster.consul.kill();
    await lasts(2000);
    const late = await sdkClient(cluster.near[1].websocket.port, 'late');
    rig.cleanups.push(() => late.close());
    assert.match((await late.client.request<{ node: string }>('hall/HD_where')).node, /^hall@h\d$/);
    await cluster.consul.restart();
    await well(load, 'answers');
    const { failed } = await pushesOf(cluster, load);
    assert.deepEqual([(await endOf(load)).failed, failed], [[], []]);
    stayed(load.sdk);
  });
});
