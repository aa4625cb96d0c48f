import type { Metadata, StatusObject } from '@grpc/grpc-js';
import { codeName, RpcCode } from '../common/rpc-code.js';
import { RpcError } from '../common/rpc-error.js';
import { GRPC_KEYS, readMetadata } from './grpc.metadata.js';
import type { GrpcLibrary } from './load-grpc.js';
import { readRichStatus, richStatusOf } from './rich-status.js';

/** grpc-message is percent-encoded, up to nine bytes a character: this stays below what peers take as trailers. */
const MAX_MESSAGE = 600;

/** What a peer gets for an error. Codes are the same on both sides; reason, metadata and details travel in `grpc-status-details-bin`. */
export function statusOf(error: RpcError, grpc: GrpcLibrary): StatusObject {
  const metadata = new grpc.Metadata();
  const code = RpcCode[error.code];
  // encodeURI, which the library applies, throws on lone surrogates.
  const whole = Buffer.from(error.message).toString();
  const details = whole.length > MAX_MESSAGE ? `${Buffer.from(whole.slice(0, MAX_MESSAGE)).toString()}...` : whole;
  const rich = richStatusOf(error, code, details);
  if (rich) metadata.set(GRPC_KEYS.status, rich);
  if (error.undelivered) metadata.set(GRPC_KEYS.undelivered, '1');
  return { code, details, metadata };
}

/**
 * The error that a peer's status means. Of peers that send no `grpc-status-details-bin` the reason is the code, and `metadata` has the trailers, without those of HTTP.
 * @param remote the peer said it; false for what the library found out on this side (deadline, connection)
 */
export function errorOf({ code, details, metadata }: { code: number; details: string; metadata?: Metadata }, remote: boolean): RpcError {
  const bytes = metadata?.get(GRPC_KEYS.status)[0];
  const rich = Buffer.isBuffer(bytes) ? readRichStatus(bytes) : undefined;
  const { 'content-type': _type, date: _date, ...trailers } = metadata ? readMetadata(metadata) : {};
  return new RpcError({
    code: codeName(code),
    message: rich?.message || details,
    ...(rich?.reason !== undefined && { reason: rich.reason }),
    metadata: { ...trailers, ...rich?.metadata },
    ...(rich?.details !== undefined && { details: rich.details }),
    undelivered: metadata?.get(GRPC_KEYS.undelivered)[0] === '1',
    remote,
  });
}
