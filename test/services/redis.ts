import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { requireServer } from './find-server.js';
import { freePorts } from './free-port.js';
import { askRedis } from './redis-talk.js';
import { type RunningServer, startServer } from './server-process.js';

/** How to start Redis; all optional. */
export interface RedisOptions {
  /** @default a free one */
  readonly port?: number;
  /** Clients must give it; replicas give it to their primary. */
  readonly password?: string;
  /** Starts a replica of this server, and waits until it has its data. */
  readonly replicaOf?: RunningServer;
  /** Starts a node for a cluster. startRedisCluster makes one of them. */
  readonly cluster?: boolean;
  /** More lines for its configuration file; a later line wins, so `appendonly no` makes it forget on restart. */
  readonly config?: string;
}

/**
 * Starts a real Redis on loopback and resolves when it answers. Data survives kill and restart: it is written to a file before
 * each reply.
 *
 * @throws when there is no redis-server on this machine, or it does not start; the message has its log
 */
export async function startRedis(options: RedisOptions = {}): Promise<RunningServer> {
  const [free = 0, bus = 0] = await freePorts(2);
  const { port = free, password, replicaOf, cluster = false } = options;
  const config = (folder: string) => [
    ...[`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, 'save ""', 'appendonly yes', 'appendfsync no', 'repl-diskless-sync-delay 0'],
    ...(password === undefined ? [] : [`requirepass ${password}`, `masterauth ${password}`]),
    ...(replicaOf === undefined ? [] : [`replicaof 127.0.0.1 ${replicaOf.port}`]),
    ...(cluster ? ['cluster-enabled yes', `cluster-port ${bus}`, 'cluster-node-timeout 2000'] : []),
    options.config ?? '',
  ];
  const login = password === undefined ? [] : [`AUTH ${password}`];
  const ready = replicaOf === undefined ? /^loading:0\r$/m : /^master_link_status:up\r$/m;
  return startServer({
    name: 'redis-server',
    binary: requireServer('redis-server'),
    port,
    scheme: 'redis',
    args(folder) {
      const file = join(folder, 'redis.conf');
      writeFileSync(file, `${config(folder).join('\n')}\n`);
      return [file];
    },
    probe: async (signal) => ready.test(await askRedis(port, [...login, 'INFO'], signal)),
  });
}

/** How to start a sentinel. */
export interface SentinelOptions {
  /** @default a free one */
  readonly port?: number;
  readonly primary: RunningServer;
  /** The primary's password. */
  readonly password?: string;
  /** What clients call the primary. @default 'anthill' */
  readonly name?: string;
  /** How many sentinels must agree that the primary is gone. @default 1 */
  readonly quorum?: number;
  /** More lines for its configuration file. */
  readonly config?: string;
}

/**
 * A sentinel whose timer comes 2 s late doubts its clock and does nothing for 30 s (TILT), again and again on a machine that is busy. Tests kill servers, not clocks.
 * Redis before 7 has no such command, and answers with an error.
 */
const trustTheClock = 'SENTINEL DEBUG tilt-trigger 600000 tilt-period 100';

/** Starts a real Redis Sentinel, which promotes a replica 1 s after the primary went silent. Resolves when it answers. */
export async function startRedisSentinel(options: SentinelOptions): Promise<RunningServer> {
  const [free = 0] = await freePorts(1);
  const { port = free, primary, password, name = 'anthill', quorum = 1 } = options;
  const config = (folder: string) => [
    ...[`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, `sentinel monitor ${name} 127.0.0.1 ${primary.port} ${quorum}`],
    ...[`sentinel down-after-milliseconds ${name} 1000`, `sentinel failover-timeout ${name} 5000`],
    ...(password === undefined ? [] : [`sentinel auth-pass ${name} ${password}`]),
    options.config ?? '',
  ];
  return startServer({
    name: 'redis-sentinel',
    binary: requireServer('redis-server'),
    port,
    scheme: 'redis',
    args(folder) {
      const file = join(folder, 'sentinel.conf');
      // It keeps what it has learnt in this file.
      if (!existsSync(file)) writeFileSync(file, `${config(folder).join('\n')}\n`);
      return [file, '--sentinel'];
    },
    probe: async (signal) => (await askRedis(port, [trustTheClock, 'PING'], signal)).includes('+PONG'),
  });
}

const slots = 16_384;

/**
 * Starts a Redis Cluster of primaries that share the slots evenly, in the order of the result, and resolves when each of them
 * says that the cluster is complete. Stop them all.
 */
export async function startRedisCluster(nodes = 3, options: RedisOptions = {}): Promise<RunningServer[]> {
  const started: RunningServer[] = [];
  const login = options.password === undefined ? [] : [`AUTH ${options.password}`];
  try {
    const ports = await freePorts(2 * nodes); // of clients, then of the bus; it would be port + 10000, which may be taken
    for (let index = 0; index < nodes; index += 1) {
      const config = `cluster-port ${ports[nodes + index]}\n${options.config ?? ''}`;
      started.push(await startRedis({ ...options, port: ports[index] ?? 0, cluster: true, config }));
    }
    for (const [index, { port }] of started.entries()) {
      const [first, last] = [Math.floor((index * slots) / nodes), Math.floor(((index + 1) * slots) / nodes) - 1];
      const meet = `CLUSTER MEET 127.0.0.1 ${ports[0]} ${ports[nodes]}`;
      await askRedis(port, [...login, `CLUSTER ADDSLOTSRANGE ${first} ${last}`, `CLUSTER SET-CONFIG-EPOCH ${index + 1}`, meet]);
    }
    const complete = new RegExp(`cluster_state:ok[^]*cluster_known_nodes:${nodes}\\r`);
    const end = Date.now() + 30_000;
    for (const node of started) {
      for (let info = ''; !complete.test(info); await delay(50)) {
        if (Date.now() > end) throw new Error(`no complete cluster within 30 s: ${info}; log of a node:\n${node.log()}`);
        info = await askRedis(node.port, [...login, 'CLUSTER INFO']);
      }
    }
    return started;
  } catch (error) {
    await Promise.all(started.map((server) => server.stop()));
    throw error;
  }
}
