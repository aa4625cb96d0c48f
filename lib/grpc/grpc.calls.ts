import type { sendUnaryData, ServerDuplexStream, ServerReadableStream, ServerUnaryCall, ServerWritableStream, UntypedHandleCall } from '@grpc/grpc-js';
import { deadlineExceeded } from '../common/call-context.js';
import type { Clock } from '../common/clock.js';
import { rpcError } from '../common/error-catalog.js';
import type { RpcError } from '../common/rpc-error.js';
import type { HandlerEntry, Responder } from '../rpc/handler-entry.js';
import { handlerNotFound } from '../rpc/handler-not-found.js';
import type { NodeHost } from '../rpc/wire.js';
import { GrpcContext, type ServerCall } from './grpc.context.js';
import { readCall } from './grpc.metadata.js';
import type { GrpcKind } from './grpc.proto.js';
import { statusOf } from './grpc.status.js';
import { ReplyStream, RequestStream } from './grpc.streams.js';
import { HRPC_KEY, readHrpcMessage, TRACE_KEY } from './hrpc-message.js';
import type { GrpcLibrary } from './load-grpc.js';

/** A handler, as calls by gRPC come to it. */
export interface CallTarget {
  readonly kind: GrpcKind;
  /** The node that has it. */
  readonly host: NodeHost;
  readonly entry: HandlerEntry;
  /** Limit of the handler, in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** The bytes of a reply. @throws RpcError */
  readonly encode: (value: unknown) => Buffer;
}

/** What calls are opened with. */
export interface CallShared {
  readonly grpc: GrpcLibrary;
  readonly clock: Clock;
  /** Deadline of a unary call that has none. */
  readonly timeoutMs: () => number;
  /** Calls were cut off by the end of the time for stopping. */
  hasCut: boolean;
}

type Unary = ServerUnaryCall<unknown, Uint8Array>;
type Readable = ServerReadableStream<unknown, Uint8Array>;
type Writable = ServerWritableStream<unknown, Uint8Array>;
type Duplex = ServerDuplexStream<unknown, Uint8Array>;
type Callback = sendUnaryData<Uint8Array>;

/** The library's function for a method: each call becomes one of the node's server, under its lanes, limits, interceptors and drain. */
export function openCalls(target: CallTarget, shared: CallShared): UntypedHandleCall {
  switch (target.kind) {
    case 'unary':
      return (call: Unary, callback: Callback) => new SingleReply(target, shared, call, callback).open([call.request]);
    case 'client streaming':
      return (call: Readable, callback: Callback) => {
        const incoming = new SingleReply(target, shared, call, callback);
        incoming.open([new RequestStream(call, incoming.context)]);
      };
    case 'server streaming':
      return (call: Writable) => new ManyReplies(target, shared, call).open([call.request]);
    case 'bidirectional':
      return (call: Duplex) => {
        const incoming = new ManyReplies(target, shared, call);
        incoming.open([new RequestStream(call as unknown as Readable, incoming.context)]);
      };
  }
}

/**
 * The function for unary calls whose requests say themselves what they call.
 * @param resolve throws RpcError
 */
export function openAnyCall<T>(resolve: (request: T) => { readonly target: CallTarget; readonly args: readonly unknown[] }, shared: CallShared, isExternal: boolean): UntypedHandleCall {
  return (call: ServerUnaryCall<T, Uint8Array>, callback: Callback) => {
    try {
      const { target, args } = resolve(call.request);
      new SingleReply(target, shared, call, callback, isExternal).open(args);
    } catch (error) {
      callback(statusOf(error as RpcError, shared.grpc));
    }
  };
}

/** A call that came by gRPC, as the node's server answers it. */
abstract class IncomingCall implements Responder {
  readonly context: GrpcContext;
  /** The library keeps deadlines that came with the call itself, and says so by `cancelled`. */
  readonly keepsDeadline: boolean;
  protected isDone = false;
  private readonly refusal: RpcError | undefined;

  /** @param isExternal the caller is a stranger, whatever the call says of itself */
  constructor(
    protected readonly target: CallTarget,
    protected readonly shared: CallShared,
    call: ServerCall & { on(event: 'cancelled', listener: () => void): unknown },
    isExternal = false,
  ) {
    const { host, entry, kind, timeoutMs } = target;
    const { metadata } = call;
    const { pairs, caller, external, chain } = readCall(metadata);
    const hrpc = pairs[HRPC_KEY] === undefined ? undefined : readHrpcMessage(pairs[HRPC_KEY]);
    if (hrpc !== undefined && hrpc.traceId !== '') pairs[TRACE_KEY] ??= hrpc.traceId;
    const peer = call.getPeer();
    const now = shared.clock.now();
    // The library counts by the wall clock.
    const given = now + Number(call.getDeadline()) - Date.now();
    const limit = now + Math.min(timeoutMs ?? defaultLimit(kind, given, shared), hrpc?.requestTimeoutMs ?? Infinity);
    this.keepsDeadline = given <= limit;
    const init = {
      path: entry.path,
      nodeId: host.nodeId,
      caller: caller ?? (hrpc?.serverName || peer),
      metadata: pairs,
      deadlineAt: Math.min(given, limit),
      external: external || isExternal,
      chain,
      wire: 'grpc',
    };
    this.context = new GrpcContext(init, shared.clock, kind, peer, call);
    this.refusal = external && !entry.public ? handlerNotFound(host, entry.path, true) : hrpc?.requestTimeoutMs !== undefined && hrpc.requestTimeoutMs <= 0 ? noTime(entry.path) : undefined;
    call.on('cancelled', () => this.cancelled());
  }

  open(args: readonly unknown[]): void {
    if (this.refusal) this.fail(this.refusal);
    else this.target.host.dispatch(this.target.entry, args, this.context, this);
  }

  abstract reply(value: unknown): void;
  abstract fail(error: RpcError): void;

  /** The library says so after each call, too. */
  private cancelled(): void {
    if (this.isDone) return;
    const { context } = this;
    const isLate = this.keepsDeadline && context.remainingMs() < CLOCK_SLACK_MS;
    context.abort(isLate ? deadlineExceeded(context.nodeId, context.path) : rpcError('ABORTED_BY_CALLER', `the caller of ${context.nodeId} ${context.path} gave up or went away`));
  }

  protected statusOf(error: RpcError): ReturnType<typeof statusOf> {
    if (error.reason === 'HANDLER_ABORTED') this.shared.hasCut = true;
    const status = statusOf(error, this.shared.grpc);
    if (this.context.trailers) status.metadata.merge(this.context.trailers);
    return status;
  }
}

/** A client that gives up by its deadline is heard of before our count of it is over: by the time that the request was under way. */
const CLOCK_SLACK_MS = 50;

class SingleReply extends IncomingCall {
  constructor(
    target: CallTarget,
    shared: CallShared,
    call: ServerUnaryCall<unknown, Uint8Array> | Readable,
    private readonly callback: Callback,
    isExternal?: boolean,
  ) {
    super(target, shared, call, isExternal);
  }

  reply(value: unknown): void {
    let bytes: Uint8Array;
    try {
      bytes = this.target.encode(value);
    } catch (error) {
      return this.fail(error as RpcError);
    }
    this.isDone = true;
    this.callback(null, bytes, this.context.trailers);
  }

  fail(error: RpcError): void {
    this.isDone = true;
    this.callback(this.statusOf(error));
  }
}

class ManyReplies extends IncomingCall {
  constructor(
    target: CallTarget,
    shared: CallShared,
    private readonly call: Writable | Duplex,
  ) {
    super(target, shared, call);
    this.context.replies = new ReplyStream(call, this.context, target.encode);
  }

  /** All replies have been sent: what the handler gave as result was the sending. */
  reply(): void {
    this.isDone = true;
    this.call.end(this.context.trailers);
  }

  fail(error: RpcError): void {
    this.isDone = true;
    this.call.emit('error', this.statusOf(error));
  }
}

function defaultLimit(kind: GrpcKind, given: number, shared: CallShared): number {
  return kind === 'unary' && given === Infinity ? shared.timeoutMs() : Infinity;
}

function noTime(path: string): RpcError {
  return rpcError('DEADLINE_EXCEEDED', `${HRPC_KEY} of the call to ${path} has a request_timeout of 0 or less: its time was over before it began; send nanoseconds above 0, or leave request_timeout out`);
}
