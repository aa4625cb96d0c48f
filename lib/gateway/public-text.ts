import { RPC_REASONS } from '../common/error-catalog.js';
import type { RpcError } from '../common/rpc-error.js';

/** What clients are told instead of the library's own words, which name nodes and handlers. */
const PUBLIC_TEXT: Partial<Record<string, string>> = {
  SERVICE_NOT_FOUND: 'no such service',
  NODE_NOT_FOUND: 'no such node',
  HANDLER_NOT_FOUND: 'the service serves nothing at this path',
  NO_NODE_MATCHES: 'no node can serve this now',
  NODE_UNREACHABLE: 'the service does not answer',
  DEADLINE_EXCEEDED: 'the service did not answer in time',
  QUEUE_FULL: 'the service is busy',
  DRAINING: 'the service is restarting',
  COMMIT_UNKNOWN: 'it is not known whether this was done',
  MALFORMED_PAYLOAD: 'the service cannot read the arguments',
  PAYLOAD_TOO_LARGE: 'the request or its result is too large',
  UNSUPPORTED_VALUE: 'an argument is of a kind that the service cannot get',
};

/** The words for an error of a call that came from outside: those of a service's author as they are, those of the library without what is inside. */
export function publicText({ code, reason, message, metadata }: RpcError): string {
  // A Go service's own words come over mqant's wire as REMOTE_ERROR.
  if (!Object.hasOwn(RPC_REASONS, reason) || reason === 'REMOTE_ERROR') return message;
  if (reason === 'ARGUMENT_COUNT') return metadata.takes === undefined ? 'the handler takes another number of arguments' : `the handler takes ${metadata.takes} argument(s), got ${metadata.got}`;
  if (reason === 'ARGUMENT_TYPE') return metadata.argument === undefined ? 'an argument has a type that the handler does not take' : `argument ${metadata.argument} must be ${metadata.wanted}`;
  if (code === 'INTERNAL') return failedText(metadata.correlationId);
  return PUBLIC_TEXT[reason] ?? 'the service cannot be called now';
}

/** @param correlationId under which the callee's log has the cause */
export function failedText(correlationId: string | undefined): string {
  return correlationId === undefined ? 'the service failed' : `the service failed; its log has the cause under ${correlationId}`;
}
