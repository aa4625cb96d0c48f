import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeWith } from '../services/index.js';
import type { CallRecord } from './protocol.js';
import { addrOf, assertNoFailures, eventually, failures, faultRig, figure, lasts, quantile, reasons } from './rig.js';

/** Rig R of the failure catalogue: three nodes, 200 calls per second, 5 ms handler, 1 s deadline. */
const load = { target: 'echo', perSecond: 200, timeoutMs: 1000, calls: [['/slow', 5]] } as const;
const stalledMs = 8000;

describeWith('a node stalls', ['nats-server', 'consul'], () => {
  const rig = faultRig();

  it('SIGSTOP of one of three: avoided within 2 s though Consul still lists it, back in use after SIGCONT (F02)', async () => {
    const [nats, consul] = await Promise.all([rig.nats(), rig.consul()]);
    const plan = { nats: nats.url, consul: addrOf(consul) };
    const [caller, ...nodes] = await Promise.all([
      rig.start({ ...plan, name: 'caller', services: [] }),
      ...['a', 'b', 'c'].map((id) => rig.start({ ...plan, name: `node-${id}`, services: ['echo'], nodeId: id })),
    ]);
    await caller.load(load);
    await lasts(1500);
    const normal = await caller.ask({ do: 'peek' });
    assertNoFailures(normal, 'before the stall');

    const stoppedAt = nodes[0]!.kill('SIGSTOP');
    await lasts(stalledMs);
    const resumedAt = nodes[0]!.kill('SIGCONT');
    const during = await caller.ask({ do: 'peek' });
    let after: CallRecord[] = [];
    const backMs = await eventually('traffic at the node again', 10_000, async () => {
      after = [...after, ...(await caller.ask({ do: 'peek' }))];
      return after.some(({ node, at, error }) => node === 'echo@a' && at > resumedAt && error === undefined);
    });
    await lasts(500);
    after.push(...(await caller.ask({ do: 'unload' })));

    const failed = failures([...during, ...after]);
    const early = failed.filter(({ at }) => at < stoppedAt + 2000);
    const late = failed.filter(({ at }) => at >= stoppedAt + 2000);
    const settled = during.filter(({ at }) => at > stoppedAt + 2000);
    figure(
      `SIGSTOP of one of three for ${stalledMs} ms at ${load.perSecond}/s: ${early.length} failed in the first 2 s, ${late.length} later; ` +
        `p99 ${quantile(normal, 0.99).toFixed(1)} ms before, ${quantile(settled, 0.99).toFixed(1)} ms after 2 s; traffic again ${backMs.toFixed(0)} ms after SIGCONT`,
    );
    for (const { error, node } of failed) assert.deepEqual([error?.code, node], ['DEADLINE_EXCEEDED', 'echo@a'], reasons(failed));
    assert.ok(early.length <= load.perSecond * 0.8, `${early.length} failed before the node was avoided`);
    assert.ok(late.length <= 5, `${late.length} failed after 2 s:\n${reasons(late)}`);
    assert.ok(after.some(({ node, error }) => node === 'echo@a' && error === undefined));
    assertNoFailures(after.filter(({ at }) => at > resumedAt + 1000), 'after it runs again');
  });
});
