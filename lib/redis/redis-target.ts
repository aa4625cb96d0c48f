import { BootError } from '../common/boot-error.js';
import { hostPort, parseHostPort } from '../common/host-port.js';
import type { RedisConfig } from '../config/redis-section.js';

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Where a client connects to, and as whom. Secrets in it are in clear. */
export interface RedisTarget {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  /** For messages: without credentials. */
  readonly address: string;
  /** The server, the sentinels, or nodes of the cluster. */
  readonly endpoints: readonly Endpoint[];
  /** The primary, as its sentinels call it. */
  readonly primary: string | undefined;
  readonly db: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly sentinelUsername: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly tls: Readonly<Record<string, unknown>> | undefined;
}

/** Reads a client's config, in which no reference is left. @throws BootError REDIS_OPTIONS */
export function targetOf(name: string, config: RedisConfig): RedisTarget {
  const url = config.url === undefined ? undefined : parseUrl(name, config.url);
  const db = config.db ?? url?.db ?? 0;
  const account = {
    username: config.username ?? url?.username,
    password: config.password ?? url?.password,
    tls: config.tls ?? (url?.secure ? {} : undefined),
    sentinelUsername: config.sentinel?.username,
    sentinelPassword: config.sentinel?.password,
    primary: config.sentinel?.name,
    db,
  };
  if (config.cluster !== undefined) {
    const endpoints = config.cluster.map((node) => endpointOf(name, 'cluster', node));
    if (db !== 0) throw wrong(name, `db is ${db}, but a cluster has only database 0`);
    return { ...account, kind: 'cluster', endpoints, address: `the cluster ${listed(endpoints)}` };
  }
  if (config.sentinel?.nodes !== undefined) {
    const endpoints = config.sentinel.nodes.map((node) => endpointOf(name, 'sentinel.nodes', node));
    return { ...account, kind: 'sentinel', endpoints, address: `'${account.primary}' of the sentinels ${listed(endpoints)}` };
  }
  const endpoint = { host: config.host ?? url?.host ?? '127.0.0.1', port: config.port ?? url?.port ?? 6379 };
  return { ...account, kind: 'single', endpoints: [endpoint], address: listed([endpoint]) };
}

function parseUrl(name: string, text: string) {
  if (!URL.canParse(text)) throw wrong(name, 'url is none; write redis://user:password@host:6379/0, with what is special in user and password percent-encoded');
  const { protocol, hostname, port, username, password, pathname, search } = new URL(text);
  if (protocol !== 'redis:' && protocol !== 'rediss:') throw wrong(name, `url begins with "${protocol}//"; it wants redis:// or, for TLS, rediss://`);
  if (search !== '') throw wrong(name, 'url has a query ("?..."), which nothing reads; the other keys of the client have a place for it');
  const db = /^\/(\d*)$/.exec(pathname || '/')?.[1];
  if (db === undefined) throw wrong(name, `url ends with "${pathname}"; it wants the number of a database, such as /0`);
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1') || undefined,
    port: port === '' ? undefined : Number(port),
    username: decoded(name, username),
    password: decoded(name, password),
    db: db === '' ? undefined : Number(db),
    secure: protocol === 'rediss:',
  };
}

function decoded(name: string, text: string): string | undefined {
  if (text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong(name, 'url has a "%" in user or password that begins no percent-encoding; write it as %25');
  }
}

function endpointOf(name: string, key: string, node: string): Endpoint {
  const endpoint = parseHostPort(node);
  if (endpoint === undefined) throw wrong(name, `${key} has "${node}", which is no "host:port"`);
  return endpoint;
}

function listed(endpoints: readonly Endpoint[]): string {
  return endpoints.map(({ host, port }) => hostPort(host, port)).join(', ');
}

function wrong(name: string, what: string): BootError {
  return new BootError('REDIS_OPTIONS', `redis '${name}': ${what}`);
}
