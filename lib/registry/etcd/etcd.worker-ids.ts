import { hostname } from 'node:os';
import type { EtcdClient } from '../../backend/etcd/etcd.client.js';
import { ETCD_CONNECTION_KEYS, resolveEtcdConnection, wrongEtcdOption, type EtcdConnection, type EtcdConnectionOptions } from '../../backend/etcd/etcd.connection.js';
import { openEtcdClient } from '../../backend/etcd/etcd.open.js';
import { systemClock, systemRandom, type Clock, type RandomSource } from '../../common/clock.js';
import { didYouMean } from '../../common/did-you-mean.js';
import { WORKER_IDS } from '../../common/snowflake.js';
import type { WorkerClaim, WorkerIds } from '../../common/worker-ids.js';
import { linkSignals, sharedController } from '../linked-signal.js';
import { EtcdWorkerClaim } from './etcd.worker-claim.js';

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

interface Place {
  readonly id: number;
  readonly fromMs: number;
  /** Of the key that says so; 0 when there is none. */
  readonly revision: bigint;
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
      const free = await this.free(client, signal);
      const { id, fromMs, revision } = free[Math.floor(random.next() * free.length)]!;
      const [holderKey, untilKey] = [`${prefix}/${id}/holder`, `${prefix}/${id}/until`];
      const untilMs = Math.floor(clock.wall()) + ttlMs;
      const { succeeded } = await client.txn(
        {
          compare: [{ key: holderKey, createRevision: 0n }, { key: untilKey, modRevision: revision }],
          success: [{ put: holderKey, value: `${hostname()} ${process.pid}`, lease }, { put: untilKey, value: String(untilMs) }],
        },
        signal,
      );
      if (succeeded) return new EtcdWorkerClaim({ client, clock, id, lease, ttlMs, holderKey, untilKey, fromMs, untilMs, closing: this.closing.signal });
    }
    throw new Error(`${this.name}: ${TRIES} worker ids under ${prefix} were taken by others at the moment we tried for them; try again`);
  }

  /** Ids that nobody holds, and whose time is over by our clock. */
  private async free(client: EtcdClient, signal: AbortSignal): Promise<Place[]> {
    const { prefix, clock } = this.options;
    const { rows } = await client.range({ prefix: `${prefix}/` }, {}, signal);
    const held = new Set(rows.filter(({ key }) => key.endsWith('/holder')).map(({ key }) => key.slice(0, -'/holder'.length)));
    const untils = new Map(rows.filter(({ key }) => key.endsWith('/until')).map((row) => [row.key.slice(0, -'/until'.length), row]));
    const unheld = Array.from({ length: WORKER_IDS }, (_, id): Place => {
      const row = untils.get(`${prefix}/${id}`);
      // Garbage is nobody's end of time: the id stays unused until somebody deletes it.
      return { id, fromMs: row === undefined ? 0 : (/^\d{1,15}$/.test(row.value.toString()) ? Number(row.value.toString()) : Infinity), revision: row?.modRevision ?? 0n };
    }).filter(({ id }) => !held.has(`${prefix}/${id}`));
    const free = unheld.filter(({ fromMs }) => fromMs <= clock.wall());
    if (free.length > 0) return free;
    throw new Error(
      unheld.length === 0
        ? `${this.name}: all ${WORKER_IDS} worker ids under ${prefix} are taken; give groups of processes prefixes of their own`
        : `${this.name}: ${unheld.length} worker ids under ${prefix} are free, and by our clock none of them yet; is the clock right?`,
    );
  }
}
