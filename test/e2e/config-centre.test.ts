import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { RpcFactory, type AppOptions } from '../../lib/index.js';
import { consulConfig } from '../../lib/registry/consul/index.js';
import { etcdConfig } from '../../lib/registry/etcd/index.js';
import { configSourceContract } from '../../lib/testing/index.js';
import { isolated } from '../integration/app.support.js';
import { describeWith } from '../services/index.js';
import { ReaderModule, startReader, stores, type ReaderApp, type Store } from './config-centre.support.js';
import { until } from './redis.support.js';

for (const [name, need, open] of stores) {
  describeWith(`config centre in ${name}`, [need], () => {
    configSourceContract(name, async () => {
      const store = await open();
      return { open: (prefix) => store.source(prefix), put: (prefix, key, text) => store.put(`${prefix}/Settings/${key}`, text), dispose: () => store.close() };
    });

    let store: Store;
    let spaces = 0;
    const ends: (() => Promise<unknown>)[] = [];
    before(async () => {
      store = await open();
    });
    after(async () => {
      for (const end of ends.reverse()) await end();
      await store.close();
    });
    const start = (prefix: string, more?: AppOptions): Promise<ReaderApp> => startReader(ends, [store.source(prefix)], more);

    it('a thousand changes, every tenth wrong: never a wrong one seen, none lost', async () => {
      const prefix = `thousand/${spaces++}`;
      const { reader, detail } = await start(prefix);
      const seen: number[] = [];
      reader.load.onChange(({ n, twice }) => {
        assert.equal(twice, 2 * n);
        seen.push(n);
      });
      for (let n = 1; n < 1000; n++) {
        const bad = n % 10 === 0;
        await store.put(`${prefix}/Settings/load`, bad ? (n % 20 === 0 ? `{ "n": ${n}, "twice": 0 }` : `{ "n": ${n},`) : `{ "n": ${n}, "twice": ${2 * n} }`);
      }
      await until('the last change', () => reader.load.value.n === 999);
      assert.ok(seen.every((n, i) => n % 10 !== 0 && (i === 0 || n > seen[i - 1]!)), seen.join());
      // etcd shows each revision; Consul the newest state.
      if (name === 'etcd') assert.equal(seen.length, 900);
      assert.equal(detail(), undefined);
    });

    it('two processes that set the same version: one wins, the other is told; both see the winner', async () => {
      const prefix = `cas/${spaces++}`;
      const [one, two] = [await start(prefix), await start(prefix)];
      const version = await one.reader.config.set('load', { n: 1, twice: 2 }, { ifVersion: '0' });
      assert.equal(one.reader.load.value.n, 1, 'who set it sees it');
      const results = await Promise.allSettled([one, two].map(({ reader }, i) => reader.config.set('load', { n: 10 + i, twice: 20 + 2 * i }, { ifVersion: version })));
      assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
      const winner = results[0]!.status === 'fulfilled' ? 10 : 11;
      const [loser] = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as { reason: string }] : []));
      assert.equal(loser!.reason, 'CONFIG_CONFLICT');
      await until('the winner', () => one.reader.load.value.n === winner && two.reader.load.value.n === winner);
      await assert.rejects(one.reader.config.set('load', { n: 1, twice: 3 }), { reason: 'CONFIG_VALUE', message: /twice must be twice n/ });
    });

    it('is found by its name in the environment', async () => {
      const prefix = `named/${spaces++}`;
      await store.put(`${prefix}/Settings/load/n`, '0');
      const options = name === 'consul' ? { addr: store.server.url } : { endpoints: store.server.url };
      const { app } = await start(prefix, { sources: [], env: { ANTHILL_CONFIG_CENTRE: JSON.stringify({ name, prefix, ...options }) } });
      assert.deepEqual(app.config.settings, { load: { n: 0 } });
    });

    it('away at the start it fails it, or is waited for', async () => {
      const gone = name === 'consul' ? consulConfig({ addr: '127.0.0.1:1', env: {} }) : etcdConfig({ endpoints: '127.0.0.1:1', timeoutMs: 500 });
      await assert.rejects(RpcFactory.create({ ...isolated, modules: [ReaderModule], sources: [gone] }), { reason: 'CONFIG_SOURCE_FAILED', message: new RegExp(`^config source ${name} at 127.0.0.1:1 cannot be reached`) });
      const late = name === 'consul' ? consulConfig({ addr: '127.0.0.1:1', env: {}, startup: 'retry' }) : etcdConfig({ endpoints: '127.0.0.1:1', timeoutMs: 500, startup: 'retry' });
      const { app, detail } = await start('unused', { sources: [late] });
      assert.equal(app.health().ready, true);
      assert.match(detail()!, /cannot be reached/);
    });

    it("reads hrpc's keys, with the service's own above the common ones", async () => {
      const environment = `env${spaces++}`;
      await store.put(`${environment}/databases/redis`, '{ "address": "10.1.1.1", "port": 6380, "db": 2, "username": "", "password": "pw", "network": "tcp", "max_retries": 3 }');
      await store.put(`${environment}/databases/mysql`, '{ "address": "10.1.1.2", "port": 3307, "dbname": "shop", "username": "u", "password": "p", "max_open_conns": 5 }');
      await store.put(`${environment}/load`, '{ "n": 1, "twice": 2 }');
      await store.put(`${environment}/services/center/load`, '{ "n": 3, "twice": 6 }');
      await store.put(`${environment}/services/other/load`, '{ "n": 5, "twice": 0 }');
      await store.put(`${environment}/tencent/cls`, '{ "topic_id": "t" }');
      const { app, reader } = await start('unused', { sources: [store.source('', { prefix: undefined, layout: 'hrpc', environment, service: 'center' })] });
      const { host, port, db, username, password, startup } = app.config.redis['default']!;
      assert.deepEqual([host, port, db, username, password, startup], ['10.1.1.1', 6380, 2, undefined, 'pw', 'fail']);
      const { type, host: dbHost, database, pool } = app.config.databases!['default']!;
      assert.deepEqual([type, dbHost, database, pool?.max], ['mysql', '10.1.1.2', 'shop', 5]);
      assert.deepEqual([reader.load.value.n, app.config.settings['tencent']], [3, { cls: { topic_id: 't' } }]);
      await reader.config.set('load', { n: 4, twice: 8 });
      assert.equal(reader.load.value.n, 4);
      assert.equal((await reader.config.read('load'))!.value instanceof Object, true);
    });
  });
}
