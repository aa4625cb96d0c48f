import { rpcError } from '../common/error-catalog.js';
import { messageOf } from '../common/message-of.js';
import { RpcError } from '../common/rpc-error.js';

/** The connection is gone, or none can be made. Codes of Node, mysql2, MariaDB and PostgreSQL (class 08 besides). */
const CONNECTION_CODES: ReadonlySet<string> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENOENT'],
  ...['PROTOCOL_CONNECTION_LOST', 'PROTOCOL_SEQUENCE_TIMEOUT', 'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR', 'POOL_CLOSED'],
  ...['ER_SERVER_SHUTDOWN', 'ER_CONNECTION_KILLED', 'ER_CON_COUNT_ERROR', 'ER_TOO_MANY_USER_CONNECTIONS', 'ER_NORMAL_SHUTDOWN'],
  ...['57P01', '57P02', '57P03', '57P05', '53300'],
]);
/** Of drivers that give no code: pg's client and pool, mysql2's closed connections. */
const CONNECTION_TEXT = /^(Connection terminated|Connection ended|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed|Can't add new command when connection is in closed state|Connection is closed|Pool is closed|Driver not Connected|Connection is not established|Cannot use a pool after calling end)/i;
const CONFLICT_CODES: ReadonlySet<string> = new Set(['ER_LOCK_DEADLOCK', 'ER_CHECKREAD', '40001', '40P01']);
const UNIQUE_CODES: ReadonlySet<string> = new Set(['ER_DUP_ENTRY', 'ER_DUP_UNIQUE', '23505', 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY']);
const CANCEL_CODES: ReadonlySet<string> = new Set(['ER_QUERY_INTERRUPTED', '57014']);

/** The code that the driver gave. */
export function driverCode(error: unknown): string | undefined {
  if (RpcError.is(error)) return undefined;
  const { driverError, code } = (error ?? {}) as { driverError?: { code?: unknown }; code?: unknown };
  const given = driverError?.code ?? code;
  return typeof given === 'string' ? given : undefined;
}

function driverText(error: unknown): string {
  const { driverError } = (error ?? {}) as { driverError?: unknown };
  return messageOf(driverError ?? error);
}

/** The server cannot be spoken with, or has just thrown us out. */
export function isConnectionError(error: unknown): boolean {
  if (RpcError.is(error)) return false;
  const code = driverCode(error);
  return (code !== undefined && (CONNECTION_CODES.has(code) || code.startsWith('08'))) || CONNECTION_TEXT.test(driverText(error));
}

/** It has no room for one more connection: those there are go on working. */
export function isFull(error: unknown): boolean {
  return ['ER_CON_COUNT_ERROR', 'ER_TOO_MANY_USER_CONNECTIONS', '53300'].includes(driverCode(error) ?? '');
}

/** Another transaction was in the way; the same work may succeed the next time. */
export function isConflict(error: unknown): boolean {
  const code = driverCode(error);
  return code !== undefined && CONFLICT_CODES.has(code);
}

export function wasCancelled(error: unknown): boolean {
  const code = driverCode(error);
  return code !== undefined && CANCEL_CODES.has(code);
}

/**
 * True for the error of a row that exists already, whatever the database calls it.
 * @public
 */
export function isUniqueViolation(error: unknown): boolean {
  for (let at = error, depth = 0; at !== undefined && at !== null && depth < 5; at = (at as { cause?: unknown }).cause, depth++) {
    const code = driverCode(at);
    if (code !== undefined && UNIQUE_CODES.has(code)) return true;
    if (/^(QueryFailedError: )?UNIQUE constraint failed/.test(driverText(at))) return true;
  }
  return false;
}

/** True when `error`, or what caused it, is a transaction that lost against another one. */
export function isTransactionConflict(error: unknown): boolean {
  for (let at = error, depth = 0; at !== undefined && at !== null && depth < 5; at = (at as { cause?: unknown }).cause, depth++) {
    if ((RpcError.is(at) && at.reason === 'TRANSACTION_CONFLICT') || isConflict(at)) return true;
  }
  return false;
}

/** The same error in words of calls where it says something of the database; errors of a statement stay TypeORM's. */
export function inCallTerms(error: unknown, database: string): unknown {
  if (RpcError.is(error)) return error;
  if (isConnectionError(error)) return databaseDown(database, error);
  if (isConflict(error)) {
    return rpcError('TRANSACTION_CONFLICT', `database '${database}' broke off a transaction because of another one; do it again, or declare @Transactional({ idempotent: true })`, { cause: error });
  }
  return error;
}

/** Says nothing of addresses: it travels to callers. The cause stays at home. */
export function databaseDown(database: string, cause: unknown): RpcError {
  const code = driverCode(cause);
  return rpcError('DATABASE_DOWN', `database '${database}' is away${code === undefined ? '' : ` (${code})`}; it is tried again all the time, health() says more`, { metadata: { database }, cause });
}

export function databaseBusy(database: string, detail: string): RpcError {
  return rpcError('DATABASE_BUSY', `database '${database}' is busy: ${detail}`, { metadata: { database } });
}
