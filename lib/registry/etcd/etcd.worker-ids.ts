import type { EtcdClient } from '../../backend/etcd/etcd.client.js';
import { ETCD_CONNECTION_KEYS, resolveEtcdConnection, wrongEtcdOption, type EtcdConnectionOptions } from '../../backend/etcd/etcd.connection.js';
import { openEtcdClient } from '../../backend/etcd/etcd.open.js';
import { systemClock, systemRandom, type Clock, type RandomSource } from '../../common/clock.js';
import { didYouMean } from '../../common/did-you-mean.js';
import type { WorkerIds } from '../../common/worker-ids.js';
import type { ClaimLease } from '../leased-claim.js';
import { LeasedWorkerIds, type LeasedWorkerIdsInit, type WorkerStore } from '../leased-worker-ids.js';

/** Where worker ids are leased. @public */
export interface EtcdWorkerIdsOptions extends EtcdConnectionOptions {
  /** Processes that must not make the same ids share it. @default '/anthill/workers' */
  prefix?: string;
  /** A process that is gone holds its id this long; whole seconds, at least 3000. @default 15000 */
  ttlMs?: number;
  /** For tests. @default the machine's */
  clock?: Clock;
  /** For tests. @default the machine's */
  random?: RandomSource;
}

const KNOWN = [...ETCD_CONNECTION_KEYS, 'prefix', 'ttlMs', 'clock', 'random'] as const satisfies readonly (keyof EtcdWorkerIdsOptions)[];

/**
 * Worker ids as leases in etcd, up to 1024 at a time. Needs the package `@grpc/grpc-js`.
 * @public
 * @throws BootError ETCD_OPTIONS
 */
export function etcdWorkerIds(options: EtcdWorkerIdsOptions = {}): WorkerIds {
  for (const key of Object.keys(options)) {
    if (!(KNOWN as readonly string[]).includes(key)) throw wrongEtcdOption(`unknown option "${key}"${didYouMean(key, KNOWN)}`);
  }
  const { ttlMs = 15_000 } = options;
  if (!Number.isInteger(ttlMs / 1000) || ttlMs < 3000) throw wrongEtcdOption(`ttlMs must be whole seconds, at least 3000, got ${ttlMs}`);
  const prefix = (options.prefix ?? '/anthill/workers').replace(/\/+$/, '');
  if (prefix === '') throw wrongEtcdOption('prefix must name a folder of keys, such as "/anthill/workers"');
  const connection = resolveEtcdConnection(options);
  return workerIdsOver(async () => openEtcdClient(connection), connection.address, { prefix, ttlMs, clock: options.clock ?? systemClock, random: options.random ?? systemRandom });
}

/** The same over a client that is given. */
export function workerIdsOver(open: () => Promise<EtcdClient>, address: string, options: Pick<LeasedWorkerIdsInit<bigint>, 'prefix' | 'ttlMs' | 'clock' | 'random'>): WorkerIds {
  const { prefix, ttlMs } = options;
  return new LeasedWorkerIds({ ...options, name: `etcd at ${address}`, gone: 'etcd no longer has its lease', open: async () => storeOf(await open(), prefix, ttlMs) });
}

function storeOf(client: EtcdClient, prefix: string, ttlMs: number): WorkerStore<bigint> {
  return {
    grant: async (signal) => (await client.grantLease(ttlMs / 1000, signal)).id,
    end: (lease) => client.revokeLease(lease),
    async rows(signal) {
      const { rows } = await client.range({ prefix: `${prefix}/` }, {}, signal);
      return rows.map(({ key, value, modRevision }) => ({ key, value, version: modRevision }));
    },
    async take({ holder, until }, lease, signal) {
      const compare = [{ key: holder.key, createRevision: 0n }, { key: until.key, modRevision: until.version }];
      const success = [{ put: holder.key, value: holder.value, lease }, { put: until.key, value: until.value }];
      return (await client.txn({ compare, success }, signal)).succeeded;
    },
    hold: (lease, holderKey, untilKey) => leaseOf(client, lease, holderKey, untilKey),
    close: () => client.close(),
  };
}

function leaseOf(client: EtcdClient, lease: bigint, holderKey: string, untilKey: string): ClaimLease {
  const isOurs = [{ key: holderKey, lease }];
  return {
    async renew(untilMs, signal) {
      if ((await client.keepAlive(lease, signal)) === 0) return false;
      return (await client.txn({ compare: isOurs, success: [{ put: untilKey, value: String(untilMs) }] }, signal)).succeeded;
    },
    async release(fromMs) {
      await client.txn({ compare: isOurs, success: [{ put: untilKey, value: String(fromMs) }, { delete: holderKey }] });
      await client.revokeLease(lease);
    },
  };
}
