import { hostname } from 'node:os';
import type { Clock, RandomSource } from '../common/clock.js';
import type { WorkerClaim, WorkerIds } from '../common/worker-ids.js';
import { type ClaimLease, LeasedClaim } from './leased-claim.js';
import { linkSignals, sharedController } from './linked-signal.js';
import { freePlaces, type PlaceRow } from './worker-places.js';

/** The keys of a worker id, and what is written into them when it is taken. */
export interface TakenPlace {
  readonly holder: { readonly key: string; readonly value: string };
  /** `version` as it was read: another one now means that somebody else was here. */
  readonly until: { readonly key: string; readonly value: string; readonly version: bigint };
}

/** A store that has leases (etcd) or sessions (Consul): what it must do to hold worker ids. */
export interface WorkerStore<Lease> {
  grant(signal: AbortSignal): Promise<Lease>;
  /** Takes out what stands under it. */
  end(lease: Lease): Promise<void>;
  rows(signal: AbortSignal): Promise<readonly PlaceRow[]>;
  /** Writes both keys, the holder's under the lease, or none: false when another one was quicker. */
  take(place: TakenPlace, lease: Lease, signal: AbortSignal): Promise<boolean>;
  hold(lease: Lease, holderKey: string, untilKey: string): ClaimLease;
  close(): void;
}

/** What worker ids in a store are made of. */
export interface LeasedWorkerIdsInit<Lease> {
  /** For messages, e.g. `etcd at 127.0.0.1:2379`. */
  readonly name: string;
  /** `<prefix>/<id>/holder` goes with the lease of who has the id; `<prefix>/<id>/until` stays: up to when holders so far may have made ids. */
  readonly prefix: string;
  readonly ttlMs: number;
  /** Why a claim is lost when its lease is. */
  readonly gone: string;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** Called at the first claim, and again after it failed. */
  readonly open: () => Promise<WorkerStore<Lease>>;
}

/** Others may take the id that we try for; each time we choose anew among all that are free. */
const TRIES = 16;

/** Worker ids in a store with leases, up to 1024 at a time. */
export class LeasedWorkerIds<Lease> implements WorkerIds {
  readonly name: string;
  private readonly closing = sharedController();
  private opening: Promise<WorkerStore<Lease>> | undefined;

  constructor(private readonly init: LeasedWorkerIdsInit<Lease>) {
    this.name = init.name;
  }

  async claim(signal?: AbortSignal): Promise<WorkerClaim> {
    const { signal: until, unlink } = linkSignals(signal, this.closing.signal);
    try {
      until.throwIfAborted();
      this.opening ??= this.init.open();
      const store = await this.opening.catch((cause: unknown) => {
        this.opening = undefined;
        throw cause;
      });
      const lease = await store.grant(until);
      try {
        return await this.take(store, lease, until);
      } catch (cause) {
        await store.end(lease).catch(() => {});
        throw cause;
      }
    } finally {
      unlink();
    }
  }

  async close(): Promise<void> {
    this.closing.abort(new Error(`the worker ids of ${this.name} are closed`));
    await this.opening?.then((store) => store.close(), () => {});
  }

  private async take(store: WorkerStore<Lease>, lease: Lease, signal: AbortSignal): Promise<WorkerClaim> {
    const { name, prefix, ttlMs, gone, clock, random } = this.init;
    for (let tries = 0; tries < TRIES; tries++) {
      const free = freePlaces(name, prefix, await store.rows(signal), clock.wall());
      const { id, fromMs, version } = free[Math.floor(random.next() * free.length)]!;
      const [holderKey, untilKey] = [`${prefix}/${id}/holder`, `${prefix}/${id}/until`];
      const untilMs = Math.floor(clock.wall()) + ttlMs;
      const place = { holder: { key: holderKey, value: `${hostname()} ${process.pid}` }, until: { key: untilKey, value: String(untilMs), version } };
      if (!(await store.take(place, lease, signal))) continue;
      return new LeasedClaim({ lease: store.hold(lease, holderKey, untilKey), gone, clock, id, ttlMs, fromMs, untilMs, closing: this.closing.signal });
    }
    throw new Error(`${name}: ${TRIES} worker ids under ${prefix} were taken by others at the moment we tried for them; try again`);
  }
}
