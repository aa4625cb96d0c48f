import type { ConnectionOptions } from 'node:tls';
import { BootError } from '../../common/boot-error.js';

/** Where Consul is and how to speak with it; all optional. @public */
export interface ConsulConnectionOptions {
  /**
   * The agent's HTTP address: `host`, `host:port`, or a URL with `http:` or `https:`. Of several, a list or separated by commas, the one that answered last
   * is asked until it cannot be reached. @default '127.0.0.1:8500'
   */
  addr?: string | readonly string[];
  /** ACL token, sent as a header. Registries need `service:write` for our services, `service:read` and `node:read` for all that are called; config centres `key:read`. */
  token?: string;
  /** Datacenter to read from. @default the agent's */
  datacenter?: string;
  /** For `https:`. The certificate is verified unless `rejectUnauthorized: false` is written here. */
  tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'passphrase' | 'servername' | 'rejectUnauthorized'>;
  /** One ordinary request may take this long. @default 5000 */
  timeoutMs?: number;
  /**
   * Where hrpc's variables are read: `CONFIGS_ADDR`, `CONFIGS_TOKEN` and `CONFIGS_DATACENTER` win over `addr`, `token` and `datacenter` when they are set, as they do
   * in hrpc. `{}` reads none. @default process.env
   */
  env?: Readonly<Record<string, string | undefined>>;
}

/** One agent. */
export interface ConsulAddress {
  /** `http://host:port/v1`, with credentials if the user wrote some. Not for messages. */
  readonly baseUrl: string;
  /** `host:port`, for messages: without credentials. */
  readonly address: string;
}

/** A connection with defaults, checked. */
export interface ConsulConnection {
  /** At least one. */
  readonly addresses: readonly ConsulAddress[];
  /** All of them, for messages. */
  readonly address: string;
  readonly token: string | undefined;
  readonly datacenter: string | undefined;
  readonly tls: NonNullable<ConsulConnectionOptions['tls']>;
  readonly timeoutMs: number;
}

export const CONSUL_CONNECTION_KEYS = ['addr', 'token', 'datacenter', 'tls', 'timeoutMs', 'env'] as const satisfies readonly (keyof ConsulConnectionOptions)[];

/** @throws BootError CONSUL_OPTIONS */
export function resolveConsulConnection(options: ConsulConnectionOptions): ConsulConnection {
  const { timeoutMs = 5000, env = process.env } = options;
  if (!Number.isFinite(timeoutMs) || timeoutMs < 1) throw wrongConsulOption(`timeoutMs must be a number of at least 1, got ${timeoutMs}`);
  const addresses = addressesOf(env['CONFIGS_ADDR'] || options.addr);
  return {
    addresses,
    address: addresses.map(({ address }) => address).join(', '),
    token: env['CONFIGS_TOKEN'] || options.token || undefined,
    datacenter: env['CONFIGS_DATACENTER'] || options.datacenter || undefined,
    tls: options.tls ?? {},
    timeoutMs,
  };
}

function addressesOf(given: string | readonly string[] | undefined = []): ConsulAddress[] {
  const list = (typeof given === 'string' ? [given] : given).flatMap((text) => String(text).split(',')).map((text) => text.trim()).filter((text) => text !== '');
  return (list.length > 0 ? list : ['127.0.0.1:8500']).map((text) => {
    const url = parseAddress(text);
    return { baseUrl: `${url.href.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1`, address: url.host };
  });
}

function parseAddress(addr: string): URL {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(addr);
  const full = hasScheme ? addr : `http://${addr.startsWith(':') ? `127.0.0.1${addr}` : addr}`;
  if (!URL.canParse(full)) throw wrongConsulOption('addr is not "host:port" nor a URL; try "127.0.0.1:8500" or "https://consul.example:8501"');
  const url = new URL(full);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw wrongConsulOption(`addr begins with "${url.protocol}//"; only http and https are spoken with Consul`);
  // A bare host means Consul's port, not the web's; a URL means what it says.
  if (url.port === '' && !hasScheme && !/:\d+\/?$/.test(addr)) url.port = '8500';
  url.search = '';
  url.hash = '';
  return url;
}

export function wrongConsulOption(what: string): BootError {
  return new BootError('CONSUL_OPTIONS', `consul(): ${what}`);
}
