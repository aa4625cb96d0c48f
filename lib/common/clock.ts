import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';

/**
 * Time and timers as an argument, so that a test can hold them still. `now` is monotonic: a change of the wall clock moves no deadline.
 * @plugin
 */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary origin. */
  now(): number;
  /** Wall clock, Unix milliseconds; for stamps that leave the process only. */
  wall(): number;
  /** Calls `fn` once after `delayMs`. Timers do not keep the process alive unless `keepAlive`. Returns the function that cancels it. */
  after(delayMs: number, fn: () => void, keepAlive?: boolean): () => void;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(delayMs, fn, keepAlive = false) {
    const timer = setTimeout(fn, Math.min(delayMs, 0x7fffffff));
    if (!keepAlive) timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Randomness as an argument. @plugin */
export interface RandomSource {
  /** In [0, 1). */
  next(): number;
  /** `bytes` random bytes as lower-case hex. */
  hex(bytes: number): string;
}

/** The machine's randomness: fast for choices, secure for ids. @plugin */
export const systemRandom: RandomSource = {
  next: Math.random,
  hex: (bytes) => randomBytes(bytes).toString('hex'),
};

/** Resolves after `delayMs`, or at once when `signal` aborts (it never rejects: callers look at the signal). */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal, keepAlive = false): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(delayMs, done, keepAlive);
    signal?.addEventListener('abort', done, { once: true });
  });
}
