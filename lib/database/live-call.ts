import { type AbortListener, currentContext, type RpcContext } from '../common/call-context.js';
import { DeadlineEntry, type DeadlineQueue } from '../common/deadline-queue.js';
import type { RpcError } from '../common/rpc-error.js';

/** The call that the current code serves, as long as it is one: what goes on after its reply has no deadline. */
export function liveCall(): RpcContext | undefined {
  const call = currentContext();
  return call === undefined || call.ended ? undefined : call;
}

/**
 * A promise with an end: it settles with whoever comes first, the work, the time limit, or the call that it is part of. Statements are many and short, so it is
 * one object with no promises besides its own.
 */
export class Bound<T> extends DeadlineEntry implements AbortListener {
  readonly promise: Promise<T>;
  private settle: { readonly resolve: (value: T) => void; readonly reject: (error: unknown) => void } | undefined;
  private late: (() => RpcError) | undefined;

  /** @param givenUp called once when the work is given up, with what the waiter gets */
  constructor(
    private readonly call: RpcContext | undefined,
    private readonly deadlines: DeadlineQueue,
    private readonly givenUp: (error: RpcError) => void,
  ) {
    super();
    let settle: typeof this.settle;
    this.promise = new Promise<T>((resolve, reject) => (settle = { resolve, reject }));
    this.settle = settle;
    call?.adopt(this);
  }

  get isOver(): boolean {
    return this.settle === undefined;
  }

  /** From now on at most `ms`; 0: no limit. A later one replaces it. */
  limit(now: number, ms: number, late: () => RpcError): void {
    this.late = late;
    if (ms > 0 && this.settle !== undefined) this.deadlines.add(this, now + ms);
    else this.deadlines.remove(this);
  }

  resolve(value: T): void {
    this.end()?.resolve(value);
  }

  reject(error: unknown): void {
    this.end()?.reject(error);
  }

  onDeadline(): void {
    this.aborted(this.late!());
  }

  aborted(error: RpcError): void {
    const settle = this.end();
    if (settle === undefined) return;
    settle.reject(error);
    this.givenUp(error);
  }

  private end(): typeof this.settle {
    const { settle } = this;
    this.settle = undefined;
    this.deadlines.remove(this);
    this.call?.children?.delete(this);
    return settle;
  }
}
