import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { inspect } from 'node:util';
import { RpcFactory } from '../../lib/index.js';
import { consulConfig } from '../../lib/registry/consul/index.js';
import { isolated, Lines } from '../integration/app.support.js';
import { describeWith, startConsul } from '../services/index.js';
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

describeWith('rights in Consul', ['consul'], () => {
  it('that are missing are no conflict, and a token that is gone leaves the last snapshot in use', async (t) => {
    const server = await startConsul({ config: 'acl { enabled = true\n default_policy = "allow"\n tokens { master = "the-master-token" } }' });
    t.after(() => server.stop());
    const as = { headers: { 'x-consul-token': 'the-master-token' } };
    const put = async (path: string, body: object): Promise<{ AccessorID: string; SecretID: string }> => {
      const answer = await fetch(`${server.url}/v1/${path}`, { ...as, method: 'PUT', body: JSON.stringify(body) });
      assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
      return answer.json() as never;
    };
    // The agent bootstraps its ACLs a moment after it has a leader.
    await until('the rights', async () => (await fetch(`${server.url}/v1/acl/policies`, as)).ok, 30_000);
    await put('acl/policy', { Name: 'reader', Rules: 'key_prefix "" { policy = "read" }' });
    const token = await put('acl/token', { Policies: [{ Name: 'reader' }] });
    await put('kv/shop/Settings/load', { n: 1, twice: 2 });
    const source = () => consulConfig({ addr: server.url, prefix: 'shop', token: token.SecretID, timeoutMs: 1000, waitMs: 1000, env: {} });
    const ends: (() => Promise<unknown>)[] = [];
    t.after(() => Promise.all(ends.map((end) => end())));
    const { app, reader, detail } = await startReader(ends, [source()]);
    for (const options of [{}, { ifVersion: (await reader.config.read('load'))!.version }]) {
      await assert.rejects(reader.config.set('load', { n: 2, twice: 4 }, options), { reason: 'CONFIG_UNAVAILABLE', message: /answered 403 to .*Permission denied; check the token and its policy/ });
    }
    assert.ok((await fetch(`${server.url}/v1/acl/token/${token.AccessorID}`, { ...as, method: 'DELETE' })).ok);
    await until('the detail', () => /answered 403/.test(detail() ?? ''), 60_000);
    assert.ok(!detail()!.includes(token.SecretID));
    assert.deepEqual([reader.load.value.n, app.health().ready], [1, true]);
    await assert.rejects(RpcFactory.create({ ...isolated, modules: [ReaderModule], sources: [source()] }), { reason: 'CONFIG_SOURCE_FAILED', message: /answered 403/ });
  });
});
