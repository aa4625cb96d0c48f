import type { ReadStream } from 'node:fs';
import { type TransactionLevel, transactionOver } from '../transaction-scope.js';
import { isConnectionError } from '../database-errors.js';
import { Bound, liveCall } from '../live-call.js';
import { rpcError } from '../../common/error-catalog.js';
import type { RpcError } from '../../common/rpc-error.js';
import type { IsolationLevel } from '../transaction-options.js';
import type { BaseRunner, ManagedRunner, RunnerConstructor } from './managed-runner.js';
import { CLEANUP_MS, type ServerLink } from './server-link.js';
import { ENDINGS, turnCame, turnOf } from './statement-order.js';

/** What TypeORM's runners for servers have besides. */
interface PooledRunner extends BaseRunner {
  isReleased: boolean;
  isTransactionActive: boolean;
  databaseConnection: object | undefined;
  databaseConnectionPromise: Promise<object> | undefined;
}

/** One for all: with async hooks at work each promise costs as much as the rest of a call here. */
const DONE: Promise<void> = Promise.resolve();

/**
 * TypeORM's runner of a server, with ends to everything: waiting for a connection, statements, transactions. When a call is over, its runner
 * is retired: whoever waits has an error at once, and the statement is broken off at the server behind its back. A connection goes back to the
 * pool clean, or not at all.
 */
export function serverRunner(Base: RunnerConstructor, link: ServerLink, owner: object): RunnerConstructor<BaseRunner & ManagedRunner> {
  return class ServerRunner extends (Base as RunnerConstructor<PooledRunner>) implements ManagedRunner {
    level: TransactionLevel<ManagedRunner> | undefined;
    private taken: object | undefined;
    private taking: Promise<object> | undefined;
    private obtaining: Promise<object> | undefined;
    private retired: RpcError | undefined;
    /** The transaction cannot go on below this depth; 0: not at all. */
    private doom: { readonly depth: number; readonly error: unknown } | undefined;
    private isRunning = false;
    private last: Promise<unknown> = DONE;
    /** What TypeORM is about: it tells subscribers first, whose statements still belong to the transaction. */
    private ending: 'commit' | 'rollback' | 'savepoint' | undefined;
    /** Of the outermost level: its last statement is under way, or has been answered. */
    private end: 'coming' | 'come' | undefined;
    private isBroken = false;
    private isStreaming = false;
    private isGone = false;

    override connect(): Promise<object> {
      // Asked for by every statement: the promise that it came with, not a new one.
      if (this.taken !== undefined) return this.obtaining!;
      return (this.taking ??= this.obtained());
    }

    private obtained(): Promise<object> {
      const wait = this.begun<object>(false);
      this.take(wait, () => wait.resolve(this.taken!));
      return wait.promise;
    }

    /** Something that waits for the server, and not for longer than it may. */
    private begun<T>(isEnding: boolean): Bound<T> {
      const call = isEnding ? undefined : liveCall();
      call?.throwIfAborted();
      return new Bound<T>(call, link.deadlines, isEnding ? this.breakOff : this.giveUp);
    }

    private take(wait: Pick<Bound<unknown>, 'limit' | 'isOver' | 'reject'>, next: () => void): void {
      try {
        this.refuse();
        link.refuse();
        link.enterQueue();
      } catch (error) {
        return wait.reject(error);
      }
      wait.limit(link.clock.now(), link.settings.pool.acquireTimeoutMs, link.noConnection);
      this.obtaining = link.hasAged ? this.obtainFresh() : (super.connect() as Promise<object>);
      this.obtaining.then(
        (connection) => {
          link.waiting--;
          if (wait.isOver) return;
          this.taken = connection;
          link.holders.add(this);
          next();
        },
        (error: unknown) => {
          link.waiting--;
          wait.reject(link.failed(error));
        },
      );
    }

    private async obtainFresh(): Promise<object> {
      for (;;) {
        const connection = (await super.connect()) as object;
        if (!link.isStale(connection)) return connection;
        link.dialect.discard(this, connection, new Error('the server was away meanwhile'));
        this.isReleased = false;
        this.databaseConnection = this.databaseConnectionPromise = undefined;
      }
    }

    override query(sql: string, parameters?: unknown[], structured = false): Promise<never> {
      const isEnding = this.ending !== undefined && ENDINGS.test(sql);
      try {
        if (this.isRunning || (!isEnding && turnOf(sql, this, owner) !== undefined)) return this.queryInTurn(sql, parameters, structured, isEnding);
        return this.state(sql, parameters, structured, isEnding);
      } catch (error) {
        return Promise.reject(error as Error);
      }
    }

    /** One statement at a time: pg is about to refuse more, and breaking off means one. */
    private async queryInTurn(sql: string, parameters: unknown[] | undefined, structured: boolean, isEnding: boolean): Promise<never> {
      // What comes while the transaction ends shall not run after it, on its own.
      if (!isEnding) this.refuse();
      const turn = isEnding ? undefined : turnOf(sql, this, owner);
      if (turn !== undefined) await turnCame(turn);
      while (this.isRunning) await this.last.catch(() => {});
      return this.state(sql, parameters, structured, isEnding);
    }

    private state(sql: string, parameters: unknown[] | undefined, structured: boolean, isEnding: boolean): Promise<never> {
      if (!isEnding) this.refuse();
      // A call that ended while subscribers were told has its connection cleaned up already.
      else if (this.retired !== undefined) throw this.retired;
      else if (this.ending !== 'savepoint') this.end = 'coming';
      const wait = this.begun<never>(isEnding);
      if (this.taken !== undefined) this.execute(wait, sql, parameters, structured, isEnding);
      else this.take(wait, () => this.execute(wait, sql, parameters, structured, isEnding));
      return wait.promise;
    }

    private execute(wait: Bound<never>, sql: string, parameters: unknown[] | undefined, structured: boolean, isEnding: boolean): void {
      const from = link.clock.now();
      wait.limit(from, isEnding && this.ending === 'rollback' ? CLEANUP_MS : link.queryLimitMs, link.tooSlow);
      const work = super.query(sql, parameters, structured as true) as Promise<unknown> as Promise<never>;
      this.isRunning = true;
      this.last = work;
      work.then(
        (result) => {
          this.isRunning = false;
          if (this.end === 'coming') this.end = 'come';
          link.ended(sql, from);
          wait.resolve(result);
        },
        (error: unknown) => {
          this.isRunning = false;
          wait.reject(this.failed(error));
        },
      );
    }

    private refuse(): void {
      if (this.retired !== undefined) throw this.retired;
      // TypeORM lets go of a connection of pg's as soon as that says that it is lost.
      if (this.isReleased && !this.isGone) throw this.failed(new Error('Connection terminated between two statements'));
      if (this.end === 'coming' || (this.end === 'come' && this.isGone)) throw transactionOver(link.name);
      if (this.doom !== undefined) {
        throw rpcError('TRANSACTION_STATE', `the transaction on database '${link.name}' cannot go on: a statement in it failed and left it so; let that error out of the transaction, or put the statement into a nested one`, { cause: this.doom.error });
      }
    }

    private failed(error: unknown): unknown {
      if (this.retired !== undefined) return error;
      if (isConnectionError(error)) this.isBroken = true;
      if (this.isTransactionActive) {
        const doom = this.isBroken ? 'transaction' : link.dialect.doomOf(error);
        if (doom !== undefined) this.doom ??= { depth: doom === 'transaction' ? 0 : this.transactionDepth, error };
      }
      return link.failed(error);
    }

    override async stream(...args: Parameters<BaseRunner['stream']>): Promise<ReadStream> {
      const turn = turnOf('', this, owner);
      if (turn !== undefined) await turnCame(turn);
      this.refuse();
      await this.connect();
      const call = liveCall();
      call?.throwIfAborted();
      const stream = await super.stream(...args);
      this.isStreaming = true;
      const watcher = {
        aborted: (error: RpcError) => {
          this.retire(error);
          stream.destroy(error);
        },
      };
      call?.adopt(watcher);
      stream.once('end', () => (this.isStreaming = false)).once('close', () => call?.children?.delete(watcher));
      return stream;
    }

    override async commitTransaction(): Promise<void> {
      this.refuse();
      const isOutermost = this.transactionDepth <= 1;
      this.ending = isOutermost ? 'commit' : 'savepoint';
      try {
        await super.commitTransaction();
      } catch (error) {
        if (this.end !== 'coming' || !this.isBroken) throw error;
        throw rpcError('COMMIT_UNKNOWN', `database '${link.name}' went away while it committed: nobody knows whether it has; look before doing it again`, { cause: error, metadata: { database: link.name } });
      } finally {
        this.ending = undefined;
        if (this.end === 'coming') this.end = undefined;
      }
    }

    override startTransaction(isolation?: IsolationLevel): Promise<void> {
      if (this.end === 'come') this.end = undefined;
      return super.startTransaction(isolation);
    }

    override async rollbackTransaction(): Promise<void> {
      const depth = this.transactionDepth;
      const isOutermost = depth <= 1;
      // Nothing to say to the server: it has undone all of it, cannot be asked, or is being asked by whoever cleans up.
      if (this.taken === undefined || this.retired !== undefined || this.isBroken || this.isReleased || (this.doom?.depth === 0 && !isOutermost)) return this.forget(depth);
      this.ending = isOutermost ? 'rollback' : 'savepoint';
      try {
        await super.rollbackTransaction();
        if (this.doom !== undefined && this.doom.depth >= depth) this.doom = undefined;
      } catch (error) {
        this.isBroken = true;
        this.forget(depth);
        throw error;
      } finally {
        this.ending = undefined;
        if (this.end === 'coming') this.end = undefined;
        if (isOutermost) this.doom = undefined;
      }
    }

    private forget(depth: number): void {
      this.transactionDepth = Math.max(0, depth - 1);
      this.isTransactionActive = this.transactionDepth > 0;
    }

    /** An ending that takes too long leaves a connection that nobody knows the state of. */
    private readonly breakOff = (): void => void (this.isBroken = true);
    private readonly giveUp = (error: RpcError): void => this.retire(error);

    retire(error: RpcError): void {
      if (this.retired !== undefined || this.isGone || (this.ending === 'commit' && this.end === 'coming')) return;
      this.retired = error;
      link.cleaning(this.cleanUp(this.isRunning ? this.last : undefined, this.isTransactionActive));
    }

    private async cleanUp(statement: Promise<unknown> | undefined, hasTransaction: boolean): Promise<void> {
      const connection = this.taken ?? (await this.obtaining?.catch(() => undefined));
      if (connection === undefined) return;
      let isClean = !this.isBroken && !this.isStreaming;
      if (statement !== undefined && isClean) isClean = await link.cancel(link.dialect.sessionOf(connection), statement);
      if (isClean && hasTransaction) isClean = await link.inTime(super.query('ROLLBACK').then(() => true));
      await this.giveBack(connection, isClean);
    }

    override release(): Promise<void> {
      // TypeORM's way to close a pool: it asks again until nobody has a connection.
      if (link.isClosing) return this.giveBack(this.taken, false);
      return this.level === undefined ? this.finish() : DONE;
    }

    finish(): Promise<void> {
      if (this.isGone || this.retired !== undefined) return DONE;
      if (this.isTransactionActive || this.isRunning || (this.taken === undefined && this.taking !== undefined)) return this.finishLate();
      return this.giveBack(this.taken, !this.isBroken && !this.isStreaming);
    }

    private async finishLate(): Promise<void> {
      while (this.isRunning) await this.last.catch(() => {});
      if (this.isTransactionActive) await this.rollbackTransaction().catch(() => {});
      const connection = this.taken ?? (await this.taking?.catch(() => undefined));
      await this.giveBack(connection, !this.isBroken && !this.isStreaming);
    }

    private giveBack(connection: object | undefined, isClean: boolean): Promise<void> {
      if (this.isGone) return DONE;
      this.isGone = true;
      link.holders.delete(this);
      if (connection === undefined || isClean) return super.release();
      if (!this.isReleased) link.dialect.discard(this, connection, new Error('in the middle of something'));
      return DONE;
    }
  };
}
