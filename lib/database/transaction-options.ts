/** How much transactions see of each other, in SQL's words. @public */
export type IsolationLevel = 'READ UNCOMMITTED' | 'READ COMMITTED' | 'REPEATABLE READ' | 'SERIALIZABLE';

/** @public */
export interface TransactionOptions {
  /** @default what the server is set to. The embedded database runs transactions one after the other, which is SERIALIZABLE */
  isolation?: IsolationLevel;
  /** The work may be done a second time when the database breaks it off because of another transaction. @default false */
  idempotent?: boolean;
}

/** Whatever transactions run on. */
export interface TransactionHost {
  runInTransaction<T>(options: TransactionOptions, work: () => T | Promise<T>): Promise<T>;
}
