import assert from 'node:assert/strict';
import { it } from 'node:test';
import { addrOf, eventually, failures, faultRig, figure, isSoak, lasts, quantile, reasons } from '../fault/rig.js';
import { describeWith } from '../services/index.js';

const awayMs = isSoak ? 40_000 : 8000;

describeWith('NATS goes away', ['nats-server', 'consul'], () => {
  const rig = faultRig();

  for (const wire of ['anthill/1', 'mqant']) {
    it(`${wire}: ${awayMs / 1000} s without it, then back: calls fail fast meanwhile, and go again within 5 s, with no restart of ours (F20, F21)`, async () => {
      const [nats, consul] = await Promise.all([rig.nats(), rig.consul()]);
      const plan = { nats: nats.url, consul: addrOf(consul), wires: [wire] };
      const workers = await Promise.all([
        rig.start({ ...plan, name: 'caller', services: [] }, ['--expose-gc']),
        ...['a', 'b'].map((id) => rig.start({ ...plan, name: `node-${id}`, services: ['echo'], nodeId: id })),
      ]);
      const [caller] = workers;
      await caller.load({ target: 'echo', perSecond: 200, timeoutMs: 5000, calls: [['/slow', 5]] });
      await lasts(1000);
      const heapBefore = (await caller.ask({ do: 'memory' })).heap;
      await nats.kill();
      const killedAt = performance.timeOrigin + performance.now();
      const redMs = await eventually('red readiness everywhere', 3000, async () => (await Promise.all(workers.map((worker) => worker.ask({ do: 'health' })))).every(({ ready }) => !ready));
      const seenBy = killedAt + redMs;
      await lasts(awayMs);
      const [red] = await Promise.all(workers.map((worker) => worker.ask({ do: 'health' })));
      const detail = red!.parts.find(({ name }) => name === 'transport nats');
      assert.equal(detail?.status, 'down');
      assert.match(detail?.detail ?? '', new RegExp(`NATS at 127\\.0\\.0\\.1:${nats.port}`));
      // Its own records are not what is measured.
      const records = [...(await caller.ask({ do: 'peek' }))];
      const grown = ((await caller.ask({ do: 'memory' })).heap - heapBefore) / 2 ** 20;

      const listeningFrom = performance.timeOrigin + performance.now();
      await nats.restart();
      const backAt = performance.timeOrigin + performance.now();
      await eventually('green readiness everywhere', 5000, async () => (await Promise.all(workers.map((worker) => worker.ask({ do: 'health' })))).every(({ ready }) => ready));
      await lasts(1500);
      records.push(...(await caller.ask({ do: 'unload' })));

      const before = records.filter(({ at }) => at < killedAt - 1000);
      assert.equal(failures(before).length, 0, reasons(before));
      // From a moment after the kill, so that the connection's end has been seen, until the server is started again.
      const away = records.filter(({ at }) => at > killedAt + 200 && at < listeningFrom);
      assert.ok(away.length > (awayMs / 1000) * 150, `only ${away.length} calls were made`);
      const otherwise = away.filter(({ error }) => error?.code !== 'UNAVAILABLE' || error.reason !== 'TRANSPORT_DOWN');
      assert.equal(otherwise.length, 0, `${otherwise.length} went otherwise:\n${reasons(otherwise)}`);
      // Of all but a hundredth: the rest is what else the machine does. None waits for anything.
      assert.ok(quantile(away, 0.99) < 50 && quantile(away, 1) < 1000, `calls took ${quantile(away, 0.99)} ms (p99), ${quantile(away, 1)} ms (longest) to fail`);
      const firstOk = Math.min(...records.filter(({ at, error }) => at > killedAt + 200 && error === undefined).map(({ at, ms }) => at + ms));
      const late = failures(records.filter(({ at }) => at > firstOk + 1000));
      figure(
        `${wire}, NATS away ${awayMs / 1000} s: ${away.length} calls failed in ${quantile(away, 0.99).toFixed(1)} ms (p99), ${quantile(away, 1).toFixed(1)} ms (longest); ` +
          `unready ${redMs.toFixed(0)} ms after the kill; first success ${(firstOk - backAt).toFixed(0)} ms after it answered again; heap ${grown.toFixed(1)} MiB more`,
      );
      assert.ok(firstOk - backAt < 5000, `first success after ${firstOk - backAt} ms`);
      assert.deepEqual(late, [], reasons(late));
      // Nothing waited for its deadline: what was in flight when the caller saw the end failed then, or (mqant, docs/adr/0006) may wait.
      // A call between the kill and that moment was handed to a socket that is not known to be dead yet.
      const stuck = records.filter(({ at, ms }) => ms > 1000 && (wire === 'anthill/1' || at > seenBy));
      assert.deepEqual(stuck, [], reasons(stuck));
      assert.ok(grown < 5, `the caller's heap grew by ${grown} MiB`);
      for (const worker of workers) {
        const lines = worker.log.filter((line) => /WARN|ERROR/.test(line));
        assert.ok(lines.length <= 4, `${worker.plan.name} wrote ${lines.length} warnings:\n${lines.join('\n')}`);
        assert.ok(!worker.log.some((line) => /unhandled/i.test(line)), worker.tail());
        // Exit code 0 proves that it is the same process, and that no rejection ended it.
        await worker.stop();
      }
    });
  }
});
