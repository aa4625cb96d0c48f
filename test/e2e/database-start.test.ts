import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Injectable } from '@nestjs/common';
import type { DataSource, MigrationInterface, QueryRunner, Repository } from 'typeorm';
import { BootError, InjectDb, InjectRepository, RpcModule } from '../../lib/index.js';
import { DatabaseModule, dbToken } from '../../lib/database/index.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { describeWith, freePort, type RunningDatabase, selfSigned, startMariadb } from '../services/index.js';
import { onEachServer, section, startShop, Stock, type Vendor, VENDORS } from './database.rig.js';

class CreateStock1700000000001 implements MigrationInterface {
  name = 'CreateStock1700000000001';
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE stock (name varchar(20) PRIMARY KEY, count int NOT NULL)');
    // Long enough for another process to want the same.
    await runner.query(runner.dataSource.options.type === 'postgres' ? 'SELECT pg_sleep(0.3)' : 'SELECT SLEEP(0.3)');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE stock');
  }
}

@Injectable()
class Reader {
  constructor(@InjectRepository(Stock) readonly stock: Repository<Stock>) {}
}

@RpcModule({ type: 'reader', providers: [Reader], imports: [DatabaseModule.forFeature({ migrations: [CreateStock1700000000001] })] })
class ReaderModule {
  constructor(readonly reader: Reader) {}
}

onEachServer('the start of a database on a server', (server: () => RunningDatabase, vendor: Vendor) => {
  const refused = async (settings: object, within = 20_000): Promise<BootError> => {
    const from = performance.now();
    const error: unknown = await startShop({ default: settings }).then(() => assert.fail('it started'), (reason: unknown) => reason);
    assert.ok(performance.now() - from < within);
    assert.ok(error instanceof BootError, String(error));
    assert.ok(!`${error.stack}${JSON.stringify(error)}${inspect(error, { depth: 20, showHidden: true })}`.includes('tops3cret'));
    return error;
  };

  it('fails in time when nobody listens, and says which, where, why and what to try', async () => {
    const port = await freePort();
    const error = await refused(section(server(), vendor, { port, password: 'tops3cret', startupWaitMs: 300 }));
    assert.equal(error.reason, 'DATABASE_UNREACHABLE');
    assert.match(error.message, new RegExp(`database 'default' \\(${vendor.type} at 127\\.0\\.0\\.1:${port}/\\w+, Anthill\\.databases\\.default in the config\\) cannot be used: connect ECONNREFUSED .*is the server running.*startup: 'retry'`));
  });

  it('fails in time when somebody listens and says nothing', async (t) => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    t.after(() => silent.close());
    const { port } = silent.address() as { port: number };
    const error = await refused(section(server(), vendor, { port, password: 'tops3cret', connectTimeoutMs: 200, startupWaitMs: 300 }));
    assert.match(error.message, /cannot be used: .*(timeout|ETIMEDOUT|no answer within)/i);
  });

  it('fails at once for a wrong password or a database that is not there', async () => {
    assert.match((await refused(section(server(), vendor, { password: 'tops3cret', startupWaitMs: 60_000 }))).message, /are user 'anthill' and its password right/);
    assert.match((await refused(section(server(), vendor, { database: 'nowhere', startupWaitMs: 60_000 }))).message, /nowhere.*create the database/i);
  });

  it('fails at once when there is no password, or no TLS', async () => {
    const { password: _password, ...without } = section(server(), vendor, { startupWaitMs: 60_000 });
    const named = new RegExp(`^database 'default' \\(${vendor.type} at 127\\.0\\.0\\.1:\\d+/`);
    for (const [settings, said] of [[without, /password/], [section(server(), vendor, { ssl: {}, startupWaitMs: 60_000 }), /ssl|tls|secure/i]] as const) {
      const error = await refused(settings);
      assert.equal(error.reason, 'DATABASE_UNREACHABLE');
      assert.match(error.message, named);
      assert.match(error.message, said);
    }
  });

  it('waits for a server that is late', async (t: TestContext) => {
    const late = await vendor.start();
    t.after(() => late.stop());
    await late.kill();
    const starting = startShop({ default: section(late, vendor, { startupWaitMs: 30_000 }) });
    await late.restart();
    const { app, shop } = await starting;
    t.after(() => app.stop());
    assert.equal(await shop.stock.count(), 0);
  });

  it('is not waited for with startup: retry: not ready until it is there', async (t: TestContext) => {
    const late = await vendor.start();
    t.after(() => late.stop());
    await late.kill();
    const { app, call, shop } = await startShop({ default: section(late, vendor, { startup: 'retry', password: late.password }) });
    t.after(() => app.stop());
    assert.equal(app.health().ready, false);
    assert.match(app.health().parts.find(({ name }) => name === 'database')!.detail!, /^connect ECONNREFUSED/);
    await assert.rejects(call(() => shop.stock.count()), { code: 'UNAVAILABLE', reason: 'DATABASE_DOWN' });
    await late.restart();
    while (!app.health().ready) await delay(20);
    assert.equal(await call(() => shop.stock.count()), 0);
  });

  it('stops at once while nobody answers it', async (t: TestContext) => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    t.after(() => silent.close());
    const { port } = silent.address() as { port: number };
    const { app } = await startShop({ default: section(server(), vendor, { port, startup: 'retry', connectTimeoutMs: 500 }) });
    await app.stop();
    const [first, second] = await Promise.allSettled(['default', 'second'].map((name) => startShop({ [name]: section(server(), vendor, { port, connectTimeoutMs: 200, startupWaitMs: 0 }) })));
    assert.deepEqual([first!.status, second!.status], ['rejected', 'rejected']);
  });

  it('says that MariaDB is no MySQL', async (t: TestContext) => {
    const lines: string[] = [];
    const log = (line: unknown): void => void lines.push(String(line));
    const { app } = await startShop({ default: section(server(), vendor, vendor.type === 'mariadb' ? { type: 'mysql' } : {}) }, { logger: { log, warn: log, error: log } });
    t.after(() => app.stop());
    assert.equal(lines.some((line) => line.includes('say mariadb from the start')), vendor.type === 'mariadb');
  });

  it('keeps no connection when something else keeps the app from starting, or when it has stopped', async (t: TestContext) => {
    const watcher = await startShop({ default: section(server(), vendor, { pool: { max: 1 } }) });
    t.after(() => watcher.app.stop());
    const sessions = async (): Promise<number> => Number((await watcher.shop.db.query(vendor.connections))[0].n);
    const alone = await sessions();
    const broken = { provide: 'broken', useFactory: () => { throw new Error('not this one'); }, inject: [dbToken()] };
    @RpcModule({ type: 'broken', providers: [broken] })
    class Broken {
      constructor(@InjectDb() readonly db: DataSource) {}
    }
    await assert.rejects(createTestingApp({ modules: [Broken], databases: { default: section(server(), vendor) } }), /not this one/);
    // It fails while the database still connects.
    @RpcModule({ type: 'impatient', providers: [{ provide: 'broken', useFactory: async () => Promise.reject(new Error('nor this one')) }] })
    class Impatient {
      constructor(@InjectDb() readonly db: DataSource) {}
    }
    await assert.rejects(createTestingApp({ modules: [Impatient], databases: { default: section(server(), vendor) } }), /nor this one/);
    const second = await startShop({ default: section(server(), vendor) });
    await second.app.stop();
    await assert.rejects(second.shop.stock.count(), { reason: 'APP_STOPPED' });
    // The server needs a moment to notice that a socket was closed.
    while (await sessions() > alone) await delay(20);
  });

  it('waits for another process that migrates, and says so', async (t: TestContext) => {
    const own = await vendor.start();
    t.after(() => own.stop());
    let go = (): void => {};
    let begun = (): void => {};
    const gate = new Promise<void>((resolve) => (go = resolve));
    const migrating = new Promise<void>((resolve) => (begun = resolve));
    class Slow1700000000002 implements MigrationInterface {
      name = 'Slow1700000000002';
      async up(): Promise<void> {
        begun();
        await gate;
      }
      async down(): Promise<void> {}
    }
    @RpcModule({ type: 'slow', imports: [DatabaseModule.forFeature({ migrations: [Slow1700000000002] })] })
    class Slow {
      constructor(@InjectDb() readonly db: DataSource) {}
    }
    const databases = { default: section(own, vendor, { schema: 'migrate' }) };
    const first = createTestingApp({ modules: [Slow], databases });
    await migrating;
    const second = new Promise<Awaited<typeof first>>((resolve, reject) => {
      const warn = (line: unknown): void => void (String(line).includes('another process changes its tables; the start waits for it') && go());
      createTestingApp({ modules: [Slow], databases, logger: { log() {}, error() {}, warn } }).then(resolve, reject);
    });
    for (const app of await Promise.all([first, second])) await app.stop();
  });

  it('migrates once, whoever starts at the same time', async (t: TestContext) => {
    const own = await vendor.start();
    t.after(() => own.stop());
    const databases = { default: section(own, vendor, { schema: 'migrate' }) };
    const apps = await Promise.all([1, 2, 3].map(() => createTestingApp({ modules: [ReaderModule], databases })));
    for (const app of apps) {
      t.after(() => app.stop());
      assert.equal(await app.get(Reader).stock.count(), 0);
      assert.equal((await app.get(Reader).stock.query('SELECT * FROM migrations')).length, 1);
    }
  });
});

describeWith('TLS to MariaDB', ['mariadbd', 'openssl'], () => {
  it('verifies the server by the authority that config gives, and by those of the machine otherwise', async (t: TestContext) => {
    const folder = mkdtempSync(join(tmpdir(), 'anthill-database-tls-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const { cert, key } = await selfSigned(folder);
    const server = await startMariadb({ settings: { 'ssl-cert': cert, 'ssl-key': key } });
    t.after(() => server.stop());
    const vendor = VENDORS[0]!;
    const secure = (ssl: object) => startShop({ default: section(server, vendor, { host: 'localhost', ssl: ssl as Record<string, unknown>, startupWaitMs: 60_000 }) });
    const { app, shop, call } = await secure({ ca: readFileSync(cert, 'utf8') });
    t.after(() => app.stop());
    assert.match((await shop.db.query(`SHOW STATUS LIKE 'Ssl_cipher'`))[0].Value, /TLS|AES|CHACHA/);
    // Breaking off goes the same way.
    await assert.rejects(call(() => shop.db.query(vendor.sleep(10)), 200), { code: 'DEADLINE_EXCEEDED' });
    assert.equal(await shop.stock.count(), 0);
    await assert.rejects(secure({}), { reason: 'DATABASE_UNREACHABLE', message: /self.signed certificate.*See ssl/ });
  });
});
