import { runInContext, type AbortListener, type RpcContext } from '../common/call-context.js';
import type { Clock } from '../common/clock.js';
import { DeadlineEntry, type DeadlineQueue } from '../common/deadline-queue.js';
import { rpcError } from '../common/error-catalog.js';
import { events, type CallEvent } from '../common/events.js';
import type { Logger } from '../common/logger.js';
import type { RpcError } from '../common/rpc-error.js';
import { intercept, type CallInfo, type Interceptor } from './interceptor.js';
import type { Responder } from './handler-entry.js';
import type { LaneJob } from './lane.js';
import type { BoundHandler } from './bound-handler.js';
import type { ServedCall, ServerHooks } from './server-hooks.js';

/** What an execution needs of the server it runs on. */
export interface ExecutionHost {
  readonly nodeId: string;
  readonly clock: Clock;
  readonly deadlines: DeadlineQueue;
  readonly logger: Logger;
  readonly interceptors: readonly Interceptor[];
  readonly hooks: ServerHooks;
  /** Neither interceptors nor a hook before: the handler runs without a wrapping promise. */
  readonly isBare: boolean;
  /** Counts handlers that outlived their deadline and their patience. */
  abandoned: number;
  toRpcError(error: unknown, handler: BoundHandler): RpcError;
  completed(call: ServedCall, result: unknown, durationMs: number): void;
  failed(call: ServedCall, error: RpcError, durationMs: number): void;
  ended(execution: Execution): void;
}

/**
 * One call being served: waits in its lanes, runs, answers once, and lets go of its lanes when the handler has really ended.
 * As a deadline entry it is its own abandon timer.
 */
export class Execution extends DeadlineEntry implements LaneJob, AbortListener {
  abandoned = false;
  /** Links of the server's list of what is in flight. */
  previous: Execution | undefined;
  next: Execution | undefined;
  private passed = 0;
  private running = false;
  private answered = false;
  private released = false;

  constructor(
    private readonly server: ExecutionHost,
    private readonly handler: BoundHandler,
    private args: readonly unknown[],
    readonly context: RpcContext,
    private readonly responder: Responder,
    private readonly startedAt: number,
  ) {
    super();
    context.execution = this;
  }

  /** Waiting for its lanes included. */
  get ageMs(): number {
    return this.server.clock.now() - this.startedAt;
  }

  /** Into the next lane, or, past the last, into the handler. */
  advance(): void {
    const { lanes } = this.handler;
    if (this.passed === lanes.length) return this.run();
    const lane = lanes[this.passed]!;
    if (lane.enter(this)) return;
    if (events.count.hasSubscribers) events.count.publish({ name: 'queue.rejected', detail: `${this.server.nodeId} ${lane.name}` });
    // Before anybody hears of it: who then aborts the call must not be taken for one that waits in the lane.
    this.release();
    const limit = `${lane.maxQueue} calls wait already`;
    this.fail(rpcError('QUEUE_FULL', `${this.server.nodeId} ${this.handler.path} is busy: ${limit}; try another node, or give the handler a larger { queue } or { concurrent }`));
  }

  proceed(): void {
    this.passed++;
    this.advance();
  }

  aborted(error: RpcError): void {
    this.fail(error);
    if (this.running) {
      const { abandonMs } = this.handler;
      if (Number.isFinite(abandonMs)) this.server.deadlines.add(this, this.server.clock.now() + abandonMs);
    } else if (!this.released) {
      this.abandoned = true;
      if (this.passed < this.handler.lanes.length) this.handler.lanes[this.passed]!.forget();
      this.release();
    }
  }

  /** The handler ignored its signal for too long: the others go on without it. */
  onDeadline(): void {
    if (!this.running || this.released) return;
    this.server.abandoned++;
    this.server.logger.error('a handler ignored its abort signal; its lane moves on without it', {
      node: this.server.nodeId,
      handler: this.handler.origin,
      path: this.handler.path,
      ageMs: Math.round(this.ageMs),
    });
    this.release();
  }

  private run(): void {
    const { context, handler } = this;
    context.held = handler.held;
    this.running = true;
    let result: unknown;
    try {
      result = this.server.isBare ? runInContext(context, handler.invoke, this.args, context) : runInContext(context, wrapped, this);
      // Inside the try: a result may be an object whose `then` throws.
      if (typeof result === 'object' && result !== null && typeof (result as PromiseLike<unknown>).then === 'function') {
        (result as PromiseLike<unknown>).then(
          (value) => this.resolved(value),
          (error: unknown) => this.rejected(error),
        );
        return;
      }
    } catch (error) {
      return this.rejected(error);
    }
    this.resolved(result);
  }

  /** With hooks and interceptors around. */
  async runWrapped(): Promise<unknown> {
    const { server, handler, context } = this;
    await server.hooks.before?.(this.call);
    if (server.interceptors.length === 0) return this.invoke();
    const info: CallInfo = { side: 'server', target: server.nodeId, path: handler.path, args: this.args, metadata: context.metadata, context };
    return intercept(server.interceptors, info, async () => {
      this.args = info.args;
      return this.invoke();
    });
  }

  /** Hooks and interceptors take time: a handler whose call ended meanwhile does not start, least of all outside of its lane. */
  private invoke(): unknown {
    this.context.throwIfAborted();
    return this.handler.invoke(this.args, this.context);
  }

  private get call(): ServedCall {
    return { path: this.handler.path, args: this.args, context: this.context };
  }

  private resolved(value: unknown): void {
    this.running = false;
    try {
      if (!this.answered) {
        this.answered = true;
        this.report(undefined);
        if (this.server.hooks.complete !== undefined) this.server.completed(this.call, value, this.server.clock.now() - this.startedAt);
        this.responder.reply(value);
      }
    } finally {
      this.release();
    }
  }

  private rejected(error: unknown): void {
    this.running = false;
    try {
      if (this.answered) this.server.logger.debug('a handler failed after its call had ended', { path: this.handler.path, error });
      else this.fail(this.server.toRpcError(error, this.handler));
    } finally {
      this.release();
    }
  }

  private fail(error: RpcError): void {
    if (this.answered) return;
    this.answered = true;
    this.report(error);
    if (this.server.hooks.error !== undefined) this.server.failed(this.call, error, this.server.clock.now() - this.startedAt);
    this.responder.fail(error);
  }

  private release(): void {
    if (this.released) return;
    this.released = true;
    this.server.deadlines.remove(this);
    this.context.end();
    for (let i = this.passed - 1; i >= 0; i--) this.handler.lanes[i]!.leave();
    this.server.ended(this);
  }

  private report(error: RpcError | undefined): void {
    if (!events.serverCall.hasSubscribers) return;
    const event: CallEvent = {
      target: this.server.nodeId,
      path: this.handler.path,
      wire: this.context.wire,
      durationMs: this.server.clock.now() - this.startedAt,
      ...(error && { error: { code: error.code, reason: error.reason } }),
    };
    events.serverCall.publish(event);
  }
}

function wrapped(execution: Execution): Promise<unknown> {
  return execution.runWrapped();
}
