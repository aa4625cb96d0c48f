import assert from 'node:assert/strict';
import { it } from 'node:test';
import { connect } from '@nats-io/transport-node';
import { garbage, seeded } from '../fault/garbage.js';
import { addrOf, assertNoFailures, faultRig, figure, isSoak, quantile } from '../fault/rig.js';
import { describeWith } from '../services/index.js';

const total = isSoak ? 1_000_000 : 50_000;
const batch = 500;
const seed = Number(process.env['ANTHILL_SEED'] ?? Date.now() % 1_000_000);
const MiB = 2 ** 20;

describeWith('garbage on the bus', ['nats-server', 'consul'], () => {
  const rig = faultRig();

  it(`${total} random and mutated messages to a node's subjects: no crash, memory flat, valid calls answered all along (seed ${seed})`, async () => {
    const [nats, consul] = await Promise.all([rig.nats(), rig.consul()]);
    const plan = { nats: nats.url, consul: addrOf(consul) };
    const connection = await connect({ servers: nats.url });
    try {
      const real: Uint8Array[] = [];
      const tap = connection.subscribe('anthill.>', { callback: (_, message) => void real.push(message.data.slice()) });
      await connection.flush();
      const node = await rig.start({ ...plan, name: 'node', services: ['echo'] }, ['--expose-gc']);
      // Real messages of both wires, of processes that are gone afterwards: nobody who calls below is impersonated.
      for (const wire of ['anthill/1', 'mqant']) {
        const donor = await rig.start({ ...plan, name: `donor ${wire}`, services: [], wires: [wire] });
        await Promise.all(Array.from({ length: 20 }, (_, i) => donor.call('echo', '/echo', [`text ${i}`], 500)));
        await donor.call('echo', '/pause', [], 50);
        await donor.call('echo', '/nothing-here', [{ a: [1, 2n, null, 'x'], b: new Uint8Array(40) }], 500);
        await donor.stop();
      }
      tap.unsubscribe();
      assert.ok(real.length > 20, `${real.length} real messages`);

      const [caller] = await Promise.all(['anthill/1', 'mqant'].map((wire) => rig.start({ ...plan, name: `caller ${wire}`, services: [], wires: [wire] })));
      await caller!.load({ target: 'echo', perSecond: 100, timeoutMs: 10_000, calls: [['/echo', 'valid']] });
      const [target] = await caller!.ask({ do: 'nodes', type: 'echo' });
      const process = target!.metadata['anthill.process']!;
      const subjects = [process, target!.address, process.replace('anthill.process.', 'anthill.process.mqant-')];
      const below = seeded(seed);
      const startedAt = performance.now();
      let settled = { heap: 0, external: 0, rss: 0 };
      for (let sent = 0; sent < total; sent += batch) {
        for (let i = 0; i < batch; i++) connection.publish(subjects[below(subjects.length)]!, garbage(below, real));
        await connection.flush();
        // Its answer shows that the node has read the batch.
        const { record } = await caller!.call('echo', '/echo', ['valid'], 10_000);
        assertNoFailures([record], `after ${sent} messages`);
        if (sent + batch === total / 5) settled = await node.ask({ do: 'memory' });
      }
      const seconds = (performance.now() - startedAt) / 1000;
      const records = await caller!.ask({ do: 'unload' });
      const end = await node.ask({ do: 'memory' });
      const grown = (key: 'heap' | 'external' | 'rss'): string => ((end[key] - settled[key]) / MiB).toFixed(1);
      figure(
        `${total} garbage messages in ${seconds.toFixed(0)} s: 0 of ${records.length} valid calls failed, longest ${quantile(records, 1).toFixed(0)} ms; ` +
          `since the first fifth heap grew by ${grown('heap')} MiB to ${(end.heap / MiB).toFixed(1)}, external by ${grown('external')} MiB, rss by ${grown('rss')} MiB`,
      );
      assertNoFailures(records, 'beside garbage');
      assert.ok(records.length > seconds * 50);
      assert.ok(end.heap - settled.heap < 8 * MiB, `heap grew by ${grown('heap')} MiB`);
      assert.ok(end.external - settled.external < 8 * MiB, `external memory grew by ${grown('external')} MiB`);
      assert.ok((await node.ask({ do: 'health' })).ready);
      const loud = node.log.filter((line) => /WARN|ERROR/.test(line));
      assert.ok(loud.length < 20, `${loud.length} lines of log: ${loud.slice(0, 5).join('\n')}`);
      await node.stop();
    } finally {
      await connection.close();
    }
  });
});
