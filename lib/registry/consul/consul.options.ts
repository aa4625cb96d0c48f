import type { ConnectionOptions } from 'node:tls';
import { BootError } from '../../common/boot-error.js';
import type { Clock, RandomSource } from '../../common/clock.js';
import { systemClock, systemRandom } from '../../common/clock.js';
import { didYouMean } from '../../common/did-you-mean.js';
import { silentLogger, type Logger } from '../../common/logger.js';

/** Where Consul is and how to speak with it; all optional. @public */
export interface ConsulOptions {
  /** The agent's HTTP address: `host`, `host:port`, or a URL with `http:` or `https:`. @default '127.0.0.1:8500' */
  addr?: string;
  /** ACL token, sent as a header. It needs `service:write` for our services, `service:read` and `node:read` for all that are called. */
  token?: string;
  /** Datacenter to read from. @default the agent's */
  datacenter?: string;
  /** For `https:`. The certificate is verified unless `rejectUnauthorized: false` is written here. */
  tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'passphrase' | 'servername' | 'rejectUnauthorized'>;
  /** One ordinary request may take this long. @default 5000 */
  timeoutMs?: number;
  /** How long Consul may hold a watch that has nothing new (a blocking query). Also the time in which a silently dead connection is noticed. @default 30000 */
  waitMs?: number;
  /**
   * After Consul was away or has lost its state, nodes missing in its answers are kept this long, so that a restart of Consul does not
   * empty the list before all nodes have registered again (they do within their interval, 10 s). 0 believes it at once. @default 15000
   */
  holdMs?: number;
  /**
   * Watches beyond this many ask every 5 s instead of holding a connection: an agent allows 200 connections per client address
   * (`limits.http_max_conns_per_client`). @default 64
   */
  maxHeldConnections?: number;
  /** @default silent */
  logger?: Logger;
  /** For tests. @default the machine's */
  clock?: Clock;
  /** For tests. @default the machine's */
  random?: RandomSource;
}

/** Options with defaults, checked. */
export interface ResolvedConsulOptions {
  /** `http://host:port/v1`, with credentials if the user wrote some. Not for messages. */
  readonly baseUrl: string;
  /** `host:port`, for messages: without credentials. */
  readonly address: string;
  readonly token: string | undefined;
  readonly datacenter: string | undefined;
  readonly tls: NonNullable<ConsulOptions['tls']>;
  readonly timeoutMs: number;
  readonly waitMs: number;
  readonly holdMs: number;
  readonly maxHeldConnections: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: RandomSource;
}

const KNOWN = ['addr', 'token', 'datacenter', 'tls', 'timeoutMs', 'waitMs', 'holdMs', 'maxHeldConnections', 'logger', 'clock', 'random'] as const satisfies readonly (keyof ConsulOptions)[];
/** The least that each number may be. Consul answers a watch early below a second or so; a 0 would be its default of 5 minutes. */
const MINIMA = { timeoutMs: 1, waitMs: 1000, holdMs: 0, maxHeldConnections: 0 } as const;

/** @throws BootError CONSUL_OPTIONS */
export function resolveConsulOptions(options: ConsulOptions): Readonly<ResolvedConsulOptions> {
  for (const key of Object.keys(options)) {
    if (!(KNOWN as readonly string[]).includes(key)) throw wrong(`unknown option "${key}"${didYouMean(key, KNOWN)}`);
  }
  const { timeoutMs = 5000, waitMs = 30_000, holdMs = 15_000, maxHeldConnections = 64 } = options;
  for (const [key, value] of Object.entries({ timeoutMs, waitMs, holdMs, maxHeldConnections })) {
    const least = MINIMA[key as keyof typeof MINIMA];
    if (!Number.isFinite(value) || value < least) throw wrong(`${key} must be a number of at least ${least}, got ${value}`);
  }
  const url = parseAddress(options.addr ?? '127.0.0.1:8500');
  return Object.freeze({
    baseUrl: `${url.href.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1`,
    address: url.host,
    token: options.token || undefined,
    datacenter: options.datacenter || undefined,
    tls: options.tls ?? {},
    timeoutMs,
    waitMs,
    holdMs,
    maxHeldConnections,
    logger: options.logger ?? silentLogger,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  });
}

function parseAddress(addr: string): URL {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(addr);
  const full = hasScheme ? addr : `http://${addr.startsWith(':') ? `127.0.0.1${addr}` : addr}`;
  if (!URL.canParse(full)) throw wrong('addr is not "host:port" nor a URL; try "127.0.0.1:8500" or "https://consul.example:8501"');
  const url = new URL(full);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw wrong(`addr begins with "${url.protocol}//"; only http and https are spoken with Consul`);
  // A bare host means Consul's port, not the web's; a URL means what it says.
  if (url.port === '' && !hasScheme && !/:\d+\/?$/.test(addr)) url.port = '8500';
  url.search = '';
  url.hash = '';
  return url;
}

function wrong(what: string): BootError {
  return new BootError('CONSUL_OPTIONS', `consul(): ${what}`);
}
