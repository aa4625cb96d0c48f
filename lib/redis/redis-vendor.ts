import type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis';
import { loadPeer } from '../common/peer.js';
import type { RedisConfig } from '../config/redis-section.js';
import type { RedisTarget } from './redis-target.js';

/** A client: `Redis`, or `Cluster` where the config has `cluster`. @public */
export type RedisClient = Redis | Cluster;

export interface ClientPlan {
  readonly target: RedisTarget;
  readonly config: RedisConfig;
  /** Makes a count of tries: milliseconds until the next one; the argument counts them, from 1. */
  readonly retries: () => (attempt: number) => number;
}

/**
 * Makes a client that is not connected yet. It sends nothing twice: a command that was on its way when the connection was lost may have run.
 * @throws BootError PEER_MISSING
 */
export async function makeClient({ target, config, retries }: ClientPlan): Promise<RedisClient> {
  const ioredis = await loadPeer('ioredis', '@InjectRedis()', () => import('ioredis'));
  const { username, password, tls, db, endpoints, kind } = target;
  const [first] = endpoints;
  const shared = {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: tls as NonNullable<RedisOptions['tls']> }),
    connectTimeout: config.connectTimeoutMs,
    disableClientInfo: true,
    autoResendUnfulfilledCommands: false,
    // Commands that wait have a time limit of their own.
    maxRetriesPerRequest: null,
  } satisfies RedisOptions;
  const more = (config.options ?? {}) as RedisOptions & ClusterOptions;
  const prefix = config.keyPrefix === undefined ? {} : { keyPrefix: config.keyPrefix };
  if (kind === 'cluster') {
    return new ioredis.Cluster(endpoints.map(({ host, port }) => ({ host, port })), {
      ...prefix,
      lazyConnect: true,
      // For nodes that are only just being connected; the guard refuses while the cluster is away.
      enableOfflineQueue: true,
      clusterRetryStrategy: retries(),
      // A command that was on its way is not sent again; the map of slots is read again instead.
      retryDelayOnFailover: 0,
      slotsRefreshInterval: 5000,
      slotsRefreshTimeout: config.connectTimeoutMs,
      ...more,
      redisOptions: { ...shared, ...more.redisOptions },
    });
  }
  const options: RedisOptions = {
    ...shared,
    ...prefix,
    db,
    lazyConnect: true,
    enableOfflineQueue: config.queue > 0,
    retryStrategy: retries(),
    // A primary that became a replica: the connection is made anew, to the new primary.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    ...(kind === 'single'
      ? { host: first!.host, port: first!.port }
      : {
          sentinels: endpoints.map(({ host, port }) => ({ host, port })),
          name: target.primary!,
          ...(target.sentinelUsername !== undefined && { sentinelUsername: target.sentinelUsername }),
          ...(target.sentinelPassword !== undefined && { sentinelPassword: target.sentinelPassword }),
          sentinelRetryStrategy: retries(),
          sentinelReconnectStrategy: retries(),
          failoverDetector: true,
        }),
    ...more,
  };
  const client = new ioredis.Redis(options);
  if (kind === 'sentinel') quietSentinels(client);
  return client;
}

/** Connections to sentinels are ioredis' own, and it prints their errors when nobody listens; the client tells of those that matter. */
function quietSentinels(client: Redis): void {
  const { connector } = client as unknown as { connector: { connectToSentinel?(...args: unknown[]): Redis } };
  const connect = connector.connectToSentinel?.bind(connector);
  if (connect === undefined) return;
  connector.connectToSentinel = (...args) => connect(...args).on('error', () => {});
}
