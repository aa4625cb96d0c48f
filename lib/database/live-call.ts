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
  private fulfil: ((value: T) => void) | undefined;
  private refuse: ((error: unknown) => void) | undefined;
  private late: (() => RpcError) | undefined;

  /** @param givenUp called once when the work is given up, with what the waiter gets */
  constructor(
    private readonly call: RpcContext | undefined,
    private readonly deadlines: DeadlineQueue,
    private readonly givenUp: (error: RpcError) => void,
  ) {
    super();
    let fulfil: typeof this.fulfil;
    let refuse: typeof this.refuse;
    this.promise = new Promise<T>((resolve, reject) => {
      fulfil = resolve;
      refuse = reject;
    });
    this.fulfil = fulfil;
    this.refuse = refuse;
    call?.adopt(this);
  }

  get isOver(): boolean {
    return this.fulfil === undefined;
  }

  /** From now on at most `ms`; 0: no limit. A later one replaces it. */
  limit(now: number, ms: number, late: () => RpcError): void {
    this.late = late;
    if (ms > 0 && !this.isOver) this.deadlines.add(this, now + ms);
    else this.deadlines.remove(this);
  }

  resolve(value: T): void {
    const { fulfil } = this;
    this.end();
    fulfil?.(value);
  }

  reject(error: unknown): void {
    const { refuse } = this;
    this.end();
    refuse?.(error);
  }

  onDeadline(): void {
    this.aborted(this.late!());
  }

  aborted(error: RpcError): void {
    if (this.isOver) return;
    this.reject(error);
    this.givenUp(error);
  }

  private end(): void {
    if (this.isOver) return;
    this.fulfil = this.refuse = undefined;
    this.deadlines.remove(this);
    this.call?.children?.delete(this);
  }
}
