import { rpcError } from '../../common/error-catalog.js';
import type { RpcError } from '../../common/rpc-error.js';

/** The server refuses who we are (as opposed to what we do). */
export function isNatsAuthError(error: unknown): boolean {
  return nameOf(error) === 'AuthorizationError' || nameOf(error) === 'UserAuthenticationExpiredError';
}

/** The server refuses what we do: publish or listen somewhere. */
export function isNatsPermissionError(error: unknown): boolean {
  return nameOf(error) === 'PermissionViolationError';
}

/**
 * An error of the client library in words that help. Credentials are in none of them: the library does not put them into its errors,
 * and `hosts` has none.
 */
export function explainNatsError(error: unknown, hosts: string, limits: { readonly connectTimeoutMs: number }): RpcError {
  const code = codeOf(error);
  const told = error instanceof Error && error.message !== '' ? error.message : 'the server closed the connection';
  const metadata: Record<string, string> = code === undefined ? { address: hosts } : { address: hosts, code };
  const extra = { undelivered: true, cause: error, metadata };
  if (isNatsAuthError(error)) {
    return rpcError('TRANSPORT_DENIED', `NATS at ${hosts} refuses our credentials (${told}); check user, pass, token, nkey or creds of nats({ ... })`, extra);
  }
  if (isNatsPermissionError(error)) {
    return rpcError('TRANSPORT_DENIED', `NATS at ${hosts} does not allow it (${told}); extend the permissions of this user on the server`, extra);
  }
  if (nameOf(error) === 'TimeoutError') {
    return rpcError('TRANSPORT_DOWN', `NATS at ${hosts} gave no answer within ${limits.connectTimeoutMs} ms; is it NATS, and not overloaded? nats({ connectTimeoutMs }) waits longer`, extra);
  }
  if (told.includes("does not support 'tls'")) {
    return rpcError('TRANSPORT_DOWN', `NATS at ${hosts} has no TLS; write nats:// and leave out tls, or turn TLS on at the server`, extra);
  }
  if (code !== undefined && /^(ERR_TLS|ERR_SSL|DEPTH_|UNABLE_|SELF_SIGNED|CERT_|EPROTO)/.test(code)) {
    return rpcError('TRANSPORT_DOWN', `no TLS with NATS at ${hosts} (${code}: ${told}); check tls.caFile, certFile and keyFile of nats({ tls }), and the host name`, extra);
  }
  const why = code === undefined || told.includes(code) ? told : `${code}: ${told}`;
  return rpcError('TRANSPORT_DOWN', `cannot reach NATS at ${hosts} (${why}); start one with "nats-server", or name yours with nats({ servers })`, extra);
}

function nameOf(error: unknown): string | undefined {
  return error instanceof Error ? error.name : undefined;
}

/** ECONNREFUSED and the like, however deep the library wrapped it. */
function codeOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; typeof at === 'object' && at !== null && depth < 5; at = (at as Error).cause, depth++) {
    const { code } = at as NodeJS.ErrnoException;
    if (typeof code === 'string') return code;
  }
  return undefined;
}
