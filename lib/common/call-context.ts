import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from './clock.js';
import { DeadlineEntry } from './deadline-queue.js';
import { rpcError } from './error-catalog.js';
import type { RpcError } from './rpc-error.js';

/** A lane that some call up the chain holds: a call that comes back to it would wait for itself. */
export interface HeldLane {
  /** `type@id` */
  readonly node: string;
  readonly lane: string;
  /** Handler that holds it, for the message. */
  readonly path: string;
}

/** Told when a call ends before its handler did. */
export interface AbortListener {
  aborted(error: RpcError): void;
}

/** What a context is made from. */
export interface RpcContextInit {
  readonly path: string;
  /** Id of the node that serves the call. */
  readonly nodeId: string;
  readonly caller: string;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** On the clock's monotonic scale. */
  readonly deadlineAt: number;
  /** The call came from outside through a gateway. */
  readonly external?: boolean;
  readonly chain?: readonly HeldLane[] | undefined;
  readonly wire: string;
}

const EMPTY: Readonly<Record<string, string>> = Object.freeze(Object.create(null) as Record<string, string>);
const NO_LANES: readonly HeldLane[] = Object.freeze([]);

/**
 * What a handler knows of the call it serves: inject it with `@Ctx()`, or take the current one from {@link currentContext}.
 * Calls made while a handler runs inherit its deadline, its cancellation and its metadata keys that begin with `x-`.
 * @public
 */
export class RpcContext extends DeadlineEntry {
  /** Keeps this parameter out of `Client<T>`. */
  declare readonly __anthillInjected: true;

  readonly path: string;
  readonly nodeId: string;
  /** Who calls: a node id, or whatever the caller named itself. Not proven by anything. */
  readonly caller: string;
  /** String pairs that came with the call. Null-prototype. */
  readonly metadata: Readonly<Record<string, string>>;
  /** True for calls that a gateway passed on from outside. */
  readonly external: boolean;
  /** `local`, `anthill/1` or `mqant`. */
  readonly wire: string;
  /** The session that `@Session()` gives this call, for calls made from here. */
  session: unknown;
  /** @internal */ readonly deadlineAt: number;
  /** @internal lanes held by the callers up the chain */ readonly chain: readonly HeldLane[];
  /** @internal the lane this call itself holds */ held: HeldLane | undefined;
  /** @internal what runs the handler */ execution: AbortListener | undefined;
  /** @internal calls made while serving this one */ children: Set<AbortListener> | undefined;
  /** @internal The handler is done. Work that goes on in its async context is no part of the call any more: no deadline, no lane. */
  ended = false;
  private controller: AbortController | undefined;
  private abortReason: RpcError | undefined;

  constructor(
    init: RpcContextInit,
    private readonly clock: Clock,
  ) {
    super();
    this.path = init.path;
    this.nodeId = init.nodeId;
    this.caller = init.caller;
    this.metadata = init.metadata ?? EMPTY;
    this.deadlineAt = init.deadlineAt;
    this.external = init.external ?? false;
    this.chain = init.chain ?? NO_LANES;
    this.wire = init.wire;
  }

  /** Aborts when the caller gives up, the deadline passes, or the app stops and its patience is over. Made on first use. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.abortReason) this.controller.abort(this.abortReason);
    }
    return this.controller.signal;
  }

  /** Unix milliseconds by which the caller wants the reply. */
  get deadline(): number {
    return Math.round(this.clock.wall() + this.remainingMs());
  }

  /** Milliseconds left; 0 when over. */
  remainingMs(): number {
    return Math.max(0, this.deadlineAt - this.clock.now());
  }

  get aborted(): boolean {
    return this.abortReason !== undefined;
  }

  /** @throws RpcError with the reason, when the call is aborted. For loops that do long work. */
  throwIfAborted(): void {
    if (this.abortReason) throw this.abortReason;
  }

  /** @internal Lanes that a call made from here must not come back to. */
  heldLanes(): readonly HeldLane[] {
    return this.held === undefined ? this.chain : [...this.chain, this.held];
  }

  /** @internal Calls that end when this one does. */
  adopt(child: AbortListener): void {
    (this.children ??= new Set()).add(child);
  }

  /** @internal The error this call ended with early, if it did. */
  get abortError(): RpcError | undefined {
    return this.abortReason;
  }

  /** @internal Ends the call early: signal first, then the reply. Only the first one counts. */
  abort(error: RpcError): void {
    if (this.abortReason !== undefined) return;
    this.abortReason = error;
    this.controller?.abort(error);
    this.execution?.aborted(error);
    if (this.children) for (const child of [...this.children]) child.aborted(error);
  }

  /** @internal The handler is done, or was given up. */
  end(): void {
    this.held = undefined;
    // Calls made by an aborted one go on failing at once.
    this.ended = this.abortReason === undefined;
  }

  /** @internal */
  onDeadline(): void {
    this.abort(deadlineExceeded(this.nodeId, this.path));
  }
}

export function deadlineExceeded(target: string, path: string, timeoutMs?: number): RpcError {
  const within = timeoutMs === undefined ? 'before its deadline' : `within ${Math.round(timeoutMs)} ms`;
  return rpcError('DEADLINE_EXCEEDED', `no reply from ${target} ${path} ${within}; give it more time with { timeoutMs } or find out what it waits for`, {
    metadata: { target, path },
  });
}

/**
 * The calls in progress, by async context. A constant, not state: what it holds belongs to each call.
 */
const storage = new AsyncLocalStorage<RpcContext>();

/** The call that the current code serves, if any. @public */
export function currentContext(): RpcContext | undefined {
  return storage.getStore();
}

/** Runs `fn` (and all it awaits) as part of the call `context`. */
export function runInContext<T, A extends unknown[]>(context: RpcContext, fn: (...args: A) => T, ...args: A): T {
  return storage.run(context, fn, ...args);
}
