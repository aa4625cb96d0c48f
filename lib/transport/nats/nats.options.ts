import type { NatsConnection, TlsOptions } from '@nats-io/transport-node';
import { BootError } from '../../common/boot-error.js';

/** All optional; without any it is the server of this machine. @public */
export interface NatsOptions {
  /** `nats://host:port`, `tls://host:port`, `host`; credentials may stand in front (`nats://user:pass@host`). @default nats://127.0.0.1:4222 */
  servers?: string | readonly string[];
  user?: string;
  pass?: string;
  token?: string;
  /** Seed of an NKey (`SU...`). */
  nkey?: string;
  /** Path of a `.creds` file (read at each `connect`), or its content. */
  creds?: string;
  /** Of @nats-io: `caFile`, `certFile`, `keyFile`, ... `{}` insists on TLS. */
  tls?: TlsOptions;
  /** Shown by the server's monitoring. @default anthill */
  name?: string;
  /** For a connection and its greeting. @default 5000 */
  connectTimeoutMs?: number;
  /** Between tries to reach a lost server; ten times that when it refuses our credentials. A random third is added. @default 200 */
  reconnectTimeWaitMs?: number;
  /** A server that leaves two pings in a row unanswered is given up. @default 10000 */
  pingIntervalMs?: number;
  /** Bytes on their way to the server beyond which `send` refuses: it does not keep up. @default 16 MiB */
  maxPendingBytes?: number;
  /** Where answers of the server to us go; for users with narrow permissions. @default _INBOX */
  inboxPrefix?: string;
  /** A connection of yours, used and never closed. Give it `maxReconnectAttempts: -1`. Excludes all above but the last three. */
  connection?: NatsConnection;
}

/** Defaults filled in. */
export interface ResolvedNatsOptions extends NatsOptions {
  /** `host:port`, without credentials: safe to show. */
  readonly hosts: readonly string[];
  readonly name: string;
  readonly connectTimeoutMs: number;
  readonly reconnectTimeWaitMs: number;
  readonly pingIntervalMs: number;
  readonly maxPendingBytes: number;
  readonly inboxPrefix: string;
}

const OF_OUR_CONNECTION = ['servers', 'user', 'pass', 'token', 'nkey', 'creds', 'tls', 'name', 'reconnectTimeWaitMs', 'pingIntervalMs'] as const;

/** @throws BootError NATS_OPTIONS */
export function resolveNatsOptions(options: NatsOptions): ResolvedNatsOptions {
  if (options.connection !== undefined) {
    const extra = OF_OUR_CONNECTION.filter((key) => options[key] !== undefined);
    if (extra.length > 0) throw invalid(`${extra.join(', ')} has no effect on a connection that you made; leave it out, or leave out connection`);
  }
  if (options.inboxPrefix !== undefined && !/^[^\s.*>]+(\.[^\s.*>]+)*$/.test(options.inboxPrefix)) {
    throw invalid(`inboxPrefix "${options.inboxPrefix}" is no subject: it must be words joined by dots, without spaces and wildcards`);
  }
  const given = options.servers ?? [];
  const servers = (typeof given === 'string' ? given.split(',') : given).map((text) => parseServer(text));
  const login = loginOf(servers);
  return Object.freeze({
    ...login,
    ...options,
    tls: options.tls ?? (servers.some((server) => server.scheme === 'tls') ? {} : undefined),
    hosts: servers.length === 0 ? ['127.0.0.1:4222'] : servers.map((server) => server.host),
    name: options.name ?? 'anthill',
    connectTimeoutMs: positive('connectTimeoutMs', options.connectTimeoutMs, 5000),
    reconnectTimeWaitMs: positive('reconnectTimeWaitMs', options.reconnectTimeWaitMs, 200),
    pingIntervalMs: positive('pingIntervalMs', options.pingIntervalMs, 10_000),
    maxPendingBytes: positive('maxPendingBytes', options.maxPendingBytes, 16 * 1024 * 1024),
    inboxPrefix: options.inboxPrefix ?? '_INBOX',
  });
}

interface ParsedServer {
  readonly scheme: 'nats' | 'tls';
  readonly host: string;
  readonly login: string | undefined;
}

function parseServer(text: string): ParsedServer {
  const match = /^(?:([a-z]+):\/\/)?(?:(.*)@)?([^@/\s]+)\/?$/i.exec(text.trim());
  const [, scheme = 'nats', login, hostPort = ''] = match ?? [];
  // Never the text itself: a password may stand in it.
  const shown = `"${text.replace(/^.*@/, '').trim()}"`;
  if (scheme !== 'nats' && scheme !== 'tls') throw invalid(`server ${shown} has the scheme ${scheme}://; use nats:// or tls://`);
  const host = match === null ? undefined : withPort(hostPort);
  if (host === undefined) throw invalid(`server ${shown} is no address; write nats://host:port`);
  return { scheme, host, login };
}

function withPort(hostPort: string): string | undefined {
  if (!URL.canParse(`nats://${hostPort}`)) return undefined;
  const url = new URL(`nats://${hostPort}`);
  return `${url.hostname}:${url.port === '' ? '4222' : url.port}`;
}

/** Credentials in front of a host, as the `nats` command line takes them: `user:pass@` or `token@`. */
function loginOf(servers: readonly ParsedServer[]): Pick<NatsOptions, 'user' | 'pass' | 'token'> {
  const logins = new Set(servers.map((server) => server.login));
  logins.delete(undefined);
  if (logins.size > 1) throw invalid('the servers carry different credentials; NATS clients log in to all servers alike');
  const [login] = logins;
  if (login === undefined) return {};
  const colon = login.indexOf(':');
  if (colon < 0) return { token: decode(login) };
  return { user: decode(login.slice(0, colon)), pass: decode(login.slice(colon + 1)) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function positive(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || !(value > 0)) throw invalid(`${name} is ${String(value)}; it must be a number above 0`);
  return value;
}

function invalid(message: string): BootError {
  return new BootError('NATS_OPTIONS', `nats({ ... }): ${message}`);
}
