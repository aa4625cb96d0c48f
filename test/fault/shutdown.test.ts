import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeWith, type RunningServer } from '../services/index.js';
import { addrOf, assertNoFailures, eventually, faultRig, figure, healthyIn, lasts, reasons } from './rig.js';
import type { WorkerProcess } from './worker-process.js';

describeWith('a node is told to stop', ['nats-server', 'consul'], () => {
  const rig = faultRig();
  const setUp = async (): Promise<{ consul: RunningServer; plan: { nats: string; consul: string }; caller: WorkerProcess }> => {
    const [nats, consul] = await Promise.all([rig.nats(), rig.consul()]);
    const plan = { nats: nats.url, consul: addrOf(consul) };
    return { consul, plan, caller: await rig.start({ ...plan, name: 'caller', services: [] }) };
  };

  it('SIGTERM under 500 calls/s of 5 ms and 2 s handlers: no call fails, exit code 0 (F12)', async () => {
    const { plan, consul, caller } = await setUp();
    const [node] = await Promise.all(['a', 'b'].map((id) => rig.start({ ...plan, name: `node-${id}`, services: ['echo'], nodeId: id })));
    await caller.load({ target: 'echo', perSecond: 500, calls: [['/slow', 5], ['/slow', 5], ['/slow', 5], ['/slow', 5], ['/slow', 2000]] });
    await lasts(3000);
    const toldAt = node!.kill('SIGTERM');
    const exit = await node!.exited;
    assert.deepEqual(await healthyIn(consul, 'echo'), ['echo@b']);
    await lasts(1000);
    const records = await caller.ask({ do: 'unload' });
    const served = records.filter(({ node: id }) => id === 'echo@a');
    figure(`SIGTERM under load: 0 of ${records.length} calls failed, ${served.filter(({ at }) => at > toldAt).length} reached it after the signal, exit ${(exit.at - toldAt).toFixed(0)} ms later`);
    assertNoFailures(records, 'around SIGTERM');
    assert.deepEqual([exit.code, exit.signal], [0, null], node!.tail());
    assert.ok(exit.at - toldAt > 1000, 'it had 2 s handlers to wait for');
    assert.ok(exit.at - toldAt < 20_000);
    assert.deepEqual(served.filter(({ at }) => at > toldAt + 1000), [], 'calls were accepted a second after deregistration');
  });

  it('an idle one ends quickly', async () => {
    const { plan, consul, caller } = await setUp();
    const node = await rig.start({ ...plan, name: 'node', services: ['echo'] });
    await caller.call('echo', '/echo', ['x']);
    const toldAt = node.kill('SIGTERM');
    const exit = await node.exited;
    figure(`SIGTERM of an idle node: exit ${(exit.at - toldAt).toFixed(0)} ms later`);
    assert.equal(exit.code, 0, node.tail());
    assert.ok(exit.at - toldAt < 1500, `${exit.at - toldAt} ms`);
    assert.deepEqual(await healthyIn(consul, 'echo'), []);
  });

  for (const [signal, code] of [['SIGTERM', 143], ['SIGINT', 130]] as const) {
    it(`a second signal, ${signal}, ends it at once with ${code}`, async () => {
      const { plan, caller } = await setUp();
      const node = await rig.start({ ...plan, name: 'node', services: ['echo'] });
      const pending = caller.call('echo', '/slow', [20_000], 3000);
      await caller.call('echo', '/echo', ['x']);
      node.kill(signal);
      await node.line(new RegExp(`${signal}: stopping`));
      const againAt = node.kill(signal);
      const exit = await node.exited;
      assert.deepEqual([exit.code, exit.signal], [code, null], node.tail());
      assert.ok(exit.at - againAt < 500, `${exit.at - againAt} ms`);
      await pending;
    });
  }

  it('SIGINT alone stops it as SIGTERM does', async () => {
    const { plan, consul } = await setUp();
    const node = await rig.start({ ...plan, name: 'node', services: ['echo'] });
    node.kill('SIGINT');
    const exit = await node.exited;
    assert.deepEqual([exit.code, exit.signal], [0, null], node.tail());
    assert.deepEqual(await healthyIn(consul, 'echo'), []);
  });

  it('a handler that hangs is cut off after killWaitMs: code 1, the log names it, its caller is told (F14)', async () => {
    const { plan, consul, caller } = await setUp();
    const killWaitMs = 2000;
    const node = await rig.start({ ...plan, name: 'node', services: ['echo'], killWaitMs });
    const pending = caller.call('echo', '/stubborn', [], 30_000);
    await caller.call('echo', '/echo', ['x']);
    const toldAt = node.kill('SIGTERM');
    const exit = await node.exited;
    figure(`SIGTERM with a hung handler and killWaitMs ${killWaitMs}: exit ${(exit.at - toldAt).toFixed(0)} ms later`);
    assert.deepEqual([exit.code, exit.signal], [1, null], node.tail());
    assert.ok(exit.at - toldAt >= killWaitMs - 100 && exit.at - toldAt <= killWaitMs + 1000, `${exit.at - toldAt} ms`);
    assert.match(node.tail(), /aborted after killWaitMs: echo@\w+ \/stubborn \(\d/);
    const { record } = await pending;
    assert.deepEqual([record.error?.code, record.error?.reason], ['UNAVAILABLE', 'HANDLER_ABORTED'], reasons([record]));
    assert.deepEqual(await healthyIn(consul, 'echo'), []);
  });

  it('SIGTERM while it starts leaves no registration (F15)', async () => {
    const { plan, consul } = await setUp();
    // At several moments of the start: the steps differ in what has to be undone.
    for (const waitMs of [0, 5, 15, 30, 60]) {
      const node = rig.spawn({ ...plan, name: `boot-${waitMs}`, services: ['echo'] });
      await node.created();
      await lasts(waitMs);
      const toldAt = node.kill('SIGTERM');
      const exit = await node.exited;
      assert.ok(exit.at - toldAt < 2000, `after ${waitMs} ms of start it took ${exit.at - toldAt} ms`);
      assert.deepEqual([exit.code, exit.signal], [0, null], node.tail());
      assert.deepEqual(await healthyIn(consul, 'echo'), [], `after ${waitMs} ms of start`);
    }
  });

  it('SIGTERM while it waits for NATS ends it', async () => {
    const { plan, consul } = await setUp();
    const node = rig.spawn({ ...plan, nats: 'nats://127.0.0.1:9', name: 'waits', services: ['echo'] });
    await node.line(/trying again/);
    const toldAt = node.kill('SIGTERM');
    const exit = await node.exited;
    assert.deepEqual([exit.code, exit.signal], [0, null], node.tail());
    assert.ok(exit.at - toldAt < 2000);
    assert.deepEqual(await healthyIn(consul, 'echo'), []);
  });

  it('stops in time while Consul is away, and loses no call of those who have not heard of it', async () => {
    const { plan, consul, caller } = await setUp();
    const [node] = await Promise.all(['a', 'b'].map((id) => rig.start({ ...plan, name: `node-${id}`, services: ['echo'], nodeId: id })));
    await caller.load({ target: 'echo', perSecond: 500, timeoutMs: 3000, calls: [['/slow', 5]] });
    await eventually('calls at both', 5000, async () => new Set((await caller.ask({ do: 'peek' })).map(({ node: id }) => id)).size === 2);
    await consul.kill();
    const toldAt = node!.kill('SIGTERM');
    const exit = await node!.exited;
    await lasts(1000);
    const records = await caller.ask({ do: 'unload' });
    figure(`SIGTERM without Consul: ${records.filter(({ error }) => error).length} of ${records.length} calls failed, exit ${(exit.at - toldAt).toFixed(0)} ms later`);
    assertNoFailures(records, 'around SIGTERM without Consul');
    assert.ok(exit.at - toldAt < 5000);
    // It could not take itself out, which its TTL does; all that was asked of it was answered.
    assert.deepEqual([exit.code, exit.signal], [0, null], node!.tail());
    assert.match(node!.tail(), /stopping without the registry: .*they expire by their TTL/);
  });
});
