import { BootError } from '../common/boot-error.js';
import { deadlineExceeded, type RpcContext } from '../common/call-context.js';
import type { Clock, RandomSource } from '../common/clock.js';
import type { DeadlineQueue } from '../common/deadline-queue.js';
import { rpcError } from '../common/error-catalog.js';
import { events, type CallEvent } from '../common/events.js';
import type { Logger } from '../common/logger.js';
import { messageOf } from '../common/message-of.js';
import { RpcError } from '../common/rpc-error.js';
import { LaneTable, type BoundHandler } from './bound-handler.js';
import { type ErrorTypes, internalError, isWellFormed } from './error-types.js';
import { Execution, type ExecutionHost } from './execution.js';
import type { HandlerDescriptor, HandlerEntry, Responder } from './handler-entry.js';
import type { Interceptor } from './interceptor.js';
import type { ServedCall, ServerHooks } from './server-hooks.js';
import type { NodeHost } from './wire.js';

/** Handlers that the hook `unknown` may supply. */
const MAX_SUPPLIED = 10_000;

/** What a node's server works with. */
export interface RpcServerOptions {
  readonly nodeId: string;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly deadlines: DeadlineQueue;
  readonly logger: Logger;
  readonly errorTypes: ErrorTypes;
  readonly interceptors?: readonly Interceptor[];
  readonly hooks?: ServerHooks;
  /** Handlers of this node that may run at once, concurrent ones included. @default no cap */
  readonly maxConcurrent?: number | undefined;
  /** How many calls wait in a lane whose handlers do not say. @default 1024 */
  readonly queue?: number | undefined;
  /** Foreign errors with a meaning (Nest's HttpException) as RpcError; undefined for all others. */
  readonly mapError?: (error: unknown) => RpcError | undefined;
}

/** The handlers of one node and the calls they serve. Knows no wire and no container. */
export class RpcServer implements NodeHost, ExecutionHost {
  readonly nodeId: string;
  readonly clock: Clock;
  readonly deadlines: DeadlineQueue;
  readonly logger: Logger;
  readonly interceptors: readonly Interceptor[];
  readonly hooks: ServerHooks;
  /** No hook before and no interceptor: handlers run without a wrapping promise. */
  readonly isBare: boolean;
  /** Handlers that outlived their deadline and their patience. */
  abandoned = 0;
  private readonly handlers = new Map<string, BoundHandler>();
  private readonly table: LaneTable;
  /** What is in flight, linked through the executions: a set would allocate for each call. */
  private newest: Execution | undefined;
  private inFlight = 0;
  private refusing: 'others' | 'all' | undefined;
  private whenIdle: (() => void)[] = [];
  private suppliedHandlers = 0;
  /** A hook that answers with the same descriptor again has one handler for many paths. */
  private readonly suppliedBefore = new WeakMap<HandlerDescriptor, BoundHandler>();

  constructor(private readonly options: RpcServerOptions) {
    this.nodeId = options.nodeId;
    this.clock = options.clock;
    this.deadlines = options.deadlines;
    this.logger = options.logger;
    this.interceptors = options.interceptors ?? [];
    this.hooks = options.hooks ?? {};
    this.isBare = this.interceptors.length === 0 && this.hooks.before === undefined;
    this.table = new LaneTable(options.nodeId, options.maxConcurrent, options.queue);
  }

  /** @throws BootError DUPLICATE_HANDLER, HANDLER_OPTIONS */
  add(descriptor: HandlerDescriptor): void {
    const known = this.handlers.get(descriptor.path);
    if (known) {
      throw new BootError('DUPLICATE_HANDLER', `two handlers of ${this.nodeId} share the path '${descriptor.path}': ${known.origin} and ${descriptor.origin}; rename one of them`);
    }
    this.handlers.set(descriptor.path, this.table.bind(descriptor));
  }

  paths(): Iterable<string> {
    return this.handlers.keys();
  }

  lookup(path: string): HandlerEntry | undefined {
    return this.handlers.get(path) ?? this.supplied(path);
  }

  private supplied(path: string): HandlerEntry | undefined {
    const { unknown } = this.hooks;
    // Bounded: a hook that supplies one for every path must not let strangers fill the table.
    if (unknown === undefined || this.suppliedHandlers >= MAX_SUPPLIED) return undefined;
    let bound: BoundHandler;
    let descriptor: HandlerDescriptor | undefined;
    try {
      descriptor = unknown.call(this.hooks, path);
      if (descriptor === undefined) return undefined;
      const known = this.suppliedBefore.get(descriptor);
      if (known) return known;
      bound = this.table.bind({ ...descriptor, path });
    } catch (error) {
      this.logger.error('the server hook "unknown" failed; the path stays unknown', { node: this.nodeId, path: path.slice(0, 200), error });
      return undefined;
    }
    this.handlers.set(path, bound);
    this.suppliedBefore.set(descriptor, bound);
    if (++this.suppliedHandlers === MAX_SUPPLIED) {
      this.logger.warn(`the server hook "unknown" has supplied ${MAX_SUPPLIED} handlers; it is asked for no more`, { node: this.nodeId });
    }
    return bound;
  }

  get size(): number {
    return this.inFlight;
  }

  /** Running and waiting calls by lane. */
  lanes(): Iterable<{ lane: string; active: number; waiting: number }> {
    return this.table.depths();
  }

  dispatch(entry: HandlerEntry, args: readonly unknown[], context: RpcContext, responder: Responder): void {
    const handler = entry as BoundHandler;
    const now = this.clock.now();
    const refusal = this.refusal(handler, args, context, now);
    if (refusal) return this.refused(refusal, handler, args, context, responder);
    let input = args;
    if (handler.coerce) {
      try {
        input = handler.coerce(args);
      } catch (error) {
        return this.refused(error as RpcError, handler, args, context, responder);
      }
    }
    const execution = new Execution(this, handler, input, context, responder, now);
    this.began(execution);
    if (context.deadlineAt !== Infinity && !responder.keepsDeadline) this.deadlines.add(context, context.deadlineAt);
    execution.advance();
  }

  private refused(error: RpcError, { path }: BoundHandler, args: readonly unknown[], context: RpcContext, responder: Responder): void {
    if (events.serverCall.hasSubscribers) {
      const event: CallEvent = { target: this.nodeId, path, wire: context.wire, durationMs: 0, error: { code: error.code, reason: error.reason } };
      events.serverCall.publish(event);
    }
    this.failed({ path, args, context }, error, 0);
    responder.fail(error);
  }

  private began(execution: Execution): void {
    const { newest } = this;
    execution.next = newest;
    if (newest) newest.previous = execution;
    this.newest = execution;
    this.inFlight++;
  }

  private refusal(handler: BoundHandler, args: readonly unknown[], context: RpcContext, now: number): RpcError | undefined {
    if (this.refusing === 'all' || (this.refusing === 'others' && context.wire !== 'local')) {
      return rpcError('DRAINING', `${this.nodeId} is stopping and takes no new calls`, { undelivered: true, metadata: { node: this.nodeId } });
    }
    if (context.deadlineAt !== Infinity && context.deadlineAt <= now) return deadlineExceeded(this.nodeId, handler.path);
    const { arity, held } = handler;
    if (arity !== undefined && (args.length < arity.min || args.length > arity.max)) {
      const wanted = arity.min === arity.max ? `${arity.max}` : `${arity.min} to ${arity.max}`;
      return rpcError('ARGUMENT_COUNT', `${this.nodeId} ${handler.path} takes ${wanted} argument(s), got ${args.length}`, { metadata: { takes: wanted, got: `${args.length}` } });
    }
    if (held !== undefined && context.chain.length > 0) {
      const again = context.chain.find((lane) => lane.node === held.node && lane.lane === held.lane);
      if (again) {
        const chain = [...context.chain.map((lane) => `${lane.node} ${lane.path}`), `${this.nodeId} ${handler.path}`].join(' -> ');
        return rpcError('LANE_REENTERED', `this call would wait for itself: ${chain}; mark a handler of the chain { concurrent: true }, or give it its own { lane: 'handler' }`, {
          metadata: { chain },
        });
      }
    }
    return undefined;
  }

  /** @internal */
  ended(execution: Execution): void {
    this.deadlines.remove(execution.context);
    const { previous, next } = execution;
    if (next) next.previous = previous;
    if (previous) previous.next = next;
    else this.newest = next;
    execution.previous = execution.next = undefined;
    this.inFlight--;
    if (this.inFlight === 0 && this.whenIdle.length > 0) for (const done of this.whenIdle.splice(0)) done();
  }

  /** @internal */
  completed(call: ServedCall, result: unknown, durationMs: number): void {
    if (this.hooks.complete) this.hooked('complete', call, () => this.hooks.complete?.(call, result, durationMs));
  }

  /** @internal */
  failed(call: ServedCall, error: RpcError, durationMs: number): void {
    if (this.hooks.error) this.hooked('error', call, () => this.hooks.error?.(call, error, durationMs));
  }

  private hooked(hook: string, call: ServedCall, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.logger.error(`the server hook "${hook}" threw`, { node: this.nodeId, path: call.path, error });
    }
  }

  /** @internal What a handler threw, as what may leave the process. */
  toRpcError(error: unknown, handler: { path: string; origin: string }): RpcError {
    const known = this.known(error);
    // What a nested call never reached says nothing of this one: it did reach its handler.
    if (known) return known.undelivered ? new RpcError({ ...known, message: known.message, undelivered: false, cause: known }) : known;
    const correlationId = this.options.random.hex(8);
    const fields = { node: this.nodeId, path: handler.path, handler: handler.origin, correlationId };
    try {
      this.logger.error('a handler failed', { ...fields, error });
    } catch {
      // Thrown to hurt: not even the logger could read it.
      this.logger.error('a handler failed', { ...fields, error: messageOf(error) });
    }
    return internalError(`${this.nodeId} ${handler.path}`, correlationId);
  }

  /** The error as one that may leave, when it has a meaning here. Anything can be thrown: reading it may throw again. */
  private known(error: unknown): RpcError | undefined {
    try {
      const known = this.options.errorTypes.toWire(error) ?? (RpcError.is(error) ? error : this.options.mapError?.(error));
      return known !== undefined && isWellFormed(known) ? known : undefined;
    } catch (cause) {
      this.logger.debug('an error could not be read', { cause: messageOf(cause) });
      return undefined;
    }
  }

  /** From now on new calls get UNAVAILABLE, marked safe to retry elsewhere: those of other processes, or all. */
  refuse(whom: 'others' | 'all' = 'all'): void {
    this.refusing = whom;
  }

  /** Resolves when nothing runs and nothing waits, or when `signal` aborts. */
  idle(signal: AbortSignal): Promise<void> {
    if (this.inFlight === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.whenIdle.push(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** Ends what still runs; returns the handlers that were cut off, and how old their calls were. */
  abortAll(): string[] {
    const cut: Execution[] = [];
    for (let execution = this.newest; execution; execution = execution.next) cut.unshift(execution);
    for (const execution of cut) {
      execution.context.abort(rpcError('HANDLER_ABORTED', `${this.nodeId} stopped before ${execution.context.path} was done`, { metadata: { node: this.nodeId } }));
    }
    if (cut.length > 0 && events.count.hasSubscribers) events.count.publish({ name: 'handler.aborted', detail: this.nodeId });
    return cut.map((execution) => `${execution.context.path} (${(execution.ageMs / 1000).toFixed(1)} s)`);
  }
}
