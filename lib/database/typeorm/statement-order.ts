import { currentLevel, type TransactionLevel, transactionOver } from '../transaction-scope.js';
import type { ManagedRunner } from './managed-runner.js';

/** How TypeORM spells the statements that open a level, and that end one. */
const SAVEPOINT = /^SAVEPOINT typeorm_/;
export const ENDINGS = /^(COMMIT|ROLLBACK|RELEASE SAVEPOINT .*|ROLLBACK TO SAVEPOINT .*)$/;

type Level = TransactionLevel<ManagedRunner>;

/** The level that a statement belongs to, when a savepoint of somebody else is open in it: then it comes after that. */
export function turnOf(sql: string, runner: ManagedRunner, owner: object): Level | undefined {
  if (runner.level === undefined || SAVEPOINT.test(sql)) return undefined;
  const mine = currentLevel<ManagedRunner>(owner);
  return mine?.runner === runner && mine.settled() !== undefined ? mine : undefined;
}

/** Waits for the turn. @throws RpcError TRANSACTION_STATE when the level has ended meanwhile */
export async function turnCame(turn: Level): Promise<void> {
  await turn.settled();
  if (!turn.isOpen) throw transactionOver(turn.database);
}
