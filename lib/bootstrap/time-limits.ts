import type { Clock } from '../common/clock.js';

/** What remains for closing when the handlers have used up all the time: last replies leave, connections say goodbye. */
const CLOSING_MS = 700;

/** `work`, or an error when `signal` aborts first: the one named, or the signal's own reason. */
export function within<T>(work: Promise<T>, signal: AbortSignal, message?: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const late = () => reject(message === undefined ? (signal.reason as Error) : new Error(message));
    if (signal.aborted) {
      // One last turn: what is done already should not count as late.
      setImmediate(late);
    } else {
      signal.addEventListener('abort', late, { once: true });
    }
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', late));
  });
}

/** A signal that aborts with `message` after `ms`, or with `outer`. Call `clear` when it is over. */
export function limited(clock: Clock, ms: number, message: string, outer?: AbortSignal): { signal: AbortSignal; clear: () => void } {
  const limit = new AbortController();
  const cancel = clock.after(ms, () => limit.abort(new Error(message)), true);
  return { signal: outer ? AbortSignal.any([outer, limit.signal]) : limit.signal, clear: cancel };
}

/**
 * Aborts a moment after `deadline` does, so that what was cut off can still be told to its callers. `cancel` when all is closed.
 */
export function afterDeadline(clock: Clock, deadline: AbortSignal): { signal: AbortSignal; cancel: () => void } {
  const closing = new AbortController();
  let cancel = (): void => {};
  const arm = (): void => {
    cancel = clock.after(CLOSING_MS, () => closing.abort(deadline.reason), true);
  };
  if (deadline.aborted) arm();
  else deadline.addEventListener('abort', arm, { once: true });
  return {
    signal: closing.signal,
    cancel: () => {
      deadline.removeEventListener('abort', arm);
      cancel();
    },
  };
}
