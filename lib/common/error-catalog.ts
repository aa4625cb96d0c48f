import type { RpcCodeName } from './rpc-code.js';
import { RpcError, type RpcErrorInit } from './rpc-error.js';

/**
 * Every reason this library raises on a call, with its code. docs/errors.md lists the same reasons (a test compares both ways).
 * Reasons of users' own errors are not here.
 */
export const RPC_REASONS = {
  ABORTED_BY_CALLER: 'CANCELLED',
  APP_NOT_STARTED: 'FAILED_PRECONDITION',
  APP_STOPPED: 'UNAVAILABLE',
  ARGUMENT_COUNT: 'INVALID_ARGUMENT',
  ARGUMENT_TYPE: 'INVALID_ARGUMENT',
  CALL_OPTIONS: 'INVALID_ARGUMENT',
  CLIENT_HOOK_FAILED: 'INTERNAL',
  CODEC_UNKNOWN: 'UNIMPLEMENTED',
  DEADLINE_EXCEEDED: 'DEADLINE_EXCEEDED',
  DRAINING: 'UNAVAILABLE',
  HANDLER_ABORTED: 'UNAVAILABLE',
  HANDLER_FAILED: 'INTERNAL',
  HANDLER_NOT_FOUND: 'NOT_FOUND',
  LANE_REENTERED: 'FAILED_PRECONDITION',
  MALFORMED_PAYLOAD: 'INVALID_ARGUMENT',
  NODE_NOT_FOUND: 'NOT_FOUND',
  NODE_UNREACHABLE: 'UNAVAILABLE',
  NOT_IMPLEMENTED: 'UNIMPLEMENTED',
  NO_NODE_MATCHES: 'UNAVAILABLE',
  NO_SESSION: 'FAILED_PRECONDITION',
  OUTBOUND_FULL: 'RESOURCE_EXHAUSTED',
  PAYLOAD_TOO_LARGE: 'RESOURCE_EXHAUSTED',
  QUEUE_FULL: 'RESOURCE_EXHAUSTED',
  REDIS_UNAVAILABLE: 'UNAVAILABLE',
  REGISTRY_UNAVAILABLE: 'UNAVAILABLE',
  REMOTE_ERROR: 'UNKNOWN',
  REPLY_TYPE: 'INTERNAL',
  REPLY_UNENCODABLE: 'INTERNAL',
  SERVICE_NOT_FOUND: 'NOT_FOUND',
  SESSION_NOT_FOUND: 'NOT_FOUND',
  TRANSPORT_DENIED: 'UNAUTHENTICATED',
  TRANSPORT_DOWN: 'UNAVAILABLE',
  UNIQUE_IDS_UNAVAILABLE: 'UNAVAILABLE',
  UNSUPPORTED_VALUE: 'INVALID_ARGUMENT',
  USER_REFUSED: 'ALREADY_EXISTS',
  WIRE_MISMATCH: 'UNIMPLEMENTED',
} as const satisfies Record<string, RpcCodeName>;

/** A reason of {@link RPC_REASONS}. @plugin */
export type RpcReason = keyof typeof RPC_REASONS;

/** An error of this library: the code follows from the reason. */
export function rpcError(reason: RpcReason, message: string, extra?: Omit<RpcErrorInit, 'code' | 'reason' | 'message'>): RpcError {
  return new RpcError({ code: RPC_REASONS[reason], reason, message, ...extra });
}
