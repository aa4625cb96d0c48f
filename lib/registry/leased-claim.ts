import { sleep, type Clock } from '../common/clock.js';
import type { WorkerClaim } from '../common/worker-ids.js';
import { sharedController } from './linked-signal.js';

/** A worker id in a store that has leases: what the store must do for it. */
export interface ClaimLease {
  /** Renews the lease, then writes down that the id may be used up to `untilMs`, exclusive. False when the id is no longer ours: then nothing was written. */
  renew(untilMs: number, signal: AbortSignal): Promise<boolean>;
  /** Writes down from when on the next holder may use the id, and ends the lease. */
  release(fromMs: number): Promise<void>;
}

/** What a claim is made of. */
export interface LeasedClaimInit {
  readonly lease: ClaimLease;
  /** Why it was lost when {@link ClaimLease.renew} says so, e.g. `etcd no longer has its lease`. */
  readonly gone: string;
  readonly clock: Clock;
  readonly id: number;
  readonly ttlMs: number;
  readonly fromMs: number;
  /** As written down already. */
  readonly untilMs: number;
  /** Aborts when the store is closed. */
  readonly closing: AbortSignal;
}

/** A worker id under a lease. Renews itself three times per TTL, and moves `untilMs` on before anybody uses what comes before it. */
export class LeasedClaim implements WorkerClaim {
  readonly id: number;
  readonly fromMs: number;
  private readonly losing = sharedController();
  private readonly ending = sharedController();
  private readonly renewing: Promise<void>;
  private until: number;

  constructor(private readonly init: LeasedClaimInit) {
    this.id = init.id;
    this.fromMs = init.fromMs;
    this.until = init.untilMs;
    init.closing.addEventListener('abort', this.end, { once: true });
    this.renewing = this.renew();
  }

  get lost(): AbortSignal {
    return this.losing.signal;
  }

  untilMs(): number {
    return this.until;
  }

  async release(usedMs = this.until - 1): Promise<void> {
    this.end();
    await this.renewing;
    if (!this.lost.aborted) await this.init.lease.release(Math.max(this.fromMs, usedMs + 1));
  }

  private readonly end = (): void => {
    this.init.closing.removeEventListener('abort', this.end);
    this.ending.abort();
  };

  private async renew(): Promise<void> {
    const { clock, ttlMs, lease, gone } = this.init;
    const { signal } = this.ending;
    let renewedAt = clock.now();
    let pause = ttlMs / 3;
    for (;;) {
      await sleep(clock, pause, signal);
      if (signal.aborted) return;
      const startedAt = clock.now();
      const next = Math.max(this.until, Math.floor(clock.wall()) + ttlMs);
      try {
        if (!(await lease.renew(next, signal))) return this.lose(gone);
        this.until = next;
        renewedAt = startedAt;
        pause = ttlMs / 3;
      } catch (cause) {
        if (signal.aborted) return;
        if (clock.now() - renewedAt >= ttlMs) return this.lose((cause as Error).message);
        pause = Math.min(1000, ttlMs / 10);
      }
    }
  }

  private lose(why: string): void {
    this.end();
    this.losing.abort(new Error(why));
  }
}
