import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { onEachServer, section, startShop, type Vendor } from './database.rig.js';
import type { RunningDatabase } from '../services/index.js';

onEachServer('limits of a database on a server', (server: () => RunningDatabase, vendor: Vendor) => {
  const open = async (t: TestContext, more = {}) => {
    const rig = await startShop({ default: section(server(), vendor, more) });
    t.after(() => rig.app.stop());
    return rig;
  };
  /** Calls that hold a transaction each, until they are let go. */
  const hold = async (rig: Awaited<ReturnType<typeof startShop>>, count: number): Promise<() => Promise<unknown>> => {
    let go = (): void => {};
    const gate = new Promise<void>((resolve) => (go = resolve));
    const held: Promise<void>[] = [];
    const calls = Array.from({ length: count }, () => {
      let entered = (): void => {};
      held.push(new Promise((resolve) => (entered = resolve)));
      return rig.callInside(async () => {
        entered();
        await gate;
      });
    });
    await Promise.all(held);
    return () => {
      go();
      return Promise.all(calls);
    };
  };
  const running = async ({ shop }: Awaited<ReturnType<typeof startShop>>): Promise<number> => Number((await shop.db.query(vendor.sessions))[0].n);

  it('a statement of 10 s under a deadline of 200 ms is broken off at the server, and its connection serves on', async (t) => {
    const rig = await open(t, { pool: { max: 1 } });
    const from = performance.now();
    for (const run of [rig.call, rig.callInside, rig.call, rig.callInside]) {
      await assert.rejects(run(() => rig.shop.db.query(vendor.sleep(10)), 200), { code: 'DEADLINE_EXCEEDED' });
      assert.equal((await rig.shop.db.query('SELECT 1 AS one'))[0].one, 1);
    }
    assert.ok(performance.now() - from < 9000, 'nobody waited for the statements to end');
    assert.equal(await running(rig), 0);
  });

  it('a caller that gives up ends its statement too', async (t) => {
    const rig = await open(t, { pool: { max: 1 } });
    const giveUp = new AbortController();
    const call = rig.app.rpc.call('shop', '/do', ['sleep'], { signal: giveUp.signal });
    rig.works.set('sleep', async () => {
      setImmediate(() => giveUp.abort());
      return rig.shop.db.query(vendor.sleep(10));
    });
    await assert.rejects(call, { code: 'CANCELLED' });
    assert.equal((await rig.shop.db.query('SELECT 1 AS one'))[0].one, 1);
  });

  it('a handler that never comes back loses its transaction, not the pool a connection', async (t) => {
    const rig = await open(t, { pool: { max: 2 } });
    await rig.shop.stock.clear();
    for (let i = 0; i < 3; i++) {
      await assert.rejects(rig.callInside(async () => {
        await rig.shop.stock.save({ name: 'lost', count: 1 });
        await new Promise(() => {});
      }, 100), { code: 'DEADLINE_EXCEEDED' });
    }
    assert.equal(await rig.shop.stock.count(), 0);
  });

  it('whoever waits too long for a connection is told, and all come back', async (t) => {
    const rig = await open(t, { pool: { max: 2, acquireTimeoutMs: 150, queue: 3 } });
    const letGo = await hold(rig, 2);
    await assert.rejects(rig.call(() => rig.shop.stock.count()), { code: 'RESOURCE_EXHAUSTED', reason: 'DATABASE_BUSY' });
    const crowd = await Promise.allSettled([1, 2, 3, 4].map(() => rig.shop.stock.count()));
    assert.deepEqual(crowd.map((one) => one.status === 'rejected' && one.reason.reason), ['DATABASE_BUSY', 'DATABASE_BUSY', 'DATABASE_BUSY', 'DATABASE_BUSY']);
    assert.match((crowd[3] as PromiseRejectedResult).reason.message, /3 statements wait/);
    assert.equal(rig.app.health().ready, true, 'a full pool is no outage');
    await letGo();
    await Promise.all([1, 2, 3].map(() => rig.shop.stock.count()));
  });

  it('a deadline also ends the wait for a connection', async (t) => {
    const rig = await open(t, { pool: { max: 1, acquireTimeoutMs: 60_000 } });
    const letGo = await hold(rig, 1);
    await assert.rejects(rig.call(() => rig.shop.stock.count(), 100), { code: 'DEADLINE_EXCEEDED' });
    await letGo();
    await rig.shop.stock.count();
  });

  it('outside of calls statements have a limit of their own', async (t) => {
    const rig = await open(t, { pool: { max: 1 }, queryTimeoutMs: 200 });
    await assert.rejects(rig.shop.db.query(vendor.sleep(10)), { code: 'DEADLINE_EXCEEDED' });
    assert.equal(await running(rig), 0);
  });

  it('a transaction that somebody forgot is not handed on with its connection', async (t) => {
    const rig = await open(t, { pool: { max: 1 } });
    await rig.shop.stock.clear();
    const runner = rig.shop.db.createQueryRunner();
    await runner.startTransaction();
    await runner.manager.query(`INSERT INTO stock VALUES ('a', 1)`);
    await runner.release();
    await runner.release();
    assert.equal(await rig.shop.stock.count(), 0);
  });

  it('slow statements are logged without their parameters', async (t) => {
    const lines: string[] = [];
    const log = (line: unknown): void => void lines.push(String(line));
    const rig = await startShop({ default: section(server(), vendor, { slowQueryMs: 50 }) }, { logger: { log, warn: log, error: log } });
    t.after(() => rig.app.stop());
    await rig.shop.db.query(`${vendor.sleep(0.1)}, ${vendor.type === 'postgres' ? '$1::text' : '?'} AS who`, ['secret']);
    // On a busy machine a statement of the start may be slow too.
    const slow = lines.filter((line) => line.includes('slow statement') && /sleep/i.test(line));
    assert.equal(slow.length, 1);
    assert.match(slow[0]!, /database 'default' ms=\d+ sql="SELECT (pg_)?sleep/i);
    assert.ok(!slow[0]!.includes('secret'));
  });
});
