import { isObservable, lastValueFrom } from 'rxjs';
import type { EntityManager, ReplicationMode } from 'typeorm';
import { liveCall } from '../live-call.js';
import { currentLevel, openLevel, runInLevel, TransactionLevel, transactionOver } from '../transaction-scope.js';
import { rpcError } from '../../common/error-catalog.js';
import { isTransactionConflict } from '../database-errors.js';
import { sleep, systemClock, systemRandom } from '../../common/clock.js';
import type { TransactionOptions } from '../transaction-options.js';
import type { ManagedRunner } from './managed-runner.js';

/** What transactions need of a data source. */
interface RunnerSource {
  ownRunner(mode: ReplicationMode): ManagedRunner;
}

type Level = TransactionLevel<ManagedRunner>;
type Work<T> = (manager: EntityManager) => T | Promise<T>;

/** A transaction that lost against another one waits this long at most before it tries again: both must not come back together. */
const RETRY_WITHIN_MS = 25;

/** Begins, nests, ends. */
export class Transactions {
  constructor(
    private readonly source: RunnerSource,
    private readonly database: string,
  ) {}

  /** @param around the level of a manager that was handed on; else the one of the async context */
  run<T>(options: TransactionOptions, work: Work<T>, around?: Level): Promise<T> {
    try {
      const outer = currentLevel<ManagedRunner>(this.source) ?? openLevel(around);
      if (outer !== undefined) return this.nested(outer, options, work);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    return options.idempotent === true ? this.twice(options, work) : this.outermost(options, work);
  }

  private async twice<T>(options: TransactionOptions, work: Work<T>): Promise<T> {
    try {
      return await this.outermost(options, work);
    } catch (error) {
      if (!isTransactionConflict(error) || liveCall()?.aborted) throw error;
    }
    await sleep(systemClock, systemRandom.next() * RETRY_WITHIN_MS, undefined, true);
    return this.outermost(options, work);
  }

  private async outermost<T>({ isolation }: TransactionOptions, work: Work<T>): Promise<T> {
    const runner = this.source.ownRunner('master');
    const level: Level = new TransactionLevel(runner, this.database, isolation);
    const call = liveCall();
    // Work that never comes back to the database must not keep its connection.
    const watcher = { aborted: (error: Parameters<ManagedRunner['retire']>[0]) => runner.retire(error) };
    try {
      await runner.startTransaction(isolation);
      runner.level = level;
      call?.throwIfAborted();
      call?.adopt(watcher);
      const result = await this.inLevel(level, work);
      call?.throwIfAborted();
      await runner.commitTransaction();
      level.close('committed');
      return result;
    } catch (error) {
      level.close('rolled back');
      await undo(runner);
      throw error;
    } finally {
      call?.children?.delete(watcher);
      runner.level = undefined;
      await runner.finish();
    }
  }

  /** An observable ends in the transaction; its last value is the result, as it is of a handler. */
  private inLevel<T>(level: Level, work: Work<T>): T | Promise<T> {
    return runInLevel(this.source, level, () => {
      const result = work(level.runner.manager);
      return isObservable(result) ? (lastValueFrom(result, { defaultValue: undefined }) as Promise<T>) : result;
    });
  }

  private async nested<T>(outer: Level, { isolation }: TransactionOptions, work: Work<T>): Promise<T> {
    const { runner } = outer;
    if (isolation !== undefined && isolation !== outer.isolation) {
      throw rpcError('TRANSACTION_STATE', `a method that is @Transactional({ isolation: '${isolation}' }) was called inside of a transaction on database '${this.database}' that began ${outer.isolation === undefined ? 'without an isolation' : `as ${outer.isolation}`}: declare the same where it begins`);
    }
    const leave = await outer.enter();
    const level: Level = new TransactionLevel(runner, this.database, outer.isolation, outer);
    try {
      if (!outer.isOpen) throw transactionOver(this.database);
      await runner.startTransaction();
      runner.level = level;
      const result = await this.inLevel(level, work);
      await runner.commitTransaction();
      level.close('committed');
      return result;
    } catch (error) {
      level.close('rolled back');
      if (runner.level === level) await undo(runner);
      throw error;
    } finally {
      if (runner.level === level) runner.level = outer;
      leave();
    }
  }
}

/** What went wrong first is what is told; a connection that cannot even roll back is thrown away by its runner. */
async function undo(runner: ManagedRunner): Promise<void> {
  if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => {});
}
