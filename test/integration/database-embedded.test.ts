import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { concat, concatMap, from, throwError } from 'rxjs';
import initSqlJs from 'sql.js';
import type { DatabaseSection } from '../../lib/index.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { Bank, BankModule } from './database.support.js';

async function start(t: TestContext, section: DatabaseSection = { file: ':memory:' }, workDir?: string) {
  const app = await createTestingApp({ modules: [BankModule], databases: { default: section }, ...(workDir !== undefined && { workDir }) });
  t.after(() => app.stop());
  return { app, bank: app.get(Bank) };
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'anthill-embedded-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** What another program reads in the file. */
async function rowsOf(file: string): Promise<unknown[][]> {
  const { Database } = await initSqlJs();
  const database = new Database(readFileSync(file));
  try {
    assert.deepEqual(database.exec('PRAGMA integrity_check')[0]!.values, [['ok']]);
    return database.exec('SELECT owner, balance FROM account ORDER BY owner')[0]?.values ?? [];
  } finally {
    database.close();
  }
}

describe('the embedded database: transactions', () => {
  it('runs concurrent ones one after the other; a rollback leaves nothing', async (t) => {
    const { bank } = await start(t);
    const inside = { now: 0, most: 0 };
    const results = await Promise.allSettled([1, 2, 3, 4].map((i) => bank.within(async () => {
      inside.most = Math.max(inside.most, ++inside.now);
      await bank.accounts.save({ owner: `first ${i}`, balance: i });
      await delay(5);
      await bank.accounts.save({ owner: `second ${i}`, balance: i });
      assert.equal(await bank.accounts.countBy({ balance: i }), 2);
      inside.now--;
      if (i % 2 === 0) throw new Error('no');
    })));
    assert.deepEqual(results.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    assert.equal(inside.most, 1);
    assert.deepEqual((await bank.accounts.find({ order: { id: 'ASC' } })).map(({ owner }) => owner), ['first 1', 'second 1', 'first 3', 'second 3']);
  });

  it('makes other users wait while one is open, readers too', async (t) => {
    const { bank } = await start(t);
    const seen: number[] = [];
    let others: Promise<unknown>[] = [];
    await bank.within(async () => {
      await bank.accounts.save({ owner: 'ann', balance: 1 });
      others = [bank.outside(async () => seen.push(await bank.accounts.count())), bank.outside(() => bank.accounts.save({ owner: 'bob', balance: 2 }))];
      await delay(20);
      assert.deepEqual(seen, [], 'nobody has seen what is not committed');
      await bank.accounts.save({ owner: 'cid', balance: 3 });
    });
    await Promise.all(others);
    assert.deepEqual(seen, [2]);
    assert.equal(await bank.accounts.count(), 3);
  });

  it('gives each insert its own id, whatever else is inserted meanwhile', async (t) => {
    const { bank } = await start(t);
    const saved = await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? bank.accounts.save({ owner: `o${i}`, balance: i }) : bank.within(() => bank.accounts.save({ owner: `o${i}`, balance: i })))));
    const inOne = await bank.within(() => Promise.all([1, 2, 3].map((i) => bank.accounts.save({ owner: `x${i}`, balance: i }))));
    const bulk = await bank.accounts.save([{ owner: 'y1' }, { owner: 'y2' }]);
    for (const { id, owner } of [...saved, ...inOne, ...bulk]) assert.equal((await bank.accounts.findOneByOrFail({ id })).owner, owner);
  });

  it('nests by savepoint, with siblings taking turns', async (t) => {
    const { bank } = await start(t);
    await bank.within(async () => {
      await bank.accounts.save({ owner: 'a' });
      const results = await Promise.allSettled(['b', 'c', 'd'].map((owner) => bank.within(async () => {
        await bank.accounts.save({ owner });
        await delay(2);
        if (owner === 'c') throw new Error('no');
      })));
      assert.deepEqual(results.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled']);
    });
    assert.deepEqual((await bank.accounts.find()).map(({ owner }) => owner), ['a', 'b', 'd']);
  });

  it('waits for the end of an observable', async (t) => {
    const { bank } = await start(t);
    const rows = from([1, 2, 3]).pipe(concatMap((i) => bank.accounts.save({ owner: `o${i}`, balance: i })));
    assert.equal(((await bank.within((() => rows) as never)) as { owner: string }).owner, 'o3');
    await assert.rejects(bank.within((() => concat(rows, throwError(() => new Error('no')))) as never));
    assert.equal(await bank.accounts.count(), 3);
  });

  it('keeps the lock to a transaction that raw SQL opens, until its runner is released', async (t) => {
    const { bank } = await start(t);
    const runner = bank.db.createQueryRunner();
    await runner.query('BEGIN');
    await runner.query(`INSERT INTO account (owner, balance) VALUES ('a', 1)`);
    const count = bank.accounts.count();
    await runner.release();
    assert.equal(await count, 0);
  });

  it('refuses a commit that breaks a deferred constraint, and undoes it', async (t) => {
    const { bank } = await start(t);
    await bank.db.query('CREATE TABLE child (id integer PRIMARY KEY, account integer REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED)');
    await assert.rejects(bank.within(() => bank.db.query('INSERT INTO child VALUES (1, 99)')), /FOREIGN KEY/);
    assert.deepEqual(await bank.db.query('SELECT * FROM child'), []);
    await bank.accounts.save({ owner: 'goes on' });
  });

  it('bounds the wait, and says what it waits for', async (t) => {
    const { app, bank } = await start(t, { file: ':memory:', pool: { acquireTimeoutMs: 30, queue: 1 } });
    await bank.within(async () => {
      const [first, second] = await Promise.allSettled([app.rpc.call('bank', '/balance', ['x']), app.rpc.call('bank', '/balance', ['x'])]);
      assert.deepEqual([first, second].map((one) => (one as PromiseRejectedResult).reason.reason), ['DATABASE_BUSY', 'DATABASE_BUSY']);
      assert.match((first as PromiseRejectedResult).reason.message, /runs one transaction at a time.*has been open for \d+ ms/);
      assert.match((second as PromiseRejectedResult).reason.message, /1 wait for its one connection/);
      await assert.rejects(app.rpc.call('bank', '/balance', ['x'], { timeoutMs: 10 }), { code: 'DEADLINE_EXCEEDED' });
    });
    assert.equal(await bank.accounts.count(), 0);
  });

  it('takes the transaction of a call whose time is over from it', async (t) => {
    const { app, bank } = await start(t);
    await assert.rejects(app.rpc.call('bank', '/hang', ['ann'], { timeoutMs: 50 }), { code: 'DEADLINE_EXCEEDED' });
    assert.equal(await bank.accounts.count(), 0);
    await bank.accounts.save({ owner: 'bob' });
  });

  it('lets timers have their turn in a long run of statements', async (t) => {
    const { bank } = await start(t);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const end = performance.now() + 200;
    while (performance.now() < end) await bank.db.query('SELECT 1');
    clearInterval(timer);
    assert.ok(ticks > 3, `${ticks} ticks`);
  });

  it('keeps foreign keys checked after a change has gone to the disk', async (t) => {
    const { bank } = await start(t, {}, folder(t));
    await bank.accounts.save({ owner: 'ann' });
    await assert.rejects(bank.db.query('INSERT INTO booking (amount, "accountId") VALUES (1, 99)'), /FOREIGN KEY/);
    await bank.db.query('PRAGMA case_sensitive_like = ON');
    await bank.accounts.save({ owner: 'bob' });
    assert.deepEqual(await bank.db.query(`SELECT owner FROM account WHERE owner LIKE 'A%'`), []);
  });
});

describe('the embedded database: its file', () => {
  it('is data/<name>.sqlite below the work directory, a usual SQLite file, and read again at the next start', async (t) => {
    const workDir = folder(t);
    const first = await createTestingApp({ modules: [BankModule], workDir, databases: { default: { durability: 'commit' } } });
    await first.rpc.call('bank', '/open', ['ann', 10]);
    assert.deepEqual(await rowsOf(join(workDir, 'data/default.sqlite')), [['ann', 10]]);
    await first.stop();
    assert.deepEqual(readdirSync(join(workDir, 'data')), ['default.sqlite']);
    const { bank } = await start(t, { durability: 'commit' }, workDir);
    assert.equal((await bank.accounts.findOneByOrFail({ owner: 'ann' })).balance, 10);
  });

  it('has what was acknowledged, and nothing of an open transaction', async (t) => {
    const workDir = folder(t);
    const file = join(workDir, 'x.sqlite');
    const { bank } = await start(t, { file: 'x.sqlite' }, workDir);
    await bank.accounts.save({ owner: 'a', balance: 1 });
    assert.deepEqual(await rowsOf(file), [['a', 1]]);
    await bank.within(async () => {
      await bank.accounts.save({ owner: 'b', balance: 2 });
      assert.deepEqual(await rowsOf(file), [['a', 1]]);
    });
    assert.deepEqual(await rowsOf(file), [['a', 1], ['b', 2]]);
    await Promise.all(Array.from({ length: 30 }, async (_, i) => {
      await bank.accounts.update({ owner: 'a' }, { balance: 100 + i });
      assert.ok(((await rowsOf(file))[0]![1] as number) >= 100);
    }));
  });

  it('belongs to one app at a time', async (t) => {
    const workDir = folder(t);
    const { app } = await start(t, { file: 'x.sqlite' }, workDir);
    const again = () => createTestingApp({ modules: [BankModule], workDir, databases: { default: { file: 'x.sqlite' } } });
    await assert.rejects(again, (error: Error & { reason: string }) => error.reason === 'DATABASE_FILE' && /x\.sqlite is in use/.test(error.message));
    await app.stop();
    await (await again()).stop();
  });

  it('that is none keeps the app from starting, and stays as it is', async (t) => {
    const workDir = folder(t);
    for (const [name, content] of [['text.sqlite', 'not a database at all'], ['torn.sqlite', `SQLite format 3\0${'x'.repeat(4096)}`]] as const) {
      const file = join(workDir, name);
      writeFileSync(file, content);
      await assert.rejects(createTestingApp({ modules: [BankModule], workDir, databases: { default: { file: name } } }), (error: Error & { reason: string }) => error.reason === 'DATABASE_FILE' && error.message.includes(file));
      assert.equal(readFileSync(file, 'utf8'), content);
    }
  });

  it('that cannot be written: the writer is told, the app is not ready, and all of it is written later', async (t) => {
    const workDir = folder(t);
    const { app, bank } = await start(t, { file: 'x.sqlite' }, workDir);
    await bank.accounts.save({ owner: 'a', balance: 1 });
    // What the new content is written to is no file any more.
    mkdirSync(join(workDir, 'x.sqlite.tmp'));
    await assert.rejects(bank.accounts.save({ owner: 'b', balance: 2 }), { reason: 'DATABASE_UNSAVED' });
    assert.equal(app.health().ready, false);
    assert.match(app.health().parts.find(({ name }) => name === 'database')!.detail!, /cannot be written to the disk: EISDIR/);
    assert.deepEqual(await rowsOf(join(workDir, 'x.sqlite')), [['a', 1]]);
    rmSync(join(workDir, 'x.sqlite.tmp'), { recursive: true });
    while (!app.health().ready) await delay(20);
    assert.deepEqual(await rowsOf(join(workDir, 'x.sqlite')), [['a', 1], ['b', 2]]);
  });

  it('is written when the app stops, with durability: relaxed too', async (t) => {
    const workDir = folder(t);
    const { app, bank } = await start(t, { file: 'x.sqlite', durability: 'relaxed' }, workDir);
    await bank.accounts.save({ owner: 'a', balance: 1 });
    await app.stop();
    assert.deepEqual(await rowsOf(join(workDir, 'x.sqlite')), [['a', 1]]);
  });
});

