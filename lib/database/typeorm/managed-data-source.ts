import { DataSource, type DataSourceOptions, EntityManager, type EntityTarget, type ObjectLiteral, type QueryRunner, type ReplicationMode } from 'typeorm';
import type { EntityRef } from '../tokens.js';
import { currentLevel } from '../transaction-scope.js';
import type { IsolationLevel, TransactionHost, TransactionOptions } from '../transaction-options.js';
import type { ManagedRunner } from './managed-runner.js';
import { Transactions } from './transactions.js';

/** Makes the query runners of one database. */
export type RunnerFactory = (mode: ReplicationMode) => ManagedRunner;
type Work<T> = (manager: EntityManager) => Promise<T>;

/**
 * A DataSource whose every way to a connection leads through one door. TypeORM asks `createQueryRunner` wherever nobody gave it a runner:
 * repositories, managers, query builders, lazy relations, migrations. Inside of a transaction the door gives its runner, so that all of them
 * belong to it without knowing.
 */
export class ManagedDataSource extends DataSource implements TransactionHost {
  private factory: RunnerFactory | undefined;
  private readonly transactions: Transactions;

  constructor(
    options: DataSourceOptions,
    readonly databaseName: string,
  ) {
    super(options);
    this.transactions = new Transactions(this, databaseName);
  }

  /** Set before anything connects: it needs the driver, which TypeORM makes. */
  useRunners(factory: RunnerFactory): void {
    this.factory = factory;
  }

  /** Reads entities and migrations before there is a connection, and finds their mistakes. */
  async buildEntities(): Promise<void> {
    await this.buildMetadatas();
  }

  /** Trees have one with more methods. */
  repositoryOf(entity: EntityRef): unknown {
    const target = entity as EntityTarget<ObjectLiteral>;
    return this.hasMetadata(target) && this.getMetadata(target).treeType !== undefined ? this.getTreeRepository(target) : this.getRepository(target);
  }

  override createQueryRunner(mode: ReplicationMode = 'master'): QueryRunner {
    return currentLevel<ManagedRunner>(this)?.runner ?? this.ownRunner(mode);
  }

  /** One that is in no transaction. */
  ownRunner(mode: ReplicationMode): ManagedRunner {
    if (this.factory === undefined) return super.createQueryRunner(mode) as ManagedRunner;
    const runner = this.factory(mode) as { -readonly [K in keyof ManagedRunner]: ManagedRunner[K] };
    runner.manager = this.createEntityManager(runner);
    return runner;
  }

  runInTransaction<T>(options: TransactionOptions, work: () => T | Promise<T>): Promise<T> {
    return this.transactions.run(options, work);
  }

  override createEntityManager(queryRunner?: QueryRunner): EntityManager {
    return new ManagedEntityManager(this, queryRunner);
  }

  /** @internal `transaction()` of a manager, which may be one of a runner. */
  transactionOf<T>(runner: ManagedRunner | undefined, options: TransactionOptions, work: Work<T>): Promise<T> {
    return this.transactions.run(options, work, runner?.level);
  }
}

/** `manager.transaction()` opens a transaction as `@Transactional` does; on the manager of somebody's own runner it is TypeORM's. */
class ManagedEntityManager extends EntityManager {
  override transaction<T>(isolationOrWork: IsolationLevel | 'SNAPSHOT' | Work<T>, work?: Work<T>): Promise<T> {
    const runner = this.queryRunner as ManagedRunner | undefined;
    if (runner !== undefined && runner.level === undefined) return super.transaction(isolationOrWork as never, work as Work<T>);
    const source = this.dataSource as ManagedDataSource;
    return typeof isolationOrWork === 'function' ? source.transactionOf(runner, {}, isolationOrWork) : source.transactionOf(runner, { isolation: isolationOrWork as IsolationLevel }, work!);
  }
}
