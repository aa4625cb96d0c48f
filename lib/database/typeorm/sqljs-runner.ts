import { type TransactionLevel, transactionOver } from '../transaction-scope.js';
import { liveCall } from '../live-call.js';
import { inCallTerms } from '../database-errors.js';
import { rpcError } from '../../common/error-catalog.js';
import type { RpcError } from '../../common/rpc-error.js';
import type { IsolationLevel } from '../transaction-options.js';
import type { BaseRunner, ManagedRunner, RunnerConstructor } from './managed-runner.js';
import type { SqljsEngine } from './sqljs-engine.js';
import { ENDINGS, turnCame, turnOf } from './statement-order.js';

/** TypeORM's structured result. */
interface Result {
  raw: unknown;
  records: unknown[];
}

const SETS_PRAGMA = /^\s*PRAGMA\s+(\w+)\s*[=(]/i;
/** Statements that leave the file as it is. */
const READS: ReadonlySet<string> = new Set(['SELECT', 'EXPLAIN', 'VALUES', 'BEGIN', 'SAVEPOINT', 'RELEASE', 'ROLLBACK', 'COMMIT', 'END']);

/**
 * TypeORM's runner of sql.js, which has one connection for all: a statement has it to itself, a transaction from its beginning to its end, and
 * others wait. What was changed is on the disk before anybody hears that it was.
 */
export function sqljsRunner(Base: RunnerConstructor, engine: SqljsEngine, owner: object): RunnerConstructor<BaseRunner & ManagedRunner> {
  return class SqljsRunner extends Base implements ManagedRunner {
    level: TransactionLevel<ManagedRunner> | undefined;
    private retired: RpcError | undefined;
    private last: Promise<unknown> = Promise.resolve();
    /** Changed in the open transaction. */
    private isDirtied = false;
    /** TypeORM is about to end a level: it tells subscribers first, whose statements still belong to it. */
    private isEnding = false;
    /** Of the outermost level: its last statement is under way, or has been answered. */
    private end: 'coming' | 'come' | undefined;
    /** What made SQLite undo the transaction by itself: its user does not know yet. */
    private undone: { readonly error: unknown } | undefined;
    private isRunning = false;

    override query(sql: string, parameters?: unknown[], structured = false): Promise<never> {
      const isEnding = this.isEnding && ENDINGS.test(sql);
      const wait = engine.breathe();
      try {
        if (this.isRunning || wait !== undefined || (!isEnding && turnOf(sql, this, owner) !== undefined)) return this.queryInTurn(sql, parameters, structured, isEnding, wait);
        return this.state(sql, parameters, structured, isEnding);
      } catch (error) {
        return Promise.reject(error as Error);
      }
    }

    /** One at a time, within a transaction too: the last row id is asked for right after its statement. */
    private async queryInTurn(sql: string, parameters: unknown[] | undefined, structured: boolean, isEnding: boolean, wait: Promise<void> | undefined): Promise<never> {
      // What comes while the transaction ends shall not run after it, on its own.
      if (!isEnding) this.refuse();
      await wait;
      const turn = isEnding ? undefined : turnOf(sql, this, owner);
      if (turn !== undefined) await turnCame(turn);
      while (this.isRunning) await this.last.catch(() => {});
      return this.state(sql, parameters, structured, isEnding);
    }

    private state(sql: string, parameters: unknown[] | undefined, structured: boolean, isEnding: boolean): Promise<never> {
      if (!isEnding) {
        this.refuse();
        liveCall()?.throwIfAborted();
      } else if (this.retired !== undefined) throw this.retired;
      else if (this.transactionDepth <= 1) this.end = 'coming';
      const had = engine.lock.isHeldBy(this);
      const taken = had ? undefined : engine.take(this);
      this.isRunning = true;
      const running = taken === undefined ? this.execute(sql, parameters, structured, had) : taken.then(() => this.executeLate(sql, parameters, structured), (error: unknown) => this.ended(error));
      return (this.last = running);
    }

    /** It may have been closed meanwhile. */
    private executeLate(sql: string, parameters: unknown[] | undefined, structured: boolean): Promise<never> {
      try {
        engine.refuse();
      } catch (error) {
        this.leave();
        return this.ended(error);
      }
      return this.execute(sql, parameters, structured, false);
    }

    /** With the connection. */
    private execute(sql: string, parameters: unknown[] | undefined, structured: boolean, had: boolean): Promise<never> {
      const word = firstWord(sql);
      const from = engine.now();
      const before = word === 'WITH' ? engine.number('total_changes()') : 0;
      return (super.query(sql, parameters, true) as unknown as Promise<Result>).then(
        (result) => {
          const isOver = word === 'COMMIT' || word === 'END' || (word === 'ROLLBACK' && !/\bTO\b/i.test(sql));
          const keeps = (had || word === 'BEGIN') && !isOver;
          if ((word === 'INSERT' || word === 'REPLACE') && result.records.length === 0) result.raw = engine.number('last_insert_rowid()');
          if (this.hasChanged(word, sql, before)) this.isDirtied = true;
          engine.ended(sql, from);
          const value = (structured ? result : result.raw) as never;
          this.isRunning = false;
          if (isOver) this.end = 'come';
          else if (word === 'BEGIN') this.end = undefined;
          if (keeps) {
            if (!had) engine.holders.add(this);
            return value;
          }
          const onDisk = this.settled(word);
          this.leave();
          return onDisk === undefined ? value : onDisk.then(() => value);
        },
        (error: unknown) => {
          if (!had) this.leave();
          else if (!engine.hasTransaction) this.undone ??= { error };
          return this.ended(error);
        },
      );
    }

    private ended(error: unknown): never {
      this.isRunning = false;
      throw inCallTerms(error, engine.name);
    }

    private hasChanged(word: string, sql: string, changesBefore: number): boolean {
      if (word === 'WITH') return engine.number('total_changes()') !== changesBefore;
      if (word !== 'PRAGMA') return !READS.has(word);
      const [, pragma] = SETS_PRAGMA.exec(sql) ?? [];
      if (pragma === undefined || !sql.includes('=')) return false;
      engine.remember(pragma, sql);
      return true;
    }

    /** No transaction is open: what was changed goes to the disk. */
    private settled(word: string): Promise<void> | undefined {
      const isChange = this.isDirtied && word !== 'ROLLBACK';
      this.isDirtied = false;
      return isChange ? engine.flusher?.changed() : undefined;
    }

    private refuse(): void {
      if (this.retired !== undefined) throw this.retired;
      if (this.end === 'coming') throw transactionOver(engine.name);
      if (this.undone !== undefined) {
        throw rpcError('TRANSACTION_STATE', `the transaction on database '${engine.name}' cannot go on: a statement in it failed, and with it SQLite has undone all of it; let that error out of the transaction`, { cause: this.undone.error });
      }
    }

    /** One transaction at a time sees what no other one changes: that is every level there is. */
    override startTransaction(_isolation?: IsolationLevel): Promise<void> {
      return super.startTransaction();
    }

    override commitTransaction(): Promise<void> {
      this.refuse();
      return this.ending(() => super.commitTransaction());
    }

    override async rollbackTransaction(): Promise<void> {
      const depth = this.transactionDepth;
      if (this.retired !== undefined) return this.forget(depth);
      if (this.undone !== undefined) {
        this.forget(depth);
        if (depth <= 1) this.leave();
        return;
      }
      try {
        await this.ending(() => super.rollbackTransaction());
      } catch (error) {
        // SQLite has undone it by itself.
        this.forget(depth);
        if (depth <= 1) this.leave();
        throw error;
      }
    }

    private async ending(work: () => Promise<void>): Promise<void> {
      this.isEnding = true;
      try {
        await work();
      } finally {
        this.isEnding = false;
        if (this.end === 'coming') this.end = undefined;
      }
    }

    private forget(depth: number): void {
      Object.assign(this, { transactionDepth: Math.max(0, depth - 1), isTransactionActive: depth > 1 });
    }

    retire(error: RpcError): void {
      if (this.retired !== undefined || this.end !== undefined) return;
      this.retired = error;
      const undo = async (): Promise<void> => {
        await this.last.catch(() => {});
        if (engine.lock.isHeldBy(this)) await super.query('ROLLBACK').catch(() => {});
        this.leave();
      };
      void undo();
    }

    private leave(): void {
      engine.holders.delete(this);
      this.isDirtied = false;
      this.undone = undefined;
      engine.lock.free(this);
    }

    override release(): Promise<void> {
      return this.level === undefined ? this.finish() : Promise.resolve();
    }

    finish(): Promise<void> {
      if (this.retired !== undefined) return Promise.resolve();
      // TypeORM's own would clear lists that nobody reads any more.
      return engine.lock.isHeldBy(this) ? this.finishLate() : Promise.resolve();
    }

    private async finishLate(): Promise<void> {
      if (this.isTransactionActive) await this.rollbackTransaction().catch(() => {});
      else await super.query('ROLLBACK').catch(() => {});
      this.leave();
    }
  };
}

function firstWord(sql: string): string {
  let end = 0;
  for (let code = sql.charCodeAt(0) | 0x20; code >= 0x61 && code <= 0x7a; code = sql.charCodeAt(++end) | 0x20);
  const word = end > 0 ? sql.slice(0, end) : (/[A-Za-z]+/.exec(sql.replace(/^(\s|--.*\n|\/\*[^]*?\*\/)+/, ''))?.[0] ?? '');
  return word.toUpperCase();
}
