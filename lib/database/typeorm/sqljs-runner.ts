import { currentLevel, type TransactionLevel, transactionOver } from '../transaction-scope.js';
import { liveCall } from '../live-call.js';
import { inCallTerms } from '../database-errors.js';
import type { RpcError } from '../../common/rpc-error.js';
import type { IsolationLevel } from '../transaction-options.js';
import type { BaseRunner, ManagedRunner, RunnerConstructor } from './managed-runner.js';
import type { SqljsEngine } from './sqljs-engine.js';

/** TypeORM's structured result. */
interface Result {
  raw: unknown;
  records: unknown[];
}

const SAVEPOINT = /^SAVEPOINT typeorm_/;
const ENDINGS = /^(COMMIT|ROLLBACK|RELEASE SAVEPOINT .*|ROLLBACK TO SAVEPOINT .*)$/;
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
    private isEnding = false;
    private isRunning = false;

    override async query(sql: string, parameters?: unknown[], structured = false): Promise<never> {
      const isEnding = this.isEnding && ENDINGS.test(sql);
      if (!isEnding && this.level !== undefined && !SAVEPOINT.test(sql)) await this.turn();
      // One at a time, within a transaction too: the last row id is asked for right after its statement.
      while (this.isRunning) await this.last.catch(() => {});
      if (!isEnding) this.refuse();
      this.isRunning = true;
      const running = this.run(sql, parameters, structured, isEnding);
      this.last = running;
      try {
        return await running;
      } finally {
        this.isRunning = false;
      }
    }

    private async run(sql: string, parameters: unknown[] | undefined, structured: boolean, isEnding: boolean): Promise<never> {
      const wait = engine.breathe();
      if (wait !== undefined) await wait;
      const had = engine.lock.isHeldBy(this);
      if (!had) await engine.take(this);
      else if (!isEnding) liveCall()?.throwIfAborted();
      let keeps = had;
      let onDisk: Promise<void> | undefined;
      const from = engine.now();
      try {
        const word = firstWord(sql);
        const before = word === 'WITH' ? engine.number('total_changes()') : 0;
        const result = (await super.query(sql, parameters, true)) as unknown as Result;
        if (word === 'BEGIN') keeps = true;
        else if (word === 'COMMIT' || word === 'END' || (word === 'ROLLBACK' && !/\bTO\b/i.test(sql))) keeps = false;
        if ((word === 'INSERT' || word === 'REPLACE') && result.records.length === 0) result.raw = engine.number('last_insert_rowid()');
        if (this.hasChanged(word, sql, before)) this.isDirtied = true;
        if (!keeps) onDisk = this.settled(word);
        engine.ended(sql, from);
        return (structured ? result : result.raw) as never;
      } catch (error) {
        throw inCallTerms(error, engine.name);
      } finally {
        if (keeps && !had) engine.holders.add(this);
        if (!keeps) this.leave();
        if (onDisk !== undefined) await onDisk;
      }
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

    private async turn(): Promise<void> {
      const mine = currentLevel<ManagedRunner>(owner);
      const wait = mine?.runner === this ? mine.settled() : undefined;
      if (wait === undefined) return;
      await wait;
      if (!mine!.isOpen) throw transactionOver(engine.name);
    }

    private refuse(): void {
      if (this.retired !== undefined) throw this.retired;
      if (this.isEnding && this.transactionDepth <= 1) throw transactionOver(engine.name);
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
      }
    }

    private forget(depth: number): void {
      Object.assign(this, { transactionDepth: Math.max(0, depth - 1), isTransactionActive: depth > 1 });
    }

    retire(error: RpcError): void {
      if (this.retired !== undefined || this.isEnding) return;
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
      engine.lock.free(this);
    }

    override async release(): Promise<void> {
      if (this.level === undefined) await this.finish();
    }

    async finish(): Promise<void> {
      if (this.retired !== undefined) return;
      if (engine.lock.isHeldBy(this)) {
        if (this.isTransactionActive) await this.rollbackTransaction().catch(() => {});
        else await super.query('ROLLBACK').catch(() => {});
        this.leave();
      }
      await super.release();
    }
  };
}

function firstWord(sql: string): string {
  return (/[A-Za-z]+/.exec(sql.replace(/^(\s|--.*\n|\/\*[^]*?\*\/)+/, ''))?.[0] ?? '').toUpperCase();
}
