import type { PeerCertificate } from 'node:tls';
import type { Metadata, ServerUnaryCall } from '@grpc/grpc-js';
import { RpcContext, type RpcContextInit } from '../common/call-context.js';
import type { Clock } from '../common/clock.js';
import type { GrpcKind } from './grpc.proto.js';
import { writeMetadata } from './grpc.metadata.js';
import type { ReplyStream } from './grpc.streams.js';

/** What all calls of the gRPC library can do. */
export type ServerCall = Pick<ServerUnaryCall<unknown, unknown>, 'metadata' | 'getPeer' | 'getAuthContext' | 'getDeadline' | 'sendMetadata'>;

/**
 * The context of a call that came by gRPC: what `@Ctx()` gives there. A handler that is also called on other wires gets a plain `RpcContext` from them.
 * @public
 */
export class GrpcContext extends RpcContext {
  /** @internal */ trailers: Metadata | undefined;
  private trailerBytes = 0;
  /** @internal Where a stream of replies goes. */ replies: ReplyStream | undefined;

  /** @internal */
  constructor(
    init: RpcContextInit,
    clock: Clock,
    /** @internal */ readonly kind: GrpcKind,
    /** Address and port of the client, as the connection has them. */
    readonly peer: string,
    private readonly call: ServerCall,
  ) {
    super(init, clock);
  }

  /** The client's certificate, where the server asks for one (`tls.requireClientCert`). */
  get peerCertificate(): PeerCertificate | undefined {
    return this.call.getAuthContext().sslPeerCertificate;
  }

  /** Sends headers now, before the first reply. Once; later ones are not sent. @throws RpcError PAYLOAD_TOO_LARGE beyond 48 KiB */
  sendHeaders(pairs: Readonly<Record<string, string>>): void {
    const metadata = this.emptyMetadata();
    writeMetadata(metadata, pairs);
    this.call.sendMetadata(metadata);
  }

  /** Adds pairs to what follows the last reply, or the error. @throws RpcError PAYLOAD_TOO_LARGE beyond 48 KiB, all together */
  addTrailers(pairs: Readonly<Record<string, string>>): void {
    const metadata = this.emptyMetadata();
    this.trailerBytes = writeMetadata(metadata, pairs, this.trailerBytes);
    if (this.trailers) this.trailers.merge(metadata);
    else this.trailers = metadata;
  }

  /** The library's class, without loading the library here. */
  private emptyMetadata(): Metadata {
    return new (this.call.metadata.constructor as new () => Metadata)();
  }
}
