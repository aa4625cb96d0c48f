import { isObservable, type Observable } from 'rxjs';
import type { RpcContext } from '../common/call-context.js';

/** What a handler gave, as one reply: the last value of an observable, none is undefined. A call that ends early ends the subscription. */
export async function replyOf(result: unknown, context: RpcContext): Promise<unknown> {
  const value = await result;
  return isObservable(value) ? lastOf(value, context) : value;
}

function lastOf(source: Observable<unknown>, context: RpcContext): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (context.abortError) return reject(context.abortError);
    let last: unknown;
    const subscription = source.subscribe({
      next: (value) => (last = value),
      error: reject,
      complete: () => resolve(last),
    });
    if (subscription.closed) return;
    context.adopt({
      aborted(error) {
        subscription.unsubscribe();
        reject(error);
      },
    });
  });
}
