import type { EtcdClient } from '../../backend/etcd/etcd.client.js';
import { sleep, type Clock } from '../../common/clock.js';
import type { WorkerClaim } from '../../common/worker-ids.js';
import { sharedController } from '../linked-signal.js';

/** What a claim is made of. */
export interface EtcdClaimInit {
  readonly client: EtcdClient;
  readonly clock: Clock;
  readonly id: number;
  readonly lease: bigint;
  readonly ttlMs: number;
  /** Key under the lease: whose id it is. */
  readonly holderKey: string;
  /** Key without a lease: Unix milliseconds, exclusive, that the holders so far may have used. */
  readonly untilKey: string;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Aborts when the store is closed. */
  readonly closing: AbortSignal;
}

/** A worker id under a lease. Renews itself three times per TTL, and moves `untilMs` on before anybody uses what comes before it. */
export class EtcdWorkerClaim implements WorkerClaim {
  readonly id: number;
  readonly fromMs: number;
  private readonly losing = sharedController();
  private readonly ending = sharedController();
  private readonly renewing: Promise<void>;
  private until: number;

  constructor(private readonly init: EtcdClaimInit) {
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
    if (this.lost.aborted) return;
    const { client, holderKey, untilKey, lease } = this.init;
    await client.txn({ compare: [{ key: holderKey, lease }], success: [{ put: untilKey, value: String(Math.max(this.fromMs, usedMs + 1)) }, { delete: holderKey }] });
    await client.revokeLease(lease);
  }

  private readonly end = (): void => {
    this.init.closing.removeEventListener('abort', this.end);
    this.ending.abort();
  };

  private async renew(): Promise<void> {
    const { clock, ttlMs } = this.init;
    const { signal } = this.ending;
    let renewedAt = clock.now();
    let pause = ttlMs / 3;
    for (;;) {
      await sleep(clock, pause, signal);
      if (signal.aborted) return;
      const startedAt = clock.now();
      try {
        if (!(await this.renewOnce(signal))) return this.lose('etcd no longer has its lease');
        renewedAt = startedAt;
        pause = ttlMs / 3;
      } catch (cause) {
        if (signal.aborted) return;
        if (clock.now() - renewedAt >= ttlMs) return this.lose((cause as Error).message);
        pause = Math.min(1000, ttlMs / 10);
      }
    }
  }

  private async renewOnce(signal: AbortSignal): Promise<boolean> {
    const { client, clock, ttlMs, lease, holderKey, untilKey } = this.init;
    if ((await client.keepAlive(lease, signal)) === 0) return false;
    const next = Math.max(this.until, Math.floor(clock.wall()) + ttlMs);
    const { succeeded } = await client.txn({ compare: [{ key: holderKey, lease }], success: [{ put: untilKey, value: String(next) }] }, signal);
    if (succeeded) this.until = next;
    return succeeded;
  }

  private lose(why: string): void {
    this.end();
    this.losing.abort(new Error(why));
  }
}
