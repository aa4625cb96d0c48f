import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { BootError } from '../../common/boot-error.js';

/** Where etcd is and how to speak with it; all optional. @public */
export interface EtcdConnectionOptions {
  /**
   * Client addresses of the cluster's members: `host`, `host:port`, or URLs with `http:` or `https:`; one text may hold several, separated by
   * commas. One is used until it fails, then the next. @default '127.0.0.1:2379'
   */
  endpoints?: string | readonly string[];
  /** User, when authentication is on in etcd. */
  user?: string;
  password?: string;
  /** For `https:`; with it, addresses without a scheme mean `https:`. The server is verified unless `rejectUnauthorized: false` is written here. */
  tls?: EtcdTlsOptions;
  /** One request may take this long; of several endpoints each gets its share of it. @default 5000 */
  timeoutMs?: number;
}

/** Certificates as PEM. `cert` and `key` are the client's own. @public */
export interface EtcdTlsOptions extends Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'passphrase'> {
  /** The name that the server's certificate must have. @default the host of the endpoint */
  servername?: string;
  rejectUnauthorized?: boolean;
}

/** A connection with defaults, checked. */
export interface EtcdConnection {
  /** `host:port`, at least one. */
  readonly endpoints: readonly string[];
  /** The same, for messages. */
  readonly address: string;
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
  /** Undefined: plain text. */
  readonly tls: EtcdTlsOptions | undefined;
  readonly timeoutMs: number;
}

export const ETCD_CONNECTION_KEYS = ['endpoints', 'user', 'password', 'tls', 'timeoutMs'] as const satisfies readonly (keyof EtcdConnectionOptions)[];

/** @throws BootError ETCD_OPTIONS */
export function resolveEtcdConnection(options: EtcdConnectionOptions): EtcdConnection {
  const { timeoutMs = 5000, user = '', password = '', tls } = options;
  if (!Number.isFinite(timeoutMs) || timeoutMs < 1) throw wrongEtcdOption(`timeoutMs must be a number of at least 1, got ${timeoutMs}`);
  if (user === '' && password !== '') throw wrongEtcdOption('a password without a user; set both, or neither');
  const given = typeof options.endpoints === 'string' ? options.endpoints.split(',') : (options.endpoints ?? ['127.0.0.1:2379']);
  const places = given.map((text) => text.trim()).filter((text) => text !== '').map((text) => parseEndpoint(text, tls !== undefined));
  if (places.length === 0) throw wrongEtcdOption('endpoints is empty; name at least one member, e.g. "127.0.0.1:2379", or leave it out');
  const secure = places.filter(({ protocol }) => protocol === 'https:').length;
  if (secure > 0 && secure < places.length) throw wrongEtcdOption('endpoints mixes http: and https:; all members must be spoken with in one way');
  if (secure === 0 && tls !== undefined) throw wrongEtcdOption('tls is set and endpoints say http:; write https:, or leave tls out');
  if (tls !== undefined) checkCertificates(tls);
  const endpoints = [...new Set(places.map(({ hostname, port }) => `${hostname}:${port}`))];
  return {
    endpoints,
    address: endpoints.join(', '),
    credentials: user === '' ? undefined : { user, password },
    tls: secure > 0 ? (tls ?? {}) : undefined,
    timeoutMs,
  };
}

function parseEndpoint(text: string, secure: boolean): { protocol: string; hostname: string; port: string } {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const full = hasScheme ? text : `${secure ? 'https' : 'http'}://${text}`;
  if (!URL.canParse(full)) throw wrongEtcdOption('an endpoint is not "host:port" nor a URL; try "127.0.0.1:2379" or "https://etcd.example:2379"');
  const url = new URL(full);
  // Before anything that quotes it.
  if (url.username !== '' || url.password !== '') throw wrongEtcdOption('an endpoint has a user or a password in it; give them as options user and password');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw wrongEtcdOption(`an endpoint begins with "${url.protocol}//"; only http and https are spoken with etcd`);
  if (url.hostname === '' || url.pathname.replace(/\/+$/, '') !== '' || url.search !== '') throw wrongEtcdOption(`"${text}" has more than a host and a port; etcd's API has no path`);
  // A port that is the web's default for the scheme is missing in the URL, though it was written.
  const port = url.port || /:(\d+)\/*$/.exec(text)?.[1] || '2379';
  return { protocol: url.protocol, hostname: url.hostname, port };
}

function checkCertificates({ ca, cert, key, passphrase }: EtcdTlsOptions): void {
  try {
    createSecureContext({ ca, cert, key, passphrase });
  } catch (cause) {
    // Without the cause's stack: it may quote what it could not read.
    throw wrongEtcdOption(`tls: ca, cert and key do not work (${(cause as { code?: string }).code ?? 'no reason given'}); they are the PEM texts, not the paths of files, and cert and key belong together`);
  }
}

export function wrongEtcdOption(what: string): BootError {
  return new BootError('ETCD_OPTIONS', `etcd(): ${what}`);
}
