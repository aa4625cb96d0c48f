import type { Findings } from './findings.js';
import { mergePlain } from './merge.js';
import { isPlain, type Plain, setOwn } from './plain.js';
import { free, integer, list, object, text } from './spec-words.js';
import { defaultsOf } from './spec.js';

/** What config can say of one Redis client: of a single server, or of sentinels, or of a cluster. @public */
export interface RedisSection {
  /** `redis://user:password@host:6379/0`, or `rediss:` for TLS. Keys beside it win. */
  url?: string;
  /** @default '127.0.0.1' */
  host?: string;
  /** @default 6379 */
  port?: number;
  /** @default 0 */
  db?: number;
  username?: string;
  password?: string;
  /** TLS options of Node; `{}` verifies the certificate by the machine's authorities. @default no TLS, unless `url` is `rediss:` */
  tls?: Record<string, unknown>;
  /** The primary is asked of sentinels: its name there, and their `host:port`. */
  sentinel?: { name?: string; nodes?: readonly string[]; username?: string; password?: string };
  /** `host:port` of some nodes of a cluster; the others are found. */
  cluster?: readonly string[];
  /** Before every key. */
  keyPrefix?: string;
  /** What happens when it is away at the start: the start fails, or goes on unready and tries again. @default 'fail' */
  startup?: 'fail' | 'retry';
  /** How long a connection may take until it is ready. @default 5000 */
  connectTimeoutMs?: number;
  /** How long a command may take; blocking ones are free of it. 0: no limit but the call's deadline. @default 5000 */
  commandTimeoutMs?: number;
  /** Commands that may wait for the connection to come back. 0: none, they fail at once. @default 0 */
  queue?: number;
  /** Time between health probes; 0: none. @default 2000 */
  probeIntervalMs?: number;
  /** How long a probe may take. @default 1000 */
  probeTimeoutMs?: number;
  /** More options of ioredis. */
  options?: Record<string, unknown>;
}

type Defaulted = 'startup' | 'connectTimeoutMs' | 'commandTimeoutMs' | 'queue' | 'probeIntervalMs' | 'probeTimeoutMs';
type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** A Redis client's config with defaults. Secrets in it are still references. @public */
export type RedisConfig = DeepReadonly<Omit<RedisSection, Defaulted> & Required<Pick<RedisSection, Defaulted>>>;

export const redisSpec = object('One Redis client.', {
  url: text('redis://user:password@host:port/db, or rediss: for TLS. Keys beside it win.'),
  host: text('Name or address of the server.'),
  port: integer('Port of the server.', 1),
  db: integer('Number of the database.', 0),
  username: text('User of Redis 6 and newer.'),
  password: text('Its password; better a reference such as "$env:REDIS_PASSWORD".'),
  tls: free('TLS options of Node; {} for none in particular.', { camel: true }),
  sentinel: object('The primary is asked of sentinels.', {
    name: text('What the sentinels call the primary.'),
    nodes: list('"host:port" of the sentinels.'),
    username: text('User of the sentinels.'),
    password: text('Password of the sentinels.'),
  }),
  cluster: list('"host:port" of some nodes of a cluster; the others are found.'),
  keyPrefix: text('Before every key.'),
  startup: text('When it is away at the start: "fail" the start, or "retry" and be unready meanwhile.', { oneOf: ['fail', 'retry'], default: 'fail' }),
  connectTimeoutMs: integer('How long a connection may take until it is ready.', 1, { default: 5000 }),
  commandTimeoutMs: integer('How long a command may take, if it is no blocking one; 0: as long as the call that it is part of.', 0, { default: 5000 }),
  queue: integer('Commands that may wait for a lost connection; 0: they fail at once.', 0, { default: 0 }),
  probeIntervalMs: integer('Milliseconds between health probes; 0: none.', 0, { default: 2000 }),
  probeTimeoutMs: integer('How long a probe may take.', 1, { default: 1000 }),
  options: free('More options of ioredis.', { camel: true }),
});

/** The clients of a checked and merged section, with defaults. */
export function readRedis(section: Plain = {}, findings: Findings): Record<string, RedisConfig> {
  const clients: Record<string, RedisConfig> = {};
  for (const [name, given] of Object.entries(section)) {
    const client = given as Plain;
    const place = `Anthill.redis.${name}`;
    const sentinel = isPlain(client.sentinel) ? client.sentinel : undefined;
    if (sentinel && client.cluster !== undefined) findings.mistake(`${place} has both sentinel and cluster: keep the one that the servers run as`);
    if (sentinel && !(sentinel.name !== undefined && Array.isArray(sentinel.nodes))) {
      findings.mistake(`${place}.sentinel must have a name, which is what the sentinels call the primary, and nodes, which is a list of "host:port"`);
    }
    const { sentinel: _none, ...defaults } = defaultsOf(redisSpec);
    setOwn(clients, name, mergePlain(defaults, client));
  }
  return clients;
}
