import type { Metadata } from '@grpc/grpc-js';
import { rpcError } from '../../common/error-catalog.js';
import { RpcError } from '../../common/rpc-error.js';
import { messageOf } from '../../common/message-of.js';
import type { CallOptions } from '../../rpc/call-options.js';
import type { PendingCall } from '../../rpc/pending-call.js';
import type { CallCarrier, OutboundCall } from '../../rpc/wire.js';
import type { ServiceNode } from '../../common/service-node.js';
import { outgoingMetadata } from '../grpc.metadata.js';
import type { GrpcMethod } from '../grpc.proto.js';
import type { GrpcLibrary } from '../load-grpc.js';
import { HRPC_KEY } from '../hrpc-message.js';
import type { Endpoints } from './endpoints.js';
import { Exchange, type ExchangeHost } from './exchange.js';
import { timeoutText } from './grpc-timeout.js';
import { type HrpcCallOptions, hrpcHeader } from './hrpc-call.js';
import type { MessageQueue } from './message-queue.js';

/** What travels with a call besides what `Rpc` knows. */
export interface GrpcRpcOptions extends CallOptions {
  /** Where the replies of a streaming call go. */
  readonly replies?: MessageQueue | undefined;
  readonly idempotent?: boolean | undefined;
}

/** What a carrier works with. */
export interface CarrierDeps {
  readonly grpc: GrpcLibrary;
  /** By path. */
  readonly methods: ReadonlyMap<string, GrpcMethod>;
  readonly endpoints: Endpoints;
  readonly maxMessageBytes: number;
  /** Given: calls carry the header of hrpc. */
  readonly hrpc: HrpcCallOptions | undefined;
  unreachable(node: ServiceNode): void;
  /** Tries another node; false: there is none, or enough were tried. */
  redirect(call: PendingCall, error: RpcError): boolean;
}

/** Takes calls to gRPC endpoints: the gRPC side of a client. */
export class GrpcCarrier implements CallCarrier, ExchangeHost {
  private readonly exchanges = new Map<OutboundCall, Exchange>();

  constructor(private readonly deps: CarrierDeps) {}

  /** Calls that have not ended. */
  get inFlight(): number {
    return this.exchanges.size;
  }

  send(call: PendingCall): void {
    let exchange: Exchange;
    try {
      const method = this.deps.methods.get(call.path)!;
      exchange = new Exchange(call, method, this.deps.endpoints.of(call.node), (call.options as GrpcRpcOptions).replies, this);
    } catch (error) {
      return call.fail(error as RpcError);
    }
    this.exchanges.set(call, exchange);
    exchange.start();
  }

  cancel(call: OutboundCall): void {
    const exchange = this.exchanges.get(call);
    this.exchanges.delete(call);
    exchange?.cancel();
  }

  /** The client is closed: calls in flight end now. */
  close(): void {
    for (const exchange of [...this.exchanges.values()]) {
      exchange.cancel();
      this.ended(exchange, rpcError('ABORTED_BY_CALLER', `the gRPC client was closed while ${exchange.where} had the call`), undefined);
    }
  }

  ended(exchange: Exchange, error: RpcError | undefined, value: unknown): void {
    const call = exchange.call as PendingCall;
    this.exchanges.delete(call);
    if (error === undefined) return call.succeed(value);
    const { undelivered } = error;
    if (error.reason === 'NODE_UNREACHABLE' && !error.remote) this.deps.unreachable(call.node);
    // `fail` tries another node for what was not delivered; messages that were passed on already cannot be taken back.
    if (exchange.isSpent) return call.fail(undelivered ? new RpcError({ ...error, message: error.message, undelivered: false }) : error);
    const mayRepeat = !undelivered && error.code === 'UNAVAILABLE' && (call.options as GrpcRpcOptions).idempotent === true;
    if (!mayRepeat || !this.deps.redirect(call, error)) call.fail(error);
  }

  metadata(call: OutboundCall): Metadata {
    const metadata = outgoingMetadata(this.deps.grpc, call.metadata, call);
    const timeout = timeoutText(call.remainingMs());
    if (timeout !== undefined) metadata.set('grpc-timeout', timeout);
    const { hrpc } = this.deps;
    if (hrpc) metadata.set(HRPC_KEY, hrpcHeader(call, (call as PendingCall).parent, hrpc));
    return metadata;
  }

  encode(method: GrpcMethod, message: unknown): Buffer {
    let bytes: Uint8Array;
    try {
      bytes = method.requestSerialize(message as never);
    } catch (cause) {
      throw rpcError('UNSUPPORTED_VALUE', `the request of ${method.path} cannot be sent: ${messageOf(cause)}`, { cause });
    }
    const { maxMessageBytes } = this.deps;
    if (bytes.length > maxMessageBytes) throw rpcError('PAYLOAD_TOO_LARGE', `the request of ${method.path} has ${bytes.length} bytes, more than the client's maxMessageBytes of ${maxMessageBytes}`);
    return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}
