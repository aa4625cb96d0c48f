import type { RpcContext } from '../common/call-context.js';
import type { ServiceNode } from '../common/service-node.js';

/** What an interceptor sees; the same on both sides. @public */
export interface CallInfo {
  readonly side: 'client' | 'server';
  /** Client: the target as the caller gave it. Server: the id of the node that serves. */
  readonly target: string;
  readonly path: string;
  /** May be replaced before `next()`. */
  args: readonly unknown[];
  /** Client: a copy that may be added to. Server: as received. */
  readonly metadata: Record<string, string>;
  /** Server: the call being served. Client: the call in which this one is made, if any. */
  readonly context: RpcContext | undefined;
  /** Client, after `next()` settled: the node that was picked last. */
  readonly node?: ServiceNode | undefined;
}

/**
 * Wraps calls: `await next()` runs the rest (the next interceptor, then the call) and gives the reply. Not calling it answers
 * in its place; calling it twice is an error. The first of the list is the outermost, on both sides.
 * @public
 */
export type Interceptor = (call: CallInfo, next: () => Promise<unknown>) => Promise<unknown>;

/** Runs `call` through the list; `last` is the call itself. */
export function intercept(interceptors: readonly Interceptor[], call: CallInfo, last: () => Promise<unknown>): Promise<unknown> {
  let reached = -1;
  const step = async (index: number): Promise<unknown> => {
    if (index <= reached) throw new Error('an interceptor called next() twice');
    reached = index;
    const interceptor = interceptors[index];
    return interceptor === undefined ? last() : interceptor(call, () => step(index + 1));
  };
  return step(0);
}
