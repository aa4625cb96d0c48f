import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '../../common/clock.js';
import type { DeadlineQueue } from '../../common/deadline-queue.js';
import type { Logger } from '../../common/logger.js';
import { rpcError } from '../../common/error-catalog.js';
import { messageOf } from '../../common/message-of.js';
import type { RpcError } from '../../common/rpc-error.js';
import type { Availability } from '../server/availability.js';
import type { SideLine } from '../server/side-line.js';
import type { ResolvedDatabase } from '../database-options.js';
import { databaseBusy, databaseDown, inCallTerms, isConnectionError, wasCancelled } from '../database-errors.js';
import { logSlow } from '../slow-log.js';
import type { Dialect } from './dialect.js';
import type { ManagedRunner } from './managed-runner.js';

/** Longest time for undoing what a call left behind; a connection that takes longer is thrown away. */
export const CLEANUP_MS = 1000;

/** What the runners of one server share. */
export class ServerLink {
  /** Wait for a connection. */
  waiting = 0;
  /** Those that have one. */
  readonly holders = new Set<ManagedRunner>();
  /** Connecting and migrating: what belongs to it passes while others are refused, and takes the time it takes. */
  private readonly setup = new AsyncLocalStorage<true>();
  isClosing = false;
  private readonly cleanups = new Set<Promise<void>>();
  private generation = 0;
  private readonly generations = new WeakMap<object, number>();

  constructor(
    readonly settings: ResolvedDatabase,
    readonly dialect: Dialect,
    readonly availability: Availability,
    readonly sideLine: SideLine,
    readonly deadlines: DeadlineQueue,
    readonly clock: Clock,
    readonly logger: Logger,
  ) {}

  get name(): string {
    return this.settings.name;
  }

  private get isSettingUp(): boolean {
    return this.setup.getStore() === true;
  }

  async settingUp<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.setup.run(true, work);
    } finally {
      // As long as it is in use, each promise of the process carries it along.
      this.setup.disable();
    }
  }

  /** @throws RpcError DATABASE_DOWN */
  refuse(): void {
    if (this.availability.isRefusing && !this.isSettingUp) this.availability.refuse();
  }

  get queryLimitMs(): number {
    return this.isSettingUp ? 0 : this.settings.queryTimeoutMs;
  }

  /** The pool has made a connection. */
  made(connection: object): void {
    this.generations.set(connection, this.generation);
  }

  /** The server was away: what connected before may be a socket to nobody. */
  age(): void {
    this.generation++;
  }

  get hasAged(): boolean {
    return this.generation > 0;
  }

  isStale(connection: object): boolean {
    return (this.generations.get(connection) ?? 0) < this.generation;
  }

  /** A connection is being tidied up behind somebody's back. */
  cleaning(work: Promise<void>): void {
    const done = work.catch((error: unknown) => this.logger.error(`database '${this.name}': a connection could not be tidied up: ${messageOf(error)}`)).then(() => void this.cleanups.delete(done));
    this.cleanups.add(done);
  }

  /** Breaks off what still runs. From then on connections are thrown away. */
  async close(error: RpcError): Promise<void> {
    for (const runner of this.holders) runner.retire(error);
    await this.inTime(Promise.all(this.cleanups).then(() => true));
    this.isClosing = true;
  }

  /** @throws RpcError DATABASE_BUSY */
  enterQueue(): void {
    const { queue } = this.settings.pool;
    if (this.waiting >= queue) throw databaseBusy(this.name, `${queue} statements wait for a connection already; see pool.queue and pool.max`);
    this.waiting++;
  }

  /** Nobody gave a connection in time: are all of them taken, or can none be made? */
  readonly noConnection = (): RpcError => {
    const { max, acquireTimeoutMs } = this.settings.pool;
    if (this.holders.size >= max) return databaseBusy(this.name, `no connection became free within ${acquireTimeoutMs} ms, all ${max} are in use; shorter transactions, or a larger pool.max`);
    this.availability.suspect();
    return databaseDown(this.name, new Error(`no connection within ${acquireTimeoutMs} ms`));
  };

  /** The server took longer than any statement may. */
  readonly tooSlow = (): RpcError => {
    this.availability.suspect();
    return rpcError('DEADLINE_EXCEEDED', `a statement on database '${this.name}' took longer than ${this.settings.queryTimeoutMs} ms and was broken off; see queryTimeoutMs`, { metadata: { database: this.name } });
  };

  /** A statement came to nothing. */
  failed(error: unknown): unknown {
    if (isConnectionError(error)) this.availability.suspect();
    return inCallTerms(error, this.name);
  }

  ended(sql: string, from: number): void {
    const now = this.clock.now();
    this.availability.answered(now);
    const { slowQueryMs } = this.settings;
    if (slowQueryMs > 0 && now - from >= slowQueryMs) logSlow(this.logger, this.name, sql, now - from);
  }

  /**
   * Breaks off a statement at the server.
   * @returns whether its connection can be used again: what broke off was this statement, so that nothing more is to come
   */
  async cancel(session: number, statement: Promise<unknown>): Promise<boolean> {
    const ended = statement.then(() => false, wasCancelled);
    const sent = this.sideLine.run(this.dialect.cancelSql(session)).then(
      () => true,
      () => {
        // Nobody there? Statements that end with their calls would never tell.
        this.availability.suspect();
        return false;
      },
    );
    return this.inTime(Promise.all([ended, sent]).then((both) => both.every(Boolean)));
  }

  /** Whether it became true before the time for cleaning up was over. */
  inTime(work: Promise<boolean>): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.clock.after(CLEANUP_MS, () => resolve(false), true);
      work.then(resolve, () => resolve(false)).finally(cancel);
    });
  }
}
