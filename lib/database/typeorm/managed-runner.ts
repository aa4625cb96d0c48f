import type { Driver, QueryRunner, ReplicationMode } from 'typeorm';
import type { RpcError } from '../../common/rpc-error.js';
import type { TransactionLevel } from '../transaction-scope.js';

/** What TypeORM's query runners have besides their interface. */
export interface BaseRunner extends QueryRunner {
  /** Open transaction and savepoints. */
  transactionDepth: number;
}

export type RunnerConstructor<R extends QueryRunner = BaseRunner> = new (driver: Driver, mode: ReplicationMode) => R;

/** A query runner of ours: a connection, or a turn on one, for as long as somebody has it. */
export interface ManagedRunner extends QueryRunner {
  /** The innermost level of the transaction it runs; then `release()` is not its user's business. */
  level: TransactionLevel<ManagedRunner> | undefined;
  /** The call is over: nothing runs on it any more, and what is open is undone. Returns at once, and does nothing while a commit is under way. */
  retire(error: RpcError): void;
  /** What `release()` does outside of transactions. */
  finish(): Promise<void>;
}
