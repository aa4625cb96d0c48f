import { AsyncLocalStorage } from 'node:async_hooks';
import { currentContext, type RpcContext } from '../common/call-context.js';
import { rpcError } from '../common/error-catalog.js';
import type { RpcError } from '../common/rpc-error.js';
import type { IsolationLevel } from './transaction-options.js';

/**
 * One open transaction, or a savepoint in one. Whatever runs in its async context belongs to it. While a savepoint is open, statements of
 * the level around it wait: they would share its fate, and be lost without anybody being told.
 */
export class TransactionLevel<R> {
  private state: 'open' | 'committed' | 'rolled back' = 'open';
  private child: Promise<void> | undefined;

  constructor(
    readonly runner: R,
    /** For messages. */
    readonly database: string,
    /** As declared where the transaction began. */
    readonly isolation?: IsolationLevel,
    readonly parent?: TransactionLevel<R>,
  ) {}

  get isOpen(): boolean {
    return this.state === 'open';
  }

  get isRolledBack(): boolean {
    return this.state === 'rolled back';
  }

  close(state: 'committed' | 'rolled back'): void {
    this.state = state;
  }

  /** Resolves when no savepoint is open below. Synchronous where none is. */
  settled(): Promise<void> | undefined {
    return this.child === undefined ? undefined : this.waitForChildren();
  }

  private async waitForChildren(): Promise<void> {
    while (this.child !== undefined) await this.child;
  }

  /** Opens a savepoint when its turn comes. Call the function when it is over. */
  async enter(): Promise<() => void> {
    while (this.child !== undefined) await this.child;
    let leave = (): void => {};
    this.child = new Promise((resolve) => (leave = resolve));
    return () => {
      this.child = undefined;
      leave();
    };
  }
}

/** The innermost level from `start` outwards that is still open; undefined when all are committed. @throws RpcError when one was rolled back */
export function openLevel<R>(start: TransactionLevel<R> | undefined): TransactionLevel<R> | undefined {
  for (let level = start; level !== undefined; level = level.parent) {
    if (level.isOpen) return level;
    if (level.isRolledBack) throw transactionOver(level.database);
  }
  return undefined;
}

export function transactionOver(database: string): RpcError {
  return rpcError('TRANSACTION_STATE', `a statement on database '${database}' came after its transaction had ended: await everything that a transaction starts, with Promise.allSettled where one failure must not leave the others behind`);
}

interface Scope {
  readonly owner: object;
  /** The call that began it. A call made from there to a handler of the same process is on its own, as it would be in another process. */
  readonly call: RpcContext | undefined;
  readonly level: TransactionLevel<unknown>;
  readonly outer: Scope | undefined;
}

/** The transactions of the current code, the innermost first. A constant, not state: what it holds belongs to each transaction. */
const storage = new AsyncLocalStorage<Scope | undefined>();

/**
 * The level of `owner`'s database that the current code runs in, if any.
 * @throws RpcError TRANSACTION_STATE when it was rolled back
 */
export function currentLevel<R>(owner: object): TransactionLevel<R> | undefined {
  for (let scope = storage.getStore(); scope !== undefined; scope = scope.outer) {
    if (scope.owner === owner && scope.call === currentContext()) return openLevel(scope.level as TransactionLevel<R>);
  }
  return undefined;
}

/** Runs `work`, and all it awaits, in a level. */
export function runInLevel<R, T>(owner: object, level: TransactionLevel<R>, work: () => T): T {
  return storage.run({ owner, call: currentContext(), level: level as TransactionLevel<unknown>, outer: storage.getStore() }, work);
}

/**
 * Runs `work` outside of the transactions around it: what it writes stays when they are rolled back. It needs a connection of its own; on the
 * embedded database, which has one, it waits for the transaction around it, and fails.
 * @public
 */
export function outsideTransaction<T>(work: () => T): T {
  return storage.run(undefined, work);
}
