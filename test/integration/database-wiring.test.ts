import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Injectable, Module, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { getDataSourceToken, getRepositoryToken } from '@nestjs/typeorm';
import { Test } from '@nestjs/testing';
import { DataSource, type EntityManager, EntitySchema, type Repository } from 'typeorm';
import { DatabaseModule, dbToken, entityManagerToken, repositoryToken } from '../../lib/database/index.js';
import { AnthillModule, BootError, Handler, InjectDb, InjectEntityManager, InjectRepository, RpcFactory, RpcModule, Transactional } from '../../lib/index.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { Account, Bank, BankModule, Booking, CreateAccounts1700000000000 } from './database.support.js';

const rejects = (work: () => Promise<unknown>, reason: string, message: RegExp) =>
  assert.rejects(work, (error: unknown) => error instanceof BootError && error.reason === reason && message.test(error.message) ? true : assert.fail(String(error)));

/** The default of the column in the table. */
async function usualBalance(db: DataSource): Promise<number> {
  await db.query(`INSERT INTO account (owner) VALUES ('ann')`);
  return (await db.query('SELECT balance FROM account'))[0].balance;
}

describe('databases by annotation', () => {
  it('are there with nothing declared: repositories, data source, manager, transactions', async (t) => {
    const app = await createTestingApp({ modules: [BankModule] });
    t.after(() => app.stop());
    assert.equal(await app.rpc.call('bank', '/open', ['ann', 10]), 1);
    assert.equal(await app.rpc.call('bank', '/open', ['bob', 0]), 2);
    await app.rpc.call('bank', '/move', ['ann', 'bob', 4]);
    await assert.rejects(app.rpc.call('bank', '/move', ['ann', 'bob', 40]));
    assert.equal(await app.rpc.call('bank', '/balance', ['ann']), 6);
    const { manager, db, accounts } = app.get(Bank);
    assert.ok(db instanceof DataSource);
    assert.equal(manager, db.manager);
    assert.equal(accounts, db.getRepository(Account));
    assert.ok(db.hasMetadata(Booking), 'an entity that a relation leads to');
  });

  it('have names; entities belong to the database that they are injected from', async (t) => {
    @RpcModule({ type: 'two' })
    class Two {
      constructor(
        @InjectRepository(Account) readonly here: Repository<Account>,
        @InjectRepository(Account, 'other') readonly there: Repository<Account>,
        @InjectDb('third') readonly third: DataSource,
      ) {}
      @Transactional({ db: 'other' })
      async fails(): Promise<void> {
        await this.here.save({ owner: 'stays' });
        await this.there.save({ owner: 'goes' });
        throw new Error('no');
      }
    }
    const app = await createTestingApp({ modules: [Two] });
    t.after(() => app.stop());
    const two = app.get(Two);
    await assert.rejects(two.fails());
    assert.deepEqual([await two.here.count(), await two.there.count()], [1, 0]);
    assert.equal(two.third.hasMetadata(Account), false);
    assert.equal(app.get<DataSource>(dbToken('third')), two.third);
    assert.deepEqual(app.health().parts.filter(({ name }) => name.startsWith('database')).map(({ name }) => name).sort(), ['database', 'database:other', 'database:third']);
  });

  it('without a name the only one of the config is meant; a name that is none there is a mistake', async (t) => {
    const one = { main: { file: ':memory:' } };
    const app = await createTestingApp({ modules: [BankModule], databases: one });
    t.after(() => app.stop());
    assert.equal(await app.rpc.call('bank', '/open', ['ann', 10]), 1);
    assert.ok(app.health().parts.some(({ name }) => name === 'database:main'));
    await rejects(() => createTestingApp({ modules: [BankModule], databases: { ...one, orders: {} } }), 'DATABASE_UNKNOWN', /without a name, which means 'default', and the config declares 'main', 'orders'.*@InjectDb\('main'\)/);
    @RpcModule({ type: 'x' })
    class Typo {
      constructor(@InjectDb('order') readonly db: DataSource) {}
    }
    await rejects(() => createTestingApp({ modules: [Typo], databases: { ...one, orders: {} } }), 'DATABASE_UNKNOWN', /database 'order', .*did you mean "orders"/);
  });

  it('take what forRoot and forFeature say; config wins', async (t) => {
    const Note = new EntitySchema<{ id: number }>({ name: 'Note', columns: { id: { type: Number, primary: true } } });
    @RpcModule({ type: 'x', imports: [DatabaseModule.forRoot({ file: ':memory:', slowQueryMs: 5, entities: [Note], migrations: [CreateAccounts1700000000000] }), DatabaseModule.forFeature([Account])] })
    class X {
      constructor(@InjectRepository(Account) readonly accounts: Repository<Account>, @InjectDb() readonly db: DataSource) {}
    }
    const app = await createTestingApp({ modules: [X] });
    t.after(() => app.stop());
    const { accounts, db } = app.get(X);
    assert.equal(await usualBalance(db), 7, 'that of the migration: tables were not made from entities');
    assert.equal(await accounts.count(), 1);
    assert.ok(db.hasMetadata(Note));
    const synced = await createTestingApp({ modules: [X], databases: { default: { schema: 'sync' } } });
    t.after(() => synced.stop());
    assert.equal(await usualBalance(synced.get(X).db), 0);
    await synced.get(X).db.getRepository(Note).save({ id: 1 });
  });

  it('read migrations from files, as config names them', async (t) => {
    const workDir = mkdtempSync(join(tmpdir(), 'anthill-migrations-'));
    t.after(() => rmSync(workDir, { recursive: true, force: true }));
    const steps = [1, 2].map((n) => `export class Step${n}170000000000${n} { name = 'Step${n}170000000000${n}'; async up(r) { await r.query('CREATE TABLE t${n} (id integer)'); } async down() {} }`);
    for (const [i, step] of steps.entries()) writeFileSync(join(workDir, `step${i}.mjs`), step);
    @RpcModule({ type: 'x' })
    class X {
      constructor(@InjectDb() readonly db: DataSource) {}
    }
    const app = await createTestingApp({ modules: [X], workDir, databases: { default: { file: ':memory:', migrations: ['*.mjs'] } } });
    t.after(() => app.stop());
    assert.deepEqual(await app.get(X).db.query(`SELECT name FROM sqlite_master WHERE name LIKE 't_' ORDER BY name`), [{ name: 't1' }, { name: 't2' }]);
  });

  it('serve what is in flight while the app stops, and the destroy hooks; then they are closed', async () => {
    const seen: string[] = [];
    let letGo = (): void => {};
    let entered = (): void => {};
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    const inside = new Promise<void>((resolve) => (entered = resolve));
    @RpcModule({ type: 'x' })
    class X implements OnModuleDestroy, OnApplicationShutdown {
      constructor(@InjectRepository(Account) readonly accounts: Repository<Account>) {}
      @Handler('/slow', { concurrent: true })
      @Transactional()
      async slow(): Promise<number> {
        await this.accounts.save({ owner: 'ann' });
        entered();
        await gate;
        return this.accounts.count();
      }
      async onModuleDestroy(): Promise<void> {
        seen.push(`destroy hook: ${await this.accounts.count()}`);
      }
      async onApplicationShutdown(): Promise<void> {
        seen.push(`shutdown hook: ${await this.accounts.count()}`);
      }
    }
    const app = await createTestingApp({ modules: [X] });
    const call = app.rpc.call('x', '/slow').then((count) => seen.push(`call: ${String(count)}`));
    await inside;
    const stopped = app.stop();
    letGo();
    await Promise.all([call, stopped]);
    assert.deepEqual(seen, ['call: 1', 'destroy hook: 1', 'shutdown hook: 1']);
    await assert.rejects(app.get(X).accounts.count(), { reason: 'APP_STOPPED' });
  });

  it('take options from a factory with what it injects', async (t) => {
    @Injectable()
    class Settings {
      readonly name = ':memory:';
    }
    @Module({ providers: [Settings], exports: [Settings] })
    class SettingsModule {}
    @RpcModule({ type: 'x', imports: [DatabaseModule.forRootAsync({ name: 'late', imports: [SettingsModule], inject: [Settings], useFactory: (settings: Settings) => ({ file: settings.name }) })] })
    class X {
      constructor(@InjectEntityManager('late') readonly manager: EntityManager) {}
    }
    const app = await createTestingApp({ modules: [X] });
    t.after(() => app.stop());
    assert.deepEqual(await app.get(X).manager.query('SELECT 1 AS one'), [{ one: 1 }]);
  });

  it('tell mistakes before the app starts', async () => {
    const withOptions = (options: object) => () => createTestingApp({ modules: [BankModule], databases: { default: options } });
    await rejects(withOptions({ host: 'db' }), 'DATABASE_OPTIONS', /host is of a server, and there is no type/);
    await rejects(withOptions({ type: 'postgres' }), 'DATABASE_OPTIONS', /there is no database: which one/);
    await rejects(withOptions({ type: 'postgres', database: 'x', file: 'y' }), 'DATABASE_OPTIONS', /file is of an embedded database/);
    await rejects(withOptions({ url: 'mongodb://user:tops3cret@host/x' }), 'DATABASE_OPTIONS', /^(?!.*tops3cret).*url is no address/);
    await rejects(withOptions({ type: 'oracle', pool: { max: 0 } }), 'BOOT_FAILED', /databases\.default\.type must be one of[^]*pool\.max must be an integer/);
    await rejects(withOptions({ password: '$env:NOWHERE', type: 'mariadb', database: 'x' }), 'CONFIG_SECRET', /Anthill\.databases\.default\.password is \$env:NOWHERE/);
    const twice = DatabaseModule.forRoot({ file: ':memory:' });
    @RpcModule({ type: 'x', imports: [twice, DatabaseModule.forRoot({ file: 'other.sqlite' })] })
    class Twice {}
    await rejects(() => createTestingApp({ modules: [Twice] }), 'DATABASE_OPTIONS', /forRoot twice/);
    assert.throws(() => InjectRepository(undefined as never), { reason: 'DATABASE_ENTITY' });
    assert.throws(() => DatabaseModule.forFeature([undefined as never]), { reason: 'DATABASE_ENTITY' });
  });

  it('work in an app of Nest: forRoot, AnthillModule.forRoot, and its own decorators', async (t: TestContext) => {
    @Injectable()
    class Elsewhere {
      constructor(readonly bank: Bank, @InjectRepository(Account) readonly accounts: Repository<Account>) {}
    }
    @Module({ imports: [AnthillModule.forRoot({ modules: [BankModule], env: {}, configFile: false, logger: false, databases: { default: { file: ':memory:' } } })], providers: [Elsewhere, Bank] })
    class Root {}
    const module = await Test.createTestingModule({ imports: [Root] }).compile();
    t.after(() => module.close());
    await module.init();
    await module.get(Elsewhere).bank.within(() => module.get(Elsewhere).accounts.save({ owner: 'ann' }));
    assert.equal(await module.get<Repository<Account>>(getRepositoryToken(Account), { strict: false }).count(), 1);
  });

  it('work in an app of Nest without Anthill, and close with it', async () => {
    const module = await Test.createTestingModule({ imports: [DatabaseModule.forRoot({ file: ':memory:' }), DatabaseModule.forFeature([Account])], providers: [Bank] }).compile();
    await module.init();
    const bank = module.get(Bank);
    await bank.within(() => bank.accounts.save({ owner: 'ann' }));
    assert.equal(module.get(getDataSourceToken() as never), bank.db);
    await module.close();
    await assert.rejects(bank.accounts.count(), { reason: 'APP_STOPPED' });
  });

  it('can be overridden in tests, transactions included', async (t) => {
    const saved: string[] = [];
    const overrides = [
      { provide: repositoryToken(Account), useValue: { save: async ({ owner }: Account) => (saved.push(owner), { id: 9 }) } },
      { provide: dbToken(), useValue: { runInTransaction: (_options: object, work: () => unknown) => work() } },
      { provide: entityManagerToken(), useValue: {} },
    ];
    const app = await createTestingApp({ modules: [BankModule], overrides });
    t.after(() => app.stop());
    assert.equal(await app.rpc.call('bank', '/open', ['ann', 1]), 9);
    await app.get(Bank).within(async () => saved.push('within'));
    assert.deepEqual(saved, ['ann', 'within']);
  });
});

describe('createTestingApp with databases', () => {
  it("'memory' gives each app a new database with its migrations, whatever is declared", async (t) => {
    const workDir = mkdtempSync(join(tmpdir(), 'anthill-memory-'));
    t.after(() => rmSync(workDir, { recursive: true, force: true }));
    @RpcModule({ type: 'x', imports: [DatabaseModule.forRoot({ type: 'mariadb', host: 'nowhere.invalid', database: 'x', migrations: [CreateAccounts1700000000000] })] })
    class X {
      constructor(@InjectRepository(Account) readonly accounts: Repository<Account>) {}
    }
    const times: number[] = [];
    for (let i = 0; i < 6; i++) {
      const from = process.cpuUsage();
      const app = await createTestingApp({ modules: [X], databases: 'memory', workDir });
      const { user, system } = process.cpuUsage(from);
      times.push((user + system) / 1000);
      assert.equal(await app.get(X).accounts.count(), 0);
      assert.equal(await usualBalance(app.get<DataSource>(dbToken())), 7);
      await app.stop();
    }
    assert.equal(existsSync(join(workDir, 'data')), false);
    // The first one loads the engine. Time of the processor: a busy machine makes the other kind of any length.
    assert.ok(Math.min(...times.slice(1)) < 300, `${times.map(Math.round).join(', ')} ms`);
  });

  it('leaves no file behind when nothing is declared; create() does', async (t) => {
    const workDir = mkdtempSync(join(tmpdir(), 'anthill-file-'));
    t.after(() => rmSync(workDir, { recursive: true, force: true }));
    await (await createTestingApp({ modules: [BankModule], workDir })).stop();
    assert.equal(existsSync(join(workDir, 'data')), false);
    await (await RpcFactory.create({ modules: [BankModule], workDir, flags: false, env: {}, logger: false })).stop();
    assert.equal(existsSync(join(workDir, 'data/default.sqlite')), true);
  });
});

