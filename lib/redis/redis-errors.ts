import { BootError } from '../common/boot-error.js';
import { rpcError } from '../common/error-catalog.js';
import { messageOf } from '../common/message-of.js';
import { RpcError } from '../common/rpc-error.js';

/** Answers of a server that is there and cannot serve: loading, without its primary, or demoted. */
const AWAY = /^(LOADING|MASTERDOWN|CLUSTERDOWN|READONLY|TRYAGAIN|UNKILLABLE)\b/;

/** An answer of Redis: what the command did wrong. */
function isReply(error: unknown): boolean {
  return (error as { name?: unknown } | null)?.name === 'ReplyError';
}

/** What the user gets for an error of ioredis: UNAVAILABLE for all that is no answer to the command. */
export function commandError(client: string, command: string, error: unknown): Error {
  if (RpcError.is(error)) return error;
  if (isReply(error) && !AWAY.test(messageOf(error))) return error as Error;
  return unavailable(client, `${command.toUpperCase()}: ${reasonOf(error)}`, error);
}

export function unavailable(client: string, what: string, cause?: unknown): RpcError {
  return rpcError('REDIS_UNAVAILABLE', `${client}: ${what}`, cause === undefined ? {} : { cause: bare(cause) });
}

/** ioredis puts the command into its errors, AUTH with the password included: only the words stay. */
function bare(error: unknown): Error {
  const copy = new Error(messageOf(error));
  copy.name = error instanceof Error ? error.name : 'Error';
  return copy;
}

/** Why, for people. */
export function reasonOf(error: unknown): string {
  const { code, message = '', lastNodeError } = (error ?? {}) as { code?: string; message?: string; lastNodeError?: unknown };
  if (lastNodeError !== undefined && lastNodeError !== null) return reasonOf(lastNodeError);
  // Several addresses of one name were tried: an error without a message of its own.
  if (message === '' && error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (/enableOfflineQueue options? is (disabled|false)/i.test(message)) return 'not connected';
  if (/Connection is closed/.test(message)) return 'the connection is closed';
  return message.replace(/ Retrying from scratch after \d+ms\./, '') || code || messageOf(error);
}

/** A start that failed. */
export function connectError(client: string, config: string, address: string, error: unknown): BootError {
  const why = reasonOf(error);
  const cause = bare(error);
  return new BootError('REDIS_CONNECT', `${client} at ${address} cannot be reached: ${why}. ${hint(why, config)}`, { cause });
}

function hint(why: string, config: string): string {
  if (/WRONGPASS|NOAUTH|invalid password|ERR AUTH/i.test(why)) return `Check ${config}.username and ${config}.password`;
  if (/NOPERM/.test(why)) return `Give the user the permission (ACL SETUSER), or use another one in ${config}.username`;
  if (/ENOTFOUND|EAI_AGAIN/.test(why)) return `Check the host name in ${config}`;
  if (/DB index is out of range|invalid DB index/i.test(why)) return `Check ${config}.db`;
  if (/certificate|SSL|TLS|wrong version number/i.test(why)) return `Check ${config}.tls: does the server speak TLS, and who signed its certificate?`;
  return `Is it running there, and is ${config} right? With ${config}.startup "retry" the app starts without it and waits`;
}
