import { rpcError } from '../../common/error-catalog.js';
import { RpcError } from '../../common/rpc-error.js';
import { MalformedBytes } from '../../rpc/byte-reader.js';
import { TypeMismatch } from './value-decoder.js';

const MAX_LABEL = 80;

/** Why a value cannot be sent, with its place. Errors of users' `marshal()` and serializers that are RpcErrors stay what they are. */
export function unsendable(error: unknown, where: string): RpcError {
  if (!RpcError.is(error)) return rpcError('UNSUPPORTED_VALUE', `${where} cannot be encoded: ${messageOf(error)}`, { cause: error });
  if (error.reason === 'PAYLOAD_TOO_LARGE' || error.reason === 'UNSUPPORTED_VALUE') return rpcError(error.reason, `${where}: ${error.message}`);
  return error;
}

/** Why an argument cannot be handed to its handler. */
export function unreadableArgument(error: unknown, where: string, label: string): RpcError {
  if (error instanceof TypeMismatch) return rpcError('ARGUMENT_TYPE', `${where} is ${error.message}`);
  if (error instanceof MalformedBytes) return rpcError('MALFORMED_PAYLOAD', `${where}, of type ${label.slice(0, MAX_LABEL)}, is broken: ${error.message}`);
  // What a Marshaler, a protobuf schema or a serializer says.
  return rpcError('MALFORMED_PAYLOAD', `${where} cannot be decoded: ${messageOf(error)}`, { cause: error });
}

/** Why a reply cannot be given to its caller. */
export function unreadableReply(error: unknown, where: string, label: string): RpcError {
  if (error instanceof TypeMismatch) return rpcError('REPLY_TYPE', `${where} answered ${error.message}; check the handler's return type or the { returns } option`);
  return rpcError('REPLY_TYPE', `the reply of ${where}, of type ${label.slice(0, MAX_LABEL)}, cannot be read: ${messageOf(error)}`, { cause: error });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
