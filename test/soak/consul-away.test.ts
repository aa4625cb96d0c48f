import assert from 'node:assert/strict';
import { it } from 'node:test';
import { addrOf, assertNoFailures, eventually, failures, faultRig, figure, healthyIn, isSoak, lasts, reasons } from '../fault/rig.js';
import { describeWith } from '../services/index.js';

const awayMs = isSoak ? 60_000 : 10_000;
const intervalMs = 10_000;

describeWith('Consul goes away', ['nats-server', 'consul'], () => {
  const rig = faultRig();

  it(`${awayMs / 1000} s without it, then back with its state lost: no call fails, nodes register again within an interval, new nodes are found (F27, F28)`, async () => {
    const [nats, consul] = await Promise.all([rig.nats(), rig.consul()]);
    const plan = { nats: nats.url, consul: addrOf(consul) };
    const [caller, ...nodes] = await Promise.all([
      rig.start({ ...plan, name: 'caller', services: [] }),
      ...['a', 'b', 'c'].map((id) => rig.start({ ...plan, name: `node-${id}`, services: ['echo'], nodeId: id, intervalMs, ttlMs: 2 * intervalMs })),
    ]);
    await caller.load({ target: 'echo', perSecond: 200, calls: [['/slow', 5]] });
    await lasts(1000);
    await consul.kill();
    await lasts(awayMs);
    const red = await caller.ask({ do: 'health' });
    assert.match(red.parts.find(({ name }) => name === 'registry consul')?.detail ?? '', /cannot be reached/);
    await consul.restart();
    const registeredMs = await eventually('all nodes in the new Consul', intervalMs, async () => (await healthyIn(consul, 'echo')).length === 3);
    await eventually('green health', intervalMs, async () => (await Promise.all(nodes.map((node) => node.ask({ do: 'health' })))).every(({ ready }) => ready));
    const fourth = await rig.start({ ...plan, name: 'node-d', services: ['echo'], nodeId: 'd' });
    let seen = 0;
    const foundMs = await eventually('a call to the new node', 10_000, async () => {
      const records = await caller.ask({ do: 'peek' });
      seen += records.length;
      assertNoFailures(records, 'around the outage');
      return records.some(({ node }) => node === 'echo@d');
    });
    // A dead one is believed dead after the hold, not kept for ever.
    nodes[0]!.kill('SIGKILL');
    await lasts(2000);
    const rest = await caller.ask({ do: 'unload' });
    const spread = new Set(rest.filter(({ error }) => error === undefined).map(({ node }) => node));
    assert.ok(failures(rest).length <= 10 && failures(rest).every(({ node }) => node === 'echo@a'), reasons(rest));
    assert.ok(spread.has('echo@b') && spread.has('echo@c') && spread.has('echo@d'));
    figure(`Consul away ${awayMs / 1000} s: 0 of ${seen} calls failed; all nodes registered ${registeredMs.toFixed(0)} ms after it answered; a new node was called ${foundMs.toFixed(0)} ms after it was ready`);
    for (const worker of [caller, nodes[1]!, fourth]) {
      const lines = worker.log.filter((line) => /WARN|ERROR/.test(line));
      assert.ok(lines.length <= 5, `${worker.plan.name} wrote ${lines.length} warnings:\n${lines.join('\n')}`);
      await worker.stop();
    }
  });
});
