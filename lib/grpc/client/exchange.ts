import type { Metadata, StatusObject } from '@grpc/grpc-js';
import { deadlineExceeded } from '../../common/call-context.js';
import { rpcError } from '../../common/error-catalog.js';
import { messageOf } from '../../common/message-of.js';
import { RpcError } from '../../common/rpc-error.js';
import type { OutboundCall } from '../../rpc/wire.js';
import type { GrpcMethod } from '../grpc.proto.js';
import type { Endpoint, RawCall, Waiting } from './endpoint.js';
import { callErrorOf, hasAnswered, isReset } from './local-status.js';
import type { MessageQueue, MessageSource } from './message-queue.js';
import { RequestPump, type RequestSource } from './request-pump.js';

const CANCELLED = 1;
/** Deadlines here ring up to two of the queue's ticks late. */
const NEARLY_OVER_MS = 20;

/** What an exchange needs of its carrier. */
export interface ExchangeHost {
  metadata(call: OutboundCall): Metadata;
  /** @throws RpcError */
  encode(method: GrpcMethod, message: unknown): Buffer;
  /** It has ended; undefined: well. */
  ended(exchange: Exchange, error: RpcError | undefined, value: unknown): void;
}

/** One attempt of a call at one node, of any of the four kinds, and the listener of the library's call. */
export class Exchange implements Waiting, MessageSource {
  private raw: RawCall | undefined;
  private pump: RequestPump | undefined;
  private reply: Buffer | undefined;
  private answered = false;
  private hasReplied = false;
  private isOver = false;

  constructor(
    readonly call: OutboundCall,
    readonly method: GrpcMethod,
    readonly endpoint: Endpoint,
    private readonly replies: MessageQueue | undefined,
    private readonly host: ExchangeHost,
  ) {}

  /** The user's stream of requests was begun, or a reply passed on: it cannot be done again at another node. */
  get isSpent(): boolean {
    return this.pump !== undefined || this.hasReplied;
  }

  /** `type@id path`, for messages. */
  get where(): string {
    return `${this.call.node.id} (${this.endpoint.address}) ${this.method.path}`;
  }

  start(): void {
    this.endpoint.inFlight++;
    this.endpoint.whenConnected(this);
  }

  connected(): void {
    if (this.isOver) return;
    const { method, call, host } = this;
    let request: Buffer | undefined;
    let metadata: Metadata;
    try {
      // Before anything is sent: a request that cannot be encoded is no call.
      request = method.requestStream ? undefined : host.encode(method, call.args[0]);
      metadata = host.metadata(call);
    } catch (error) {
      return this.end(RpcError.is(error) ? error : rpcError('UNSUPPORTED_VALUE', `the request of ${this.where} cannot be sent: ${messageOf(error)}`, { cause: error }));
    }
    try {
      this.begin(metadata, request);
    } catch (error) {
      this.raw?.cancelWithStatus(CANCELLED, 'the call could not begin');
      this.end(rpcError('NODE_UNREACHABLE', `${this.where} cannot be reached: ${messageOf(error)}`, { cause: error, undelivered: this.raw === undefined }));
    }
  }

  connectTimedOut(): void {
    this.end(rpcError('NODE_UNREACHABLE', `${this.where} cannot be reached: no connection within the connectTimeoutMs of the client`, { undelivered: true }));
  }

  /** The caller gave up. */
  cancel(): void {
    if (this.isOver) return;
    this.over();
    this.raw?.cancelWithStatus(CANCELLED, 'the caller gave up');
  }

  /** @internal of the library's call */
  onReceiveMetadata(): void {
    this.answered = true;
  }

  /** @internal of the library's call */
  onReceiveMessage(message: Buffer): void {
    if (this.isOver) return;
    if (this.replies === undefined) {
      this.reply = message;
      // Of a unary call the library reads to the end by itself.
      if (this.method.requestStream) this.raw!.startRead();
      return;
    }
    let value: unknown;
    try {
      value = this.method.responseDeserialize(message);
    } catch (error) {
      this.raw!.cancelWithStatus(CANCELLED, 'a reply cannot be read');
      return this.end(this.unreadable(error));
    }
    this.hasReplied = true;
    this.replies.push(value);
  }

  /** @internal of the library's call */
  onReceiveStatus(status: StatusObject): void {
    if (this.isOver) return;
    if (status.code !== 0) return this.end(this.errorOf(status));
    if (this.replies !== undefined) return this.end(undefined);
    if (this.reply === undefined) return this.end(rpcError('REPLY_TYPE', `${this.where} ended well without a reply`));
    let value: unknown;
    try {
      value = this.method.responseDeserialize(this.reply);
    } catch (error) {
      return this.end(this.unreadable(error));
    }
    this.end(undefined, value);
  }

  /** One more reply may come. */
  read(): void {
    this.raw?.startRead();
  }

  /** The caller takes no more replies. */
  abandon(): void {
    if (this.isOver) return;
    this.raw?.cancelWithStatus(CANCELLED, 'the caller takes no more');
    this.end(undefined);
  }

  private begin(metadata: Metadata, request: Buffer | undefined): void {
    const { method, call, host } = this;
    const raw = this.endpoint.createCall(method.path);
    this.raw = raw;
    raw.start(metadata, this);
    if (request === undefined) {
      this.pump = new RequestPump(call.args[0] as RequestSource, raw, {
        encode: (message) => host.encode(method, message),
        failed: (error) => this.requestsFailed(error),
      });
    } else {
      raw.sendMessageWithContext({}, request);
      raw.halfClose();
    }
    if (this.isOver) return;
    if (this.replies === undefined) raw.startRead();
    else this.replies.attach(this);
  }

  private errorOf(status: StatusObject): RpcError {
    // The callee's clock may be the first to ring: some then reset the stream without a word.
    if (isReset(status) && this.call.remainingMs() <= NEARLY_OVER_MS) return deadlineExceeded(this.call.node.id, this.method.path);
    return callErrorOf(status, this.answered || hasAnswered(status), this.where);
  }

  private requestsFailed(error: unknown): void {
    if (this.isOver) return;
    this.raw?.cancelWithStatus(CANCELLED, 'the stream of requests failed');
    this.end(RpcError.is(error) ? error : rpcError('ABORTED_BY_CALLER', `the stream of requests of ${this.where} failed: ${messageOf(error)}`, { cause: error }));
  }

  private unreadable(error: unknown): RpcError {
    return rpcError('REPLY_TYPE', `a reply of ${this.where} cannot be read: ${messageOf(error)}; do both sides have the same proto?`, { cause: error });
  }

  private end(error: RpcError | undefined, value?: unknown): void {
    if (this.isOver) return;
    this.over();
    this.host.ended(this, error, value);
  }

  private over(): void {
    this.isOver = true;
    this.pump?.stop();
    this.endpoint.forget(this);
    this.endpoint.inFlight--;
    this.endpoint.ended();
  }
}
