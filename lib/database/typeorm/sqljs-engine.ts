import type { Database } from 'sql.js';
import type { Clock } from '../../common/clock.js';
import { DeadlineQueue } from '../../common/deadline-queue.js';
import type { Logger } from '../../common/logger.js';
import type { RpcError } from '../../common/rpc-error.js';
import { databaseBusy } from '../database-errors.js';
import type { ResolvedDatabase } from '../database-options.js';
import { ConnectionLock } from '../embedded/connection-lock.js';
import { Flusher } from '../embedded/flusher.js';
import { replaceFile } from '../embedded/replace-file.js';
import { Bound, liveCall } from '../live-call.js';
import { logSlow } from '../slow-log.js';
import type { ManagedRunner } from './managed-runner.js';

/** Statements are synchronous and awaits between them never reach timers: after this long, others have a turn. */
const BREATHE_EVERY_MS = 10;

/** What the runners of one embedded database share: one connection, and the way to the disk. */
export class SqljsEngine {
  readonly lock: ConnectionLock;
  readonly holders = new Set<ManagedRunner>();
  readonly flusher: Flusher | undefined;
  private readonly deadlines: DeadlineQueue;
  /** Set while the event loop has not come round since. */
  private turnBegan: number | undefined;
  private connection: Database | undefined;
  /** What `PRAGMA x = y` has set: taking a snapshot makes the connection forget it. */
  private readonly pragmas = new Map<string, string>();
  private closed: RpcError | undefined;

  constructor(
    readonly settings: ResolvedDatabase,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.lock = new ConnectionLock(() => clock.now());
    this.deadlines = new DeadlineQueue(clock);
    const { name, durability, file } = settings;
    if (file === undefined) return;
    this.flusher = new Flusher({
      database: name,
      durability,
      clock,
      logger,
      snapshot: () => this.snapshot(),
      betweenTransactions: (work) => this.between(work),
      write: (content) => replaceFile(file, content),
    });
  }

  get name(): string {
    return this.settings.name;
  }

  open(connection: Database): void {
    this.connection = connection;
    this.closed = undefined;
    // TypeORM's own, made while it connected.
    this.pragmas.set('foreign_keys', 'PRAGMA foreign_keys = ON');
  }

  shut(error: RpcError): void {
    this.closed = error;
    this.deadlines.close();
  }

  /** @throws RpcError when it is closed */
  refuse(): void {
    if (this.closed !== undefined) throw this.closed;
  }

  /** The connection for `holder`; undefined: it has it. @throws RpcError DATABASE_BUSY, or that of the call whose time is over */
  take(holder: ManagedRunner): Promise<void> | undefined {
    this.refuse();
    if (this.lock.tryTake(holder)) return undefined;
    const { queue, acquireTimeoutMs } = this.settings.pool;
    if (this.lock.waits >= queue) throw databaseBusy(this.name, `${queue} wait for its one connection already; see pool.queue`);
    const turn = this.lock.queue(holder);
    const wait = new Bound<void>(liveCall(), this.deadlines, () => turn.giveUp());
    wait.limit(this.clock.now(), acquireTimeoutMs, () => this.heldTooLong());
    void turn.come.then(() => wait.resolve());
    return wait.promise;
  }

  private heldTooLong(): RpcError {
    const { acquireTimeoutMs } = this.settings.pool;
    return databaseBusy(this.name, `it is embedded and runs one transaction at a time, and the one before this statement has been open for ${Math.round(this.lock.heldMs)} ms (waited ${acquireTimeoutMs} ms); does it wait for this statement, in a call to another handler or with a manager of its own? Shorter transactions, or a database on a server`);
  }

  /** Lets timers and sockets have their turn. */
  breathe(): Promise<void> | undefined {
    const now = this.clock.now();
    if (this.turnBegan === undefined) {
      this.turnBegan = now;
      setImmediate(() => (this.turnBegan = undefined));
      return undefined;
    }
    return now - this.turnBegan < BREATHE_EVERY_MS ? undefined : new Promise((resolve) => setImmediate(resolve));
  }

  now(): number {
    return this.clock.now();
  }

  ended(sql: string, from: number): void {
    const { slowQueryMs } = this.settings;
    const ms = this.clock.now() - from;
    if (slowQueryMs > 0 && ms >= slowQueryMs) logSlow(this.logger, this.name, sql, ms);
  }

  /** One number of the connection: `last_insert_rowid()`, `total_changes()`. */
  number(expression: string): number {
    return this.connection!.exec(`SELECT ${expression}`)[0]!.values[0]![0] as number;
  }

  /** SQLite undoes a whole transaction by itself after some errors (`OR ROLLBACK`, a full memory). Only its refusal of another one tells. */
  get hasTransaction(): boolean {
    try {
      this.connection!.run('BEGIN');
    } catch {
      return true;
    }
    this.connection!.run('ROLLBACK');
    return false;
  }

  remember(pragma: string, sql: string): void {
    this.pragmas.set(pragma.toLowerCase(), sql);
  }

  private async between<T>(work: () => T): Promise<T> {
    const holder = {};
    await this.lock.queue(holder, true).come;
    try {
      return work();
    } finally {
      this.lock.free(holder);
    }
  }

  private snapshot(): Uint8Array {
    const content = this.connection!.export();
    for (const sql of this.pragmas.values()) this.connection!.run(sql);
    return content;
  }
}
