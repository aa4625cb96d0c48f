import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { onEachServer, section, startShop, type Vendor } from './database.rig.js';
import type { RunningDatabase } from '../services/index.js';

onEachServer('transactions on a server', (server: () => RunningDatabase, vendor: Vendor) => {
  const open = async (t: TestContext, more = {}) => {
    const shop = await startShop({ default: section(server(), vendor, more) });
    t.after(() => shop.app.stop());
    await shop.shop.stock.clear();
    return shop;
  };
  const names = async ({ shop }: Awaited<ReturnType<typeof startShop>>) => (await shop.stock.find({ order: { name: 'ASC' } })).map(({ name }) => name);

  it('commit when the handler returns, roll back when it throws', async (t) => {
    const rig = await open(t);
    await rig.callInside(() => rig.shop.stock.save({ name: 'a', count: 1 }));
    await assert.rejects(rig.callInside(async () => {
      await rig.shop.stock.save({ name: 'b', count: 1 });
      await rig.shop.db.query(`INSERT INTO stock VALUES ('c', 1)`);
      assert.deepEqual(await names(rig), ['a', 'b', 'c'], 'all ways to the database see the transaction');
      throw new Error('changed my mind');
    }));
    assert.deepEqual(await names(rig), ['a']);
  });

  it('are not seen by others before they commit', async (t) => {
    const rig = await open(t);
    let outside: string[] = [];
    await rig.shop.inside(async () => {
      await rig.shop.stock.save({ name: 'a', count: 1 });
      outside = (await rig.call(() => names(rig))) as string[];
    });
    assert.deepEqual(outside, [], 'a call is no part of its caller\'s transaction');
    assert.deepEqual(await names(rig), ['a']);
  });

  it('nest by savepoint: what is thrown inside and caught outside undoes the inner one only', async (t) => {
    const rig = await open(t);
    const { shop } = rig;
    await shop.inside(async () => {
      await shop.stock.insert({ name: 'a', count: 1 });
      await assert.rejects(shop.inside(() => shop.stock.insert({ name: 'a', count: 2 })), { name: 'QueryFailedError' });
      await shop.inside(async () => {
        await shop.stock.insert({ name: 'b', count: 1 });
        await assert.rejects(shop.inside(async () => {
          await shop.stock.insert({ name: 'c', count: 1 });
          throw new Error('no');
        }));
      });
      await shop.db.transaction((manager) => manager.query(`INSERT INTO stock VALUES ('d', 1)`));
    });
    assert.deepEqual(await names(rig), ['a', 'b', 'd']);
  });

  it('keep siblings apart: one that fails takes nothing of the others with it', async (t) => {
    const rig = await open(t);
    const { shop } = rig;
    await shop.inside(async () => {
      const results = await Promise.allSettled(['a', 'b', 'c', 'd'].map((name, i) => shop.inside(async () => {
        await shop.stock.insert({ name, count: i });
        if (name === 'b') throw new Error('no');
      })).concat(shop.stock.insert({ name: 'e', count: 5 }).then(() => {})));
      assert.deepEqual(results.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
    });
    assert.deepEqual(await names(rig), ['a', 'c', 'd', 'e']);
  });

  it('let nothing through that comes after they were rolled back', async (t) => {
    const rig = await open(t);
    const { shop } = rig;
    const late: Promise<unknown>[] = [];
    let go = (): void => {};
    const gate = new Promise<void>((resolve) => (go = resolve));
    await assert.rejects(shop.inside(async () => {
      late.push(gate.then(() => shop.stock.insert({ name: 'late', count: 1 })));
      throw new Error('one of many failed');
    }), /one of many/);
    go();
    await assert.rejects(late[0]!, { reason: 'TRANSACTION_STATE' });
    assert.deepEqual(await names(rig), []);
  });

  it('work with a manager that is handed on', async (t) => {
    const rig = await open(t);
    const { shop } = rig;
    await shop.db.transaction(async (manager) => {
      await manager.query(`INSERT INTO stock VALUES ('a', 1)`);
      await shop.stock.insert({ name: 'b', count: 1 });
      await assert.rejects(manager.transaction(async () => {
        await shop.stock.insert({ name: 'c', count: 1 });
        throw new Error('no');
      }));
    });
    assert.deepEqual(await names(rig), ['a', 'b']);
  });

  it('refuse an isolation that cannot be given, and give one that can', async (t) => {
    const rig = await open(t);
    const { shop } = rig;
    const level = vendor.type === 'postgres' ? 'SHOW transaction_isolation' : `SELECT COUNT(*) AS n FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = CONNECTION_ID() AND trx_isolation_level = 'SERIALIZABLE'`;
    const shown = await shop.db.transaction('SERIALIZABLE', async (manager) => {
      await manager.query('SELECT * FROM stock');
      return JSON.stringify(await manager.query(level));
    });
    assert.match(shown, vendor.type === 'postgres' ? /serializable/ : /"n":"?1/);
    await assert.rejects(shop.inside(() => shop.db.transaction('SERIALIZABLE', async () => {})), { reason: 'TRANSACTION_STATE' });
  });

  it('that lose against another one are tried once more where that is declared', async (t) => {
    const rig = await open(t);
    const { shop } = rig;
    await shop.stock.insert([{ name: 'a', count: 0 }, { name: 'b', count: 0 }]);
    let tries = 0;
    /** Two that take the same rows in opposite order, and both have their first before either takes its second. */
    const cross = (method: 'inside' | 'again') => {
      const arrived = new Map<string, () => void>();
      const both = ['a', 'b'].map((name) => new Promise<void>((resolve) => arrived.set(name, resolve)));
      return Promise.allSettled([['a', 'b'], ['b', 'a']].map(([first, second]) => shop[method](async () => {
        tries++;
        await shop.stock.increment({ name: first! }, 'count', 1);
        arrived.get(first!)!();
        await Promise.all(both);
        await shop.stock.increment({ name: second! }, 'count', 1);
      })));
    };
    const again = await cross('again');
    assert.deepEqual(again.map(({ status }) => status), ['fulfilled', 'fulfilled']);
    assert.equal(tries, 3);
    assert.deepEqual((await shop.stock.find()).map(({ count }) => count), [2, 2]);

    tries = 0;
    const once = await cross('inside');
    const [lost] = once.filter((result) => result.status === 'rejected');
    assert.deepEqual(once.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    assert.deepEqual([lost!.reason.code, lost!.reason.reason, tries], ['ABORTED', 'TRANSACTION_CONFLICT', 2]);
    assert.deepEqual((await shop.stock.find()).map(({ count }) => count), [3, 3], 'nothing of the one that lost');
  });

  it('keep sums, however they cross and lose', async (t) => {
    const rig = await open(t, { pool: { acquireTimeoutMs: 60_000 } });
    const { shop } = rig;
    const accounts = ['a', 'b', 'c', 'd'];
    await shop.stock.insert(accounts.map((name) => ({ name, count: 100 })));
    const outcomes = await Promise.all(Array.from({ length: 200 }, async (_, i) => {
      const [from, to] = [accounts[i % 4]!, accounts[(i * 7 + 1 + (i % 3)) % 4]!];
      const transfer = (): Promise<unknown> => shop.db.transaction(vendor.type === 'postgres' ? 'REPEATABLE READ' : 'SERIALIZABLE', async () => {
        const { count } = await shop.stock.findOneByOrFail({ name: from });
        await shop.stock.increment({ name: to }, 'count', 1);
        await shop.stock.update({ name: from }, { count: from === to ? count : count - 1 });
      });
      return transfer().then(() => 'done', (error: { reason?: string }) => error.reason ?? String(error));
    }));
    assert.deepEqual([...new Set(outcomes)].sort().filter((outcome) => !['TRANSACTION_CONFLICT', 'done'].includes(outcome)), []);
    assert.ok(outcomes.includes('done') && outcomes.includes('TRANSACTION_CONFLICT'));
    assert.equal((await shop.stock.find()).reduce((sum, { count }) => sum + count, 0), 400);
  });

  it('do not go on after a failure that the server does not forget', async (t) => {
    const rig = await open(t);
    const { shop } = rig;
    await shop.stock.insert({ name: 'a', count: 0 });
    const swallowing = shop.inside(async () => {
      await shop.stock.insert({ name: 'b', count: 0 });
      await shop.stock.insert({ name: 'a', count: 0 }).catch(() => {});
    });
    if (vendor.type === 'mariadb') {
      await swallowing;
      assert.deepEqual(await names(rig), ['a', 'b'], 'MariaDB forgets a statement that failed');
    } else {
      // PostgreSQL answers COMMIT with a rollback, and no error.
      await assert.rejects(swallowing, { reason: 'TRANSACTION_STATE' });
      assert.deepEqual(await names(rig), ['a']);
    }
  });

  // MariaDB has no deferred constraints.
  if (vendor.type === 'postgres') it('whose commit is refused have failed', async (t) => {
    const rig = await open(t);
    const { shop } = rig;
    await shop.db.query('DROP TABLE IF EXISTS child; CREATE TABLE child (id int PRIMARY KEY, stock varchar(20) REFERENCES stock (name) DEFERRABLE INITIALLY DEFERRED)');
    await assert.rejects(shop.inside(() => shop.db.query(`INSERT INTO child VALUES (1, 'nobody')`)), /foreign key/);
    await assert.rejects(rig.callInside(() => shop.db.query(`INSERT INTO child VALUES (1, 'nobody')`)), { code: 'INTERNAL' });
    assert.deepEqual(await shop.db.query('SELECT * FROM child'), []);
    await shop.db.query('DROP TABLE child');
  });
});
