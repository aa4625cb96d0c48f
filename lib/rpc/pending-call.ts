import { deadlineExceeded, type AbortListener, type HeldLane, type RpcContext } from '../common/call-context.js';
import { DeadlineEntry } from '../common/deadline-queue.js';
import { rpcError } from '../common/error-catalog.js';
import { events, type CallEvent } from '../common/events.js';
import { messageOf } from '../common/message-of.js';
import type { RpcError } from '../common/rpc-error.js';
import type { Picked } from '../common/selection.js';
import type { ServiceNode } from '../common/service-node.js';
import { MalformedBytes } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';
import type { GatewayCallOptions } from './call-options.js';
import type { Codec } from './codec.js';
import type { Responder } from './handler-entry.js';
import { checkReply } from './reply-type.js';
import type { RpcClientDeps } from './client-deps.js';
import type { Signalled } from './signal-fan.js';
import { asReceived } from './received-error.js';
import { isolate } from './value-slots.js';
import type { ArgTypes, ReplyType, ValueType } from '../common/value-types.js';
import type { CallCarrier, OutboundCall } from './wire.js';

/** The client that a call belongs to. */
export interface CallOwner {
  readonly deps: RpcClientDeps;
  readonly scratch: ByteWriter;
  /** Leaves the two functions of a new promise in `resolve` and `reject`. */
  readonly executor: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Tries another node; false: it is over. */
  redirect(call: PendingCall, error: RpcError): boolean;
}

/**
 * One call from the caller's side, over all its attempts. It is its own deadline entry, its own responder for local nodes and
 * its own abort listener, because one of it exists for every call.
 */
export class PendingCall extends DeadlineEntry implements OutboundCall, Responder, AbortListener, Signalled {
  /** As responder of a local node: it ends the callee's context when its own deadline passes. */
  readonly keepsDeadline = true;
  readonly promise: Promise<unknown>;
  readonly startedAt: number;
  readonly deadlineAt: number;
  readonly timeoutMs: number;
  /** Ids of nodes that the request did not reach. */
  tried: Set<string> | undefined;
  /** The wire of the current attempt. */
  peer: CallCarrier | undefined;
  /** The context of the current attempt, when it runs in this process. */
  localContext: RpcContext | undefined;
  /** Declared result type of a local handler. */
  localReturns: ValueType | undefined;
  picked: Picked | undefined;
  done = false;
  /** @internal the message it left with; the wire's own */
  wireToken = 0;
  private readonly resolvePromise: (value: unknown) => void;
  private readonly rejectPromise: (error: unknown) => void;

  constructor(
    private readonly client: CallOwner,
    readonly id: number,
    readonly target: string,
    readonly path: string,
    public args: readonly unknown[],
    readonly options: GatewayCallOptions,
    readonly noReply: boolean,
    readonly metadata: Readonly<Record<string, string>> | undefined,
    readonly parent: RpcContext | undefined,
    readonly caller: string,
  ) {
    super();
    const { clock } = client.deps;
    this.startedAt = clock.now();
    const timeoutMs = options.timeoutMs ?? client.deps.timeoutMs;
    const at = this.startedAt + timeoutMs;
    const isCut = parent !== undefined && parent.deadlineAt < at;
    this.deadlineAt = isCut ? parent.deadlineAt : at;
    this.timeoutMs = isCut ? this.deadlineAt - this.startedAt : timeoutMs;
    this.promise = new Promise(client.executor);
    // The executor ran just now: it is shared, so that a call makes no closure of its own for it.
    this.resolvePromise = client.resolve;
    this.rejectPromise = client.reject;
  }

  get node(): ServiceNode {
    return this.picked!.node;
  }

  get external(): boolean {
    return this.options.external ?? false;
  }

  get argTypes(): ArgTypes | undefined {
    return this.options.args;
  }

  get returns(): ReplyType | undefined {
    return this.options.returns;
  }

  get codec(): Codec {
    return this.options.codec ?? this.client.deps.codec;
  }

  /** A call that waits for no reply blocks no lane. */
  get chain(): readonly HeldLane[] {
    return this.parent === undefined || this.noReply ? [] : this.parent.heldLanes();
  }

  remainingMs(): number {
    return Math.max(0, this.deadlineAt - this.client.deps.clock.now());
  }

  /** Deadline, the caller's signal and the surrounding call from now on end this one. False: it has ended already. */
  arm(): boolean {
    const { options, parent } = this;
    if (parent?.abortError) {
      this.settle(undefined, parent.abortError);
      return false;
    }
    if (options.signal?.aborted || options.canceller?.isCancelled) {
      this.settle(undefined, this.cancelled());
      return false;
    }
    const { timeoutMs } = options;
    if (timeoutMs !== undefined && !(timeoutMs >= 0)) {
      this.settle(undefined, rpcError('CALL_OPTIONS', `{ timeoutMs: ${String(timeoutMs)} } of the call to ${this.target} ${this.path} is no time: give milliseconds from 0`));
      return false;
    }
    // Written so that NaN is no deadline to wait for.
    if (!(this.deadlineAt > this.startedAt)) {
      this.settle(undefined, deadlineExceeded(this.target, this.path, this.timeoutMs));
      return false;
    }
    if (options.signal) this.client.deps.shared.signals.add(options.signal, this);
    options.canceller?.hold(this);
    if (this.deadlineAt !== Infinity) this.client.deps.deadlines.add(this, this.deadlineAt);
    parent?.adopt(this);
    return true;
  }

  /** The caller's signal aborted, or its canceller was used. */
  signalled(): void {
    this.giveUp(this.cancelled());
  }

  private cancelled(): RpcError {
    return rpcError('ABORTED_BY_CALLER', `the caller gave up the call to ${this.target} ${this.path}`, { cause: this.options.signal?.reason });
  }

  onDeadline(): void {
    this.giveUp(deadlineExceeded(this.target, this.path, this.timeoutMs));
  }

  /** The call in which this one was made ended. */
  aborted(error: RpcError): void {
    this.giveUp(error);
  }

  /** Ends the call here and tells the callee. */
  giveUp(error: RpcError): void {
    if (this.done) return;
    const { peer, localContext } = this;
    this.settle(undefined, error);
    if (localContext) localContext.abort(error);
    else peer?.cancel(this);
  }

  succeed(value: unknown): void {
    if (this.done) return;
    try {
      const { returns } = this.options;
      this.settle(returns === undefined ? value : checkReply(value, returns, `${this.picked!.node.id} ${this.path}`), undefined);
    } catch (error) {
      this.settle(undefined, error as RpcError);
    }
  }

  /** From a handler of this process. */
  reply(value: unknown): void {
    if (this.done) return;
    if (typeof value === 'string' && this.options.returns === undefined && this.localReturns === undefined) return this.settle(value, undefined);
    if (this.options.localCopy === false) return this.succeed(value);
    const where = `${this.picked!.node.id} ${this.path}`;
    let copy: unknown;
    try {
      copy = isolate(value, this.localReturns, this.options.returns, this.codec, this.client.scratch, 'reply');
    } catch (error) {
      if (error instanceof MalformedBytes) return this.settle(undefined, rpcError('REPLY_TYPE', `the reply of ${where} cannot be read: ${error.message}`, { cause: error }));
      return this.refused(rpcError('REPLY_UNENCODABLE', `the result of ${where} cannot be sent: ${messageOf(error)}`));
    }
    this.succeed(copy);
  }

  fail(error: RpcError): void {
    if (this.done) return;
    if (error.undelivered && this.client.redirect(this, error)) return;
    if (this.localContext === undefined) this.settle(undefined, error);
    else this.refused(error);
  }

  /** A node of this process answered with an error: the caller gets what a reply would have brought, which shares nothing with the callee. */
  refused(error: RpcError): void {
    if (!this.done) this.settle(undefined, asReceived(error, this.codec, this.client.scratch));
  }

  /** For notifications: handed over, nothing more will come. */
  handedOver(): void {
    if (!this.done) this.settle(undefined, undefined);
  }

  /** Says how the current attempt's node did. */
  judge(error: RpcError | undefined): void {
    const { picked } = this;
    if (picked === undefined || (error === undefined && picked.wantsOutcome === false)) return;
    const ok = error === undefined || !(error.undelivered || error.code === 'UNAVAILABLE' || error.code === 'DEADLINE_EXCEEDED');
    try {
      picked.done({ ok, latencyMs: this.client.deps.clock.now() - this.startedAt, error });
    } catch (failure) {
      // A strategy of the user's that throws must not cost the caller the outcome.
      if (events.count.hasSubscribers) events.count.publish({ name: 'selector.failed', detail: messageOf(failure) });
    }
  }

  private settle(value: unknown, error: RpcError | undefined): void {
    this.done = true;
    this.client.deps.deadlines.remove(this);
    this.parent?.children?.delete(this);
    const { signal, canceller } = this.options;
    if (signal) this.client.deps.shared.signals.remove(signal, this);
    canceller?.release(this);
    this.judge(error);
    if (events.clientCall.hasSubscribers) this.report(error);
    if (error === undefined) this.resolvePromise(value);
    else this.rejectPromise(error.remote ? this.client.deps.errorTypes.revive(error) : error);
  }

  private report(error: RpcError | undefined): void {
    const event: CallEvent = {
      target: this.picked?.node.id ?? this.target,
      path: this.path,
      wire: this.localContext ? 'local' : 'remote',
      durationMs: this.client.deps.clock.now() - this.startedAt,
      ...(error && { error: { code: error.code, reason: error.reason } }),
    };
    events.clientCall.publish(event);
  }
}
