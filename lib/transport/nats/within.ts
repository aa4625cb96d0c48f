import type { Clock } from '../../common/clock.js';

/** As `work`, or a rejection with a TimeoutError after `timeoutMs`; the work itself goes on. */
export function within<T>(clock: Clock, timeoutMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(timeoutMs, () => {
      const error = new Error(`no answer within ${timeoutMs} ms`);
      error.name = 'TimeoutError';
      reject(error);
    });
    work.then(resolve, reject).finally(cancel);
  });
}
