import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type EntitySubscriberInterface, EventSubscriber, type TransactionCommitEvent } from 'typeorm';
import { type DatabaseSection, RpcModule } from '../../lib/index.js';
import { DatabaseModule } from '../../lib/database/index.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { Account, Bank, BankModule } from './database.support.js';

async function start(t: TestContext, section: DatabaseSection = { file: ':memory:' }, workDir?: string) {
  const app = await createTestingApp({ modules: [BankModule], databases: { default: section }, ...(workDir !== undefined && { workDir }) });
  t.after(() => app.stop());
  return { app, bank: app.get(Bank) };
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'anthill-trouble-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describe('the embedded database: its file in trouble', () => {
  it('a full disk: the writer is told, what was written in part gives its room back, and all is written when there is some', async (t) => {
    const workDir = folder(t);
    const { app, bank } = await start(t, { file: 'x.sqlite' }, workDir);
    await bank.accounts.save({ owner: 'a', balance: 1 });
    const before = readFileSync(join(workDir, 'x.sqlite'));
    symlinkSync('/dev/full', join(workDir, 'x.sqlite.tmp'));
    await assert.rejects(bank.accounts.save({ owner: 'b', balance: 2 }), { reason: 'DATABASE_UNSAVED' });
    assert.match(app.health().parts.find(({ name }) => name === 'database')!.detail!, /cannot be written to the disk: ENOSPC/);
    assert.deepEqual(readdirSync(workDir), ['x.sqlite']);
    assert.deepEqual(readFileSync(join(workDir, 'x.sqlite')), before);
    while (!app.health().ready) await delay(20);
    await app.stop();
    const again = await start(t, { file: 'x.sqlite' }, workDir);
    assert.deepEqual((await again.bank.accounts.find()).map(({ owner }) => owner), ['a', 'b']);
  });

  it('keeps its mode, and the link that leads to it', async (t) => {
    const workDir = folder(t);
    const real = folder(t);
    writeFileSync(join(real, 'real.sqlite'), '');
    chmodSync(join(real, 'real.sqlite'), 0o600);
    symlinkSync(join(real, 'real.sqlite'), join(workDir, 'x.sqlite'));
    const { bank } = await start(t, { file: 'x.sqlite' }, workDir);
    await bank.accounts.save({ owner: 'a', balance: 1 });
    assert.equal(readlinkSync(join(workDir, 'x.sqlite')), join(real, 'real.sqlite'));
    assert.equal(statSync(join(real, 'real.sqlite')).mode & 0o777, 0o600);
    await assert.rejects(createTestingApp({ modules: [BankModule], databases: { default: { file: join(real, 'real.sqlite') } } }), { reason: 'DATABASE_FILE' });
  });

  it('torn in the middle keeps the app from starting', async (t) => {
    const workDir = folder(t);
    const first = await createTestingApp({ modules: [BankModule], workDir, databases: { default: { file: 'x.sqlite' } } });
    await first.get(Bank).db.query(`WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO account (owner) SELECT 'owner ' || i FROM n`);
    await first.stop();
    const file = join(workDir, 'x.sqlite');
    const whole = readFileSync(file);
    const damages = [whole.subarray(0, whole.length / 2), Buffer.from(whole).fill(0x55, 8192, 16_384)];
    for (const damaged of damages) {
      writeFileSync(file, damaged);
      await assert.rejects(createTestingApp({ modules: [BankModule], workDir, databases: { default: { file: 'x.sqlite' } } }), (error: Error & { reason: string }) => error.reason === 'DATABASE_FILE' && /x\.sqlite is damaged, or no SQLite database \(.+\); restore it/.test(error.message));
      assert.ok(damaged.equals(readFileSync(file)), 'it stays as it is');
    }
    writeFileSync(file, whole);
    assert.equal(await (await start(t, { file: 'x.sqlite' }, workDir)).bank.accounts.count(), 2000);
  });

  it('where no folder can be keeps the app from starting', async (t) => {
    const workDir = folder(t);
    writeFileSync(join(workDir, 'plain'), '');
    await assert.rejects(createTestingApp({ modules: [BankModule], workDir, databases: { default: { file: 'plain/x.sqlite' } } }), (error: Error & { reason: string }) => error.reason === 'DATABASE_FILE' && /there is no folder .*plain, and none can be made/.test(error.message));
  });

  it('holds big values', async (t) => {
    const workDir = folder(t);
    const { bank, app } = await start(t, { file: 'x.sqlite' }, workDir);
    const blob = Buffer.alloc(8 << 20, 'anthill');
    await bank.db.query('CREATE TABLE big (id integer PRIMARY KEY, bytes blob)');
    await bank.db.query('INSERT INTO big VALUES (1, ?)', [blob]);
    await app.stop();
    const again = await start(t, { file: 'x.sqlite' }, workDir);
    const [{ bytes }] = await again.bank.db.query('SELECT bytes FROM big');
    assert.ok(blob.equals(bytes));
  });
});

describe('the embedded database: ends of transactions', () => {
  it('that SQLite undid by itself: nothing that comes after stays', async (t) => {
    const { bank } = await start(t);
    await bank.accounts.save({ owner: 'a' });
    await assert.rejects(bank.within(async () => {
      await bank.accounts.save({ owner: 'b' });
      await assert.rejects(bank.db.query(`INSERT OR ROLLBACK INTO account (owner, balance) VALUES ('a', 1)`), /UNIQUE/);
      await bank.accounts.save({ owner: 'c' });
    }), { reason: 'TRANSACTION_STATE' });
    assert.deepEqual((await bank.accounts.find()).map(({ owner }) => owner), ['a']);
    await bank.within(() => bank.accounts.save({ owner: 'd' }));
  });

  it('wait for a statement that was not awaited', async (t) => {
    const { bank } = await start(t);
    const left: Promise<unknown>[] = [];
    await bank.within(async () => {
      left.push(bank.db.query(`INSERT INTO account (owner, balance) VALUES ('a', 1)`));
    });
    await Promise.all(left);
    assert.equal(await bank.accounts.count(), 1);
    await bank.accounts.save({ owner: 'b' });
  });

  it('have subscribers that write', async (t) => {
    @EventSubscriber()
    class Outbox implements EntitySubscriberInterface<Account> {
      listenTo() {
        return Account;
      }
      async beforeTransactionCommit({ manager }: TransactionCommitEvent): Promise<void> {
        if (await manager.existsBy(Account, { owner: 'a' })) await manager.insert(Account, { owner: 'before commit' });
      }
      async afterTransactionCommit({ manager, dataSource }: TransactionCommitEvent): Promise<void> {
        if (await manager.existsBy(Account, { owner: 'after commit' })) return;
        if (await manager.existsBy(Account, { owner: 'a' })) await dataSource.query(`INSERT INTO account (owner, balance) VALUES ('after commit', 0)`);
      }
    }
    @RpcModule({ type: 'outbox', providers: [Bank], imports: [DatabaseModule.forRoot({ file: ':memory:', subscribers: [Outbox] })] })
    class OutboxModule {
      constructor(readonly bank: Bank) {}
    }
    const app = await createTestingApp({ modules: [OutboxModule] });
    t.after(() => app.stop());
    const bank = app.get(Bank);
    await bank.within(() => bank.accounts.insert({ owner: 'a' }));
    assert.deepEqual((await bank.accounts.find({ order: { owner: 'ASC' } })).map(({ owner }) => owner), ['a', 'after commit', 'before commit']);
  });
});
