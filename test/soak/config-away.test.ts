import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startReader, stores } from '../e2e/config-centre.support.js';
import { until } from '../e2e/redis.support.js';
import { isSoak } from '../fault/rig.js';
import { describeWith } from '../services/index.js';

const awayMs = isSoak ? 60_000 : 4000;

for (const [name, need, open] of stores) {
  describeWith(`config centre in ${name} goes away`, [need], () => {
    it(`for ${awayMs / 1000} s: the last snapshot serves, health says so, the app stays ready and catches up by itself`, async (t) => {
      const store = await open();
      t.after(() => store.close());
      await store.put('away/Settings/load', '{ "n": 1, "twice": 2 }');
      const ends: (() => Promise<unknown>)[] = [];
      t.after(async () => {
        for (const end of ends) await end();
      });
      const { app, reader, detail } = await startReader(ends, [store.source('away')]);
      await reader.config.set('other', 1);
      await store.server.kill();
      await until('the detail', () => /cannot be reached|cannot serve/.test(detail() ?? ''));
      assert.equal(app.health().ready, true);
      const goneAt = performance.now();
      while (performance.now() - goneAt < awayMs) {
        assert.deepEqual(reader.load.value, { n: 1, twice: 2 });
        await delay(100);
      }
      await assert.rejects(reader.config.read('load'), { code: 'UNAVAILABLE', reason: 'CONFIG_UNAVAILABLE' });
      await assert.rejects(reader.config.set('other', 1), { reason: 'CONFIG_UNAVAILABLE' });
      await store.server.restart();
      // Consul in development mode has forgotten all: what it says now is what counts.
      await store.put('away/Settings/load', '{ "n": 7, "twice": 14 }');
      const backAt = performance.now();
      await until('the change', () => reader.load.value.n === 7);
      t.diagnostic(`caught up after ${Math.round(performance.now() - backAt)} ms`);
      await until('the detail is gone', () => detail() === undefined);
    });
  });
}
