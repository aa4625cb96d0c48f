import { type AbortListener, currentContext, type RpcContext } from '../common/call-context.js';
import { DeadlineEntry, type DeadlineQueue } from '../common/deadline-queue.js';
import type { RpcError } from '../common/rpc-error.js';

/** The call that the current code serves, as long as it is one: what goes on after its reply has no deadline. */
export function liveCall(): RpcContext | undefined {
  const call = currentContext();
  return call === undefined || call.ended ? undefined : call;
}

/** What bounds a wait. */
export interface WaitLimit {
  readonly deadlines: DeadlineQueue;
  readonly now: number;
  /** 0: none */
  readonly limitMs: number;
  /** When `limitMs` is over. */
  readonly late: () => RpcError;
  /** Called once when the wait is given up, with what the waiter gets. */
  readonly givenUp: (error: RpcError) => void;
}

/** `work`, or, as soon as the call ends early or the time is over, the error of that. */
export function bounded<T>(work: Promise<T>, call: RpcContext | undefined, limit: WaitLimit): Promise<T> {
  if (call === undefined && limit.limitMs === 0) return work;
  return new Promise<T>((resolve, reject) => new BoundedWait(call, limit, reject).over(work, resolve));
}

class BoundedWait extends DeadlineEntry implements AbortListener {
  constructor(
    private readonly call: RpcContext | undefined,
    private readonly limit: WaitLimit,
    private readonly reject: (error: unknown) => void,
  ) {
    super();
    call?.adopt(this);
    if (limit.limitMs > 0) limit.deadlines.add(this, limit.now + limit.limitMs);
  }

  over<T>(work: Promise<T>, resolve: (value: T) => void): void {
    work.then(
      (value) => {
        this.settle();
        resolve(value);
      },
      (error: unknown) => {
        this.settle();
        this.reject(error);
      },
    );
  }

  onDeadline(): void {
    this.aborted(this.limit.late());
  }

  aborted(error: RpcError): void {
    this.settle();
    this.reject(error);
    this.limit.givenUp(error);
  }

  private settle(): void {
    this.limit.deadlines.remove(this);
    this.call?.children?.delete(this);
  }
}
