import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { inspect } from 'node:util';
import { RpcFactory } from '../../lib/index.js';
import { isolated, Lines } from '../integration/app.support.js';
import { describeWith } from '../services/index.js';
import { ReaderModule, startReader, stores, type ReaderApp, type Store } from './config-centre.support.js';
import { until } from './redis.support.js';

for (const [name, need, open] of stores) {
  describeWith(`what can be wrong in ${name}`, [need], () => {
    let store: Store;
    const ends: (() => Promise<unknown>)[] = [];
    before(async () => {
      store = await open();
    });
    after(async () => {
      for (const end of ends.reverse()) await end();
      await store.close();
    });
    const start = (prefix: string): Promise<ReaderApp> => startReader(ends, [store.source(prefix)]);

    for (const [what, text, said] of [
      ['broken JSON', '{ "n": 1,', /Settings\/load/],
      ['another type', '{ "n": "many", "twice": "more" }', /load/],
      ['a list', '[1, 2]', /load/],
      ['JSON that is nested without an end', `${'['.repeat(5000)}${']'.repeat(5000)}`, /load/],
      ['a prototype', '{ "n": 1, "twice": 3, "__proto__": { "polluted": true } }', /load/],
    ] as const) {
      it(`${what}: the old value stays, the detail says where, a good one follows`, async () => {
        const prefix = `wrong/${what.replace(/\W/g, '')}`;
        await store.put(`${prefix}/Settings/load`, '{ "n": 1, "twice": 2 }');
        const { app, reader, detail } = await start(prefix);
        await store.put(`${prefix}/Settings/load`, text);
        await until('the detail', () => said.test(detail() ?? ''));
        assert.equal(reader.load.value.n, 1);
        assert.equal(app.health().ready, true);
        assert.equal(({} as { polluted?: boolean }).polluted, undefined);
        await store.put(`${prefix}/Settings/load`, '{ "n": 2, "twice": 4 }');
        await until('the good one', () => reader.load.value.n === 2 && detail() === undefined);
        // At the start the same is told, and nothing is left open.
        await store.put(`${prefix}/Settings/load`, text);
        await assert.rejects(RpcFactory.create({ ...isolated, modules: [ReaderModule], sources: [store.source(prefix)] }), (error: Error & { reason: string }) => said.test(error.message) && /^(CONFIG_\w+|BOOT_FAILED)$/.test(error.reason));
      });
    }

    it('a key that is taken out: its default is back', async () => {
      const { reader } = await start('taken/out');
      await reader.config.set('load', { n: 5, twice: 10 });
      assert.equal(reader.load.value.n, 5);
      await reader.config.set('load', undefined);
      await until('the default', () => reader.load.value.n === 0);
    });

    it('a value of 500 KB and five thousand keys hold nobody up', async () => {
      const big = 'x'.repeat(500_000);
      await store.put('big/Settings/other', JSON.stringify({ big }));
      for (let i = 0; i < 5000; i += 50) await Promise.all(Array.from({ length: 50 }, (_, j) => store.put(`big/Settings/many/key${i + j}`, `${i + j}`)));
      const { app, reader } = await start('big');
      assert.equal(Object.keys(app.config.settings['many'] as object).length, 5000);
      assert.equal((reader.other.value as { big: string }).big, big);
      for (let n = 1; n <= 100; n++) await store.put('big/Settings/load', `{ "n": ${n}, "twice": ${2 * n} }`);
      await until('a hundred changes', () => reader.load.value.n === 100, 60_000);
    });

    it('secrets stand nowhere', async () => {
      const lines = new Lines();
      const env = { SECRET: 'canary-tops3cret' };
      await store.put('secret/Settings/other', '{ "password": "canary-inclear", "key": "$env:SECRET" }');
      const { app, reader, detail } = await startReader(ends, [store.source('secret')], { env, logger: lines });
      assert.deepEqual({ ...(reader.other.value as object) }, { password: 'canary-inclear', key: 'canary-tops3cret' });
      await store.put('secret/Settings/load', '{ "n": 1, "password": "canary-inclear"');
      await until('the detail', () => detail() !== undefined);
      const error = await RpcFactory.create({ ...isolated, env, modules: [ReaderModule], sources: [store.source('secret')] }).then(() => assert.fail(), (reason: unknown) => reason);
      for (const shown of [lines.lines.join('\n'), JSON.stringify(app.health()), JSON.stringify(app.config), inspect(app.config, { depth: 20 }), inspect(reader.other, { depth: 20 }), JSON.stringify(reader.other), inspect(error, { depth: 20, showHidden: true })]) assert.ok(!shown.includes('canary'), shown.slice(Math.max(0, shown.indexOf('canary') - 200)).slice(0, 400));
    });
  });
}
