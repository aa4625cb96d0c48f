import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, it } from 'node:test';
import { generate } from 'mqtt-packet';
import { freePorts } from '../../services/free-port.js';
import { describeWith, type RunningServer, startNats, startRedis } from '../../services/index.js';
import { stamp } from '../protocol.js';
import { eventually, figure } from '../rig.js';
import { WorkerProcess } from '../worker-process.js';
import { Asking, sdkClient } from './clients.js';
import { CrowdProcess } from './crowd-process.js';
import type { GatePlan } from './gate-protocol.js';

const WAIT_MS = 30_000;
const MIB = 1024 * 1024;
const STORM = 2000;

/** Gate and hall in one process. */
function gateWorker(nats: RunningServer, gate: GatePlan, openFiles: number): WorkerProcess {
  return new WorkerProcess({ name: 'gate', nats: nats.url, services: ['hall'], nodeId: 'g', gate, openFiles }, ['--expose-gc']);
}

describeWith('5,000 clients at one gate', ['nats-server'], () => {
  const cleanups: (() => unknown)[] = [];
  after(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  it('are let in, and each is served', async () => {
    const count = 5000;
    const nats = await startNats();
    cleanups.push(() => nats.stop());
    const [tcp] = (await freePorts(1)) as [number];
    const gate = gateWorker(nats, { tcp, limits: { connectionsPerAddress: count, connectsPerSecond: count, connectTimeoutMs: 30_000 } }, count + 500);
    const crowd = new CrowdProcess(count + 500);
    cleanups.push(() => gate.destroy(), () => crowd.destroy());
    await gate.ready();
    const before = await gate.ask({ do: 'memory' });
    const from = performance.now();
    await crowd.ask({ do: 'open', count, port: tcp }, 120_000);
    const openMs = performance.now() - from;
    const idle = await gate.ask({ do: 'memory' });
    const askedAt = stamp();
    const answeredMs = (await crowd.ask({ do: 'ask', topic: 'hall/HD_where/1' }, 120_000)) - askedAt;
    await gate.call('Gate@g', 'BroadCast', [null, 'news', Buffer.from('{}')], WAIT_MS);
    await crowd.ask({ do: 'heard', topic: 'news' });
    assert.equal((await crowd.ask({ do: 'counts' })).in, count);
    assert.equal((await gate.ask({ do: 'gate' })).clients, count);
    const perClient = { heap: (idle.heap - before.heap) / count, rss: (idle.rss - before.rss) / count };
    figure(`5,000 clients at one gate: in after ${openMs.toFixed(0)} ms, all answered within ${answeredMs.toFixed(0)} ms; ${(perClient.heap / 1024).toFixed(1)} KiB of heap and ${(perClient.rss / 1024).toFixed(1)} KiB of memory for each`);
    assert.ok(perClient.heap < 32 * 1024, `${perClient.heap} bytes of heap for a client`);
    assert.ok(perClient.rss < 64 * 1024, `${perClient.rss} bytes of memory for a client`);
  });
});

describeWith('2,000 clients of a gate', ['nats-server', 'redis-server'], () => {
  const cleanups: (() => unknown)[] = [];
  let [nats, redis]: RunningServer[] = [];
  let plan: GatePlan;
  let gate: WorkerProcess;
  let crowd: CrowdProcess;
  const openGate = async (limits: Record<string, number> = {}): Promise<WorkerProcess> => {
    const worker = gateWorker(nats!, { ...plan, limits: { connectionsPerAddress: 3000, connectTimeoutMs: 30_000, outboundBytes: 8 * MIB, ...limits } }, STORM + 500);
    cleanups.push(() => worker.destroy());
    return worker.ready();
  };
  before(async () => {
    [nats, redis] = await Promise.all([startNats(), startRedis()]);
    cleanups.push(() => nats!.stop(), () => redis!.stop());
    const [tcp, websocket] = (await freePorts(2)) as [number, number];
    plan = { tcp, websocket, redis: redis.port };
    gate = await openGate({ connectsPerSecond: STORM });
    crowd = new CrowdProcess(STORM + 500);
    cleanups.push(() => crowd.destroy());
    await crowd.ask({ do: 'open', count: STORM, port: tcp }, 120_000);
  });
  after(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  it('one that never reads delays none of them, and is closed when too much waits for it', async () => {
    const stuck = await stuckClient(plan.tcp);
    cleanups.push(() => stuck.destroy());
    const { value } = await gate.call('hall', '/gates', ['isOnline', ['stuck']]);
    assert.equal(value, true);
    const to = async (bytes: number): Promise<number> => Number((await gate.call('hall', '/gates', ['pushToUser', ['stuck', 'flood', 'x'.repeat(bytes)]])).value);
    // More than both systems hold for it: from now on its messages wait in the gate.
    let sent = 0;
    for (; sent < 7 * MIB; sent += 65_536) assert.equal(await to(65_536), 1);
    const base = await gate.ask({ do: 'memory' });
    const rounds: number[] = [];
    for (let round = 0; round < 3; round++) {
      const topic = `news${round}`;
      const from = stamp();
      const { value: count } = await gate.call('Gate@g', 'BroadCast', [null, topic, Buffer.from(JSON.stringify({ text: 'x'.repeat(200) }))], WAIT_MS);
      assert.equal(count, STORM + 1);
      rounds.push((await crowd.ask({ do: 'heard', topic })) - from);
    }
    const best = Math.min(...rounds);
    for (; (await to(65_536)) === 1; sent += 65_536) assert.ok(sent < 64 * MIB, 'it was never closed');
    const { clients, counts } = await gate.ask({ do: 'gate' });
    const { rss } = await gate.ask({ do: 'memory' });
    figure(`a broadcast to 2,000 beside a stuck reader: the last had it after ${rounds.map((ms) => ms.toFixed(0)).join(', ')} ms; the stuck one was closed after ${(sent / MIB).toFixed(1)} MiB`);
    assert.deepEqual([clients, counts['gate.slow_client']], [STORM, 1]);
    assert.ok(best < 1000, `the last of 2,000 had it after ${rounds.join(', ')} ms`);
    assert.ok(rss - base.rss < 64 * MIB, `${(rss - base.rss) / MIB} MiB more`);
  });

  it('all come back to a gate that was killed and started again, no faster than it lets them in, and their sessions go on', async () => {
    gate.kill('SIGKILL');
    await gate.exited;
    const { tries } = await crowd.ask({ do: 'counts' });
    const from = performance.now();
    gate = await openGate();
    const readyAt = performance.now();
    await crowd.ask({ do: 'all' }, 120_000);
    const end = performance.now();
    const counts = await crowd.ask({ do: 'counts' });
    const refused = (await gate.ask({ do: 'gate' })).counts['gate.connection_refused connectsPerSecond'] ?? 0;
    figure(`2,000 clients come back to a gate that was killed: all in after ${((end - readyAt) / 1000).toFixed(1)} s at 200 a second, ${refused} of ${counts.tries - tries} tries refused`);
    assert.ok(counts.resumed >= STORM, `${counts.resumed} sessions went on`);
    assert.equal((await gate.ask({ do: 'gate' })).clients, STORM);
    // A second's worth at once, the rest at 200 a second.
    assert.ok(end - from >= 9000, `2,000 were in within ${end - from} ms`);
    assert.ok(end - readyAt < 60_000, `it took ${end - readyAt} ms`);
  });

  it('all are cut off in one moment and come back; one that was not is served all the while', async () => {
    const bystander = await sdkClient(plan.websocket!, 'bystander');
    cleanups.push(() => bystander.close());
    const asking = new Asking(bystander.client, 20);
    await eventually('its answers', WAIT_MS, () => asking.records.length > 5);
    const { resumed } = await crowd.ask({ do: 'counts' });
    const from = performance.now();
    await crowd.ask({ do: 'drop' });
    await eventually('the loss', WAIT_MS, async () => (await crowd.ask({ do: 'counts' })).in < STORM);
    await crowd.ask({ do: 'all' }, 120_000);
    const ms = performance.now() - from;
    const records = await asking.end();
    const times = records.filter(({ at }) => at > from).map((record) => record.ms).sort((a, b) => a - b);
    figure(`2,000 clients cut off at once: all back after ${(ms / 1000).toFixed(1)} s; ${records.length} answers to one that was not: median ${times[times.length >> 1]!.toFixed(0)} ms, slowest ${times.at(-1)!.toFixed(0)} ms`);
    assert.deepEqual(records.filter(({ error }) => error !== undefined), []);
    assert.deepEqual(bystander.states, ['connected']);
    assert.ok((await crowd.ask({ do: 'counts' })).resumed - resumed >= STORM);
    assert.ok(times[times.length >> 1]! < 500, `half of its answers took longer than ${times[times.length >> 1]} ms`);
    assert.ok(ms < 60_000, `it took ${ms} ms`);
  });

  it('SIGTERM: they are told to go over two seconds, and the gate ends with 0', async () => {
    const toldAt = gate.kill('SIGTERM');
    const exit = await gate.exited;
    figure(`SIGTERM of a gate with 2,000 clients: exit ${(exit.at - toldAt).toFixed(0)} ms later`);
    assert.deepEqual([exit.code, exit.signal], [0, null], gate.tail());
    assert.ok(exit.at - toldAt >= 1900, `all were sent away within ${exit.at - toldAt} ms`);
    assert.ok(exit.at - toldAt < 15_000, `it took ${exit.at - toldAt} ms to stop`);
    await eventually('the end of all connections', WAIT_MS, async () => (await crowd.ask({ do: 'counts' })).in === 0);
  });
});

/** In, and never reads. */
async function stuckClient(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await new Promise((resolve) => {
    socket.once('readable', resolve);
    socket.write(generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'stuck', clean: true, keepalive: 0, username: 'stuck' }));
  });
  return socket.pause();
}
