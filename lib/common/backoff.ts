import type { Clock, RandomSource } from './clock.js';
import { sleep } from './clock.js';

/** Exponential back-off with full jitter below the cap: retries of many processes must not arrive together. */
export interface BackoffOptions {
  /** First delay. @default 200 */
  baseMs?: number;
  /** Longest delay. @default 5000 */
  maxMs?: number;
}

/** Delays between tries that grow, so that many processes that lost one server do not come back all at once. @plugin */
export class Backoff {
  private attempt = 0;
  private readonly baseMs: number;
  private readonly maxMs: number;

  constructor(private readonly clock: Clock, private readonly random: RandomSource, options: BackoffOptions = {}) {
    this.baseMs = options.baseMs ?? 200;
    this.maxMs = options.maxMs ?? 5000;
  }

  /** The next delay: half fixed, half random, doubling up to the cap. */
  next(): number {
    const ceiling = Math.min(this.maxMs, this.baseMs * 2 ** Math.min(this.attempt++, 20));
    return ceiling / 2 + (this.random.next() * ceiling) / 2;
  }

  reset(): void {
    this.attempt = 0;
  }

  /** Waits the next delay; returns early when `signal` aborts. */
  wait(signal?: AbortSignal): Promise<void> {
    return sleep(this.clock, this.next(), signal);
  }
}
