import { readFile } from 'node:fs/promises';
import type { Authenticator, NatsConnection } from '@nats-io/transport-node';
import { rpcError } from '../../common/error-catalog.js';
import { loadPeer } from '../../common/peer.js';
import { explainNatsError } from './nats.errors.js';
import type { ResolvedNatsOptions } from './nats.options.js';

/**
 * One try at one connection, that afterwards reconnects for ever.
 * @param reconnectDelayMs asked before each try to reconnect
 * @throws RpcError TRANSPORT_DOWN or TRANSPORT_DENIED, naming the address and what to try; what `signal` was aborted with
 */
export async function openNats(options: ResolvedNatsOptions, reconnectDelayMs: () => number, signal?: AbortSignal): Promise<NatsConnection> {
  signal?.throwIfAborted();
  const vendor = await loadPeer('@nats-io/transport-node', 'the transport nats()', () => import('@nats-io/transport-node'));
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  const authenticator: Authenticator[] = [];
  if (options.nkey !== undefined) authenticator.push(vendor.nkeyAuthenticator(encode(options.nkey)));
  if (options.creds !== undefined) authenticator.push(vendor.credsAuthenticator(encode(await readCreds(options.creds))));
  const attempt = vendor.connect({
    servers: [...options.hosts],
    name: options.name,
    ...(options.user !== undefined && { user: options.user }),
    ...(options.pass !== undefined && { pass: options.pass }),
    ...(options.token !== undefined && { token: options.token }),
    ...(options.tls !== undefined && { tls: options.tls }),
    ...(authenticator.length > 0 && { authenticator }),
    timeout: options.connectTimeoutMs,
    pingInterval: options.pingIntervalMs,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: reconnectDelayMs,
    // Without it two refusals of our credentials in a row end the connection for good.
    ignoreAuthErrorAbort: true,
    // Else each flush records a stack.
    noAsyncTraces: true,
  });
  try {
    return await orAborted(attempt, signal);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw explainNatsError(error, options.hosts.join(', '), options);
  }
}

/** The client cannot be told to stop trying: a connection that comes too late is closed. */
function orAborted(attempt: Promise<NatsConnection>, signal: AbortSignal | undefined): Promise<NatsConnection> {
  if (signal === undefined) return attempt;
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error);
      attempt.then((connection) => connection.close()).catch(() => {});
    };
    signal.addEventListener('abort', abort, { once: true });
    attempt.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

async function readCreds(creds: string): Promise<string> {
  if (creds.includes('-----BEGIN')) return creds;
  try {
    return await readFile(creds, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw rpcError('TRANSPORT_DENIED', `cannot read the NATS credentials file ${creds} (${code}); correct creds of nats({ creds })`, { undelivered: true, cause });
  }
}
