import { hostname } from 'node:os';
import type { EtcdClient } from '../../backend/etcd/etcd.client.js';
import { ETCD_CONNECTION_KEYS, resolveEtcdConnection, wrongEtcdOption, type EtcdConnection, type EtcdConnectionOptions } from '../../backend/etcd/etcd.connection.js';
import { openEtcdClient } from '../../backend/etcd/etcd.open.js';
import { systemClock, systemRandom, type Clock, type RandomSource } from '../../common/clock.js';
import { didYouMean } from '../../common/did-you-mean.js';
import type { WorkerClaim, WorkerIds } from '../../common/worker-ids.js';
import { linkSignals, sharedController } from '../linked-signal.js';
import { type ClaimLease, LeasedClaim } from '../leased-claim.js';
import { freePlaces } from '../worker-places.js';

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
/** Others may take the id that we try for; each time we choose anew among all that are free. */
const TRIES = 16;

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
  return new EtcdWorkerIds(resolveEtcdConnection(options), { prefix, ttlMs, clock: options.clock ?? systemClock, random: options.random ?? systemRandom });
}

/** `<prefix>/<id>/holder` is under the lease of who has the id; `<prefix>/<id>/until` stays, and says up to when holders so far may have made ids. */
export class EtcdWorkerIds implements WorkerIds {
  readonly name: string;
  private readonly closing = sharedController();
  private opening: Promise<EtcdClient> | undefined;

  constructor(
    private readonly connection: EtcdConnection,
    private readonly options: { readonly prefix: string; readonly ttlMs: number; readonly clock: Clock; readonly random: RandomSource },
    private readonly open: () => Promise<EtcdClient> = () => openEtcdClient(connection),
  ) {
    this.name = `etcd at ${connection.address}`;
  }

  async claim(signal?: AbortSignal): Promise<WorkerClaim> {
    const { signal: until, unlink } = linkSignals(signal, this.closing.signal);
    try {
      until.throwIfAborted();
      this.opening ??= this.open();
      const client = await this.opening.catch((cause: unknown) => {
        this.opening = undefined;
        throw cause;
      });
      const lease = (await client.grantLease(this.options.ttlMs / 1000, until)).id;
      try {
        return await this.take(client, lease, until);
      } catch (cause) {
        await client.revokeLease(lease).catch(() => {});
        throw cause;
      }
    } finally {
      unlink();
    }
  }

  async close(): Promise<void> {
    this.closing.abort(new Error(`the worker ids of ${this.name} are closed`));
    await this.opening?.then((client) => client.close(), () => {});
  }

  private async take(client: EtcdClient, lease: bigint, signal: AbortSignal): Promise<WorkerClaim> {
    const { prefix, ttlMs, clock, random } = this.options;
    for (let tries = 0; tries < TRIES; tries++) {
      const { rows } = await client.range({ prefix: `${prefix}/` }, {}, signal);
      const free = freePlaces(this.name, prefix, rows.map((row) => ({ ...row, version: row.modRevision })), clock.wall());
      const { id, fromMs, version } = free[Math.floor(random.next() * free.length)]!;
      const [holderKey, untilKey] = [`${prefix}/${id}/holder`, `${prefix}/${id}/until`];
      const untilMs = Math.floor(clock.wall()) + ttlMs;
      const { succeeded } = await client.txn(
        {
          compare: [{ key: holderKey, createRevision: 0n }, { key: untilKey, modRevision: version }],
          success: [{ put: holderKey, value: `${hostname()} ${process.pid}`, lease }, { put: untilKey, value: String(untilMs) }],
        },
        signal,
      );
      if (succeeded) return new LeasedClaim({ lease: leaseOf(client, lease, holderKey, untilKey), gone: 'etcd no longer has its lease', clock, id, ttlMs, fromMs, untilMs, closing: this.closing.signal });
    }
    throw new Error(`${this.name}: ${TRIES} worker ids under ${prefix} were taken by others at the moment we tried for them; try again`);
  }
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
