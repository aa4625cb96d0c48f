import { after, before } from 'node:test';
import { Injectable } from '@nestjs/common';
import { Column, type DataSource, Entity, PrimaryColumn, type Repository } from 'typeorm';
import { type AppOptions, Ctx, currentContext, type DatabaseSection, Handler, InjectDb, InjectRepository, RpcContext, RpcModule, Transactional } from '../../lib/index.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { describeWith, type Need, type RunningDatabase, startMariadb, startPostgres } from '../services/index.js';

@Entity({ name: 'stock' })
export class Stock {
  @PrimaryColumn({ length: 20 })
  name!: string;

  @Column()
  count!: number;
}

/** What differs between the servers in SQL that tests write. */
export interface Vendor {
  readonly type: 'mariadb' | 'postgres';
  readonly need: Need;
  readonly start: () => Promise<RunningDatabase>;
  readonly sleep: (seconds: number) => string;
  /** Counts sessions that sleep for 10 s. */
  readonly sessions: string;
  /** Counts connections. */
  readonly connections: string;
}

export const VENDORS: readonly Vendor[] = [
  {
    type: 'mariadb',
    need: 'mariadbd',
    start: () => startMariadb(),
    sleep: (seconds) => `SELECT SLEEP(${seconds})`,
    sessions: `SELECT COUNT(*) AS n FROM information_schema.processlist WHERE info LIKE '%SLEEP(10)%' AND id <> CONNECTION_ID()`,
    connections: `SELECT COUNT(*) AS n FROM information_schema.processlist WHERE user = 'anthill'`,
  },
  {
    type: 'postgres',
    need: 'postgres',
    start: () => startPostgres(),
    sleep: (seconds) => `SELECT pg_sleep(${seconds})`,
    sessions: `SELECT COUNT(*)::int AS n FROM pg_stat_activity WHERE query LIKE '%pg_sleep(10)%' AND state = 'active' AND pid <> pg_backend_pid()`,
    connections: `SELECT COUNT(*)::int AS n FROM pg_stat_activity WHERE backend_type = 'client backend'`,
  },
];

/** The same tests on both servers; each has its own server, started before. */
export function onEachServer(name: string, body: (server: () => RunningDatabase, vendor: Vendor) => void): void {
  for (const vendor of VENDORS) {
    describeWith(`${name} (${vendor.type})`, [vendor.need], () => {
      let server: RunningDatabase | undefined;
      before(async () => {
        server = await vendor.start();
      });
      after(() => server?.stop());
      body(() => server!, vendor);
    });
  }
}

export function section(server: RunningDatabase, vendor: Vendor, more: DatabaseSection = {}): DatabaseSection {
  return { type: vendor.type, host: '127.0.0.1', port: server.port, database: server.database, username: server.user, password: server.password, schema: 'sync', ...more };
}

@Injectable()
export class Shop {
  constructor(
    @InjectRepository(Stock) readonly stock: Repository<Stock>,
    @InjectDb() readonly db: DataSource,
  ) {}

  /** Runs whatever a test says in a transaction. */
  @Transactional()
  inside<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }

  @Transactional({ idempotent: true })
  again<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }
}

/** Handlers that do what a test says: works go by name, because calls carry data only. */
@RpcModule({ type: 'shop', providers: [Shop] })
export class ShopModule {
  readonly works = new Map<string, (context: RpcContext) => Promise<unknown>>();

  constructor(readonly shop: Shop) {}

  @Handler('/do', { concurrent: true })
  do(name: string, @Ctx() context: RpcContext): Promise<unknown> {
    return this.works.get(name)!(context);
  }

  @Handler('/do/inside', { concurrent: true })
  @Transactional()
  doInside(name: string): Promise<unknown> {
    return this.works.get(name)!(currentContext()!);
  }
}

export async function startShop(databases: NonNullable<AppOptions['databases']>, more: Partial<AppOptions> = {}) {
  const app = await createTestingApp({ modules: [ShopModule], databases, ...more });
  const module = app.get(ShopModule);
  let count = 0;
  const run = (path: string, work: (context: RpcContext) => Promise<unknown>, timeoutMs: number): Promise<unknown> => {
    const name = `work ${count++}`;
    module.works.set(name, work);
    return app.rpc.call('shop', path, [name], { timeoutMs });
  };
  return {
    app,
    shop: module.shop,
    works: module.works,
    call: (work: (context: RpcContext) => Promise<unknown>, timeoutMs = 10_000) => run('/do', work, timeoutMs),
    callInside: (work: (context: RpcContext) => Promise<unknown>, timeoutMs = 10_000) => run('/do/inside', work, timeoutMs),
  };
}
