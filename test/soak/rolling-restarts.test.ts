import assert from 'node:assert/strict';
import { it } from 'node:test';
import { addrOf, assertNoFailures, eventually, faultRig, figure, isSoak, lasts, quantile } from '../fault/rig.js';
import type { CallRecord } from '../fault/protocol.js';
import type { WorkerProcess } from '../fault/worker-process.js';
import { describeWith } from '../services/index.js';

/** Each restarts all three nodes, one after the other. */
const rounds = isSoak ? 20 : 1;

describeWith('rolling restarts', ['nats-server', 'consul'], () => {
  const rig = faultRig();

  for (const [named, wire] of [[true, 'anthill/1'], [false, 'anthill/1'], [true, 'mqant']] as const) {
    it(`${rounds} of three nodes ${named ? 'with ids of their own' : 'with random ids'} over ${wire} under 500 calls/s: no call fails (F13)`, async () => {
      const [nats, consul] = await Promise.all([rig.nats(), rig.consul()]);
      const plan = { nats: nats.url, consul: addrOf(consul), wires: [wire] };
      const start = (id: string): Promise<WorkerProcess> => rig.start({ ...plan, name: `node-${id}`, services: ['echo'], ...(named && { nodeId: id }) });
      const caller = await rig.start({ ...plan, name: 'caller', services: [] });
      const ids = ['a', 'b', 'c'];
      const nodes = new Map(await Promise.all(ids.map(async (id) => [id, await start(id)] as const)));
      await caller.load({ target: 'echo', perSecond: 500, timeoutMs: 5000, calls: [['/slow', 5], ['/echo', 'x'], ['/slow', 30]] });
      await lasts(500);
      let total = 0;
      let worst = 0;
      let restarts = 0;
      for (let round = 0; round < rounds; round++) {
        for (const id of ids) {
          await nodes.get(id)!.stop();
          nodes.set(id, await start(id));
          // The next one goes only when this one is in use: capacity never below two.
          const seen: CallRecord[] = [];
          await eventually('calls at all three', 10_000, async () => {
            const records = await caller.ask({ do: 'peek' });
            seen.push(...records);
            return new Set(records.map(({ node }) => node)).size === 3;
          });
          assertNoFailures(seen, `restart of ${id} in round ${round + 1}`);
          total += seen.length;
          worst = Math.max(worst, quantile(seen, 0.99));
          restarts++;
        }
      }
      const rest = await caller.ask({ do: 'unload' });
      assertNoFailures(rest, 'after the last restart');
      total += rest.length;
      figure(`rolling restarts, ${named ? 'given' : 'random'} ids, ${wire}: 0 of ${total} calls failed over ${restarts} restarts; worst p99 of a restart ${worst.toFixed(0)} ms`);
      assert.equal(restarts, rounds * 3);
    });
  }
});
