import { STATUS_CODES } from 'node:http';
import type { RpcCodeName } from '../../common/rpc-code.js';
import { RpcError } from '../../common/rpc-error.js';
import { failedText, publicText } from '../public-text.js';
import type { HttpReply } from './exchange.js';
import { HttpFailure } from './http-failure.js';
import { toJson } from './reply-body.js';

/** Of RFC 9457, or mqant's. @public */
export type ErrorFormat = 'problem' | 'mqant';

/** Statuses by code, as in google.rpc.Code; 499 is what proxies log for a client that left. */
export const HTTP_STATUS: Readonly<Record<RpcCodeName, number>> = Object.freeze({
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
});

/** The parts of an error that a client sees. */
interface Failure {
  readonly status: number;
  readonly code: RpcCodeName;
  readonly reason: string;
  readonly detail: string;
  readonly details?: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * An error as an answer.
 * @param onUnknown is told of errors that no request explains
 */
export function errorReply(error: unknown, requestId: string, format: ErrorFormat, onUnknown: (error: unknown) => void = () => {}): HttpReply {
  const failure = failureOf(error, requestId, onUnknown);
  const { status, code, reason, detail, details } = failure;
  const title = STATUS_CODES[status] ?? (status === 499 ? 'Client Closed Request' : 'Error');
  const [type, body] =
    format === 'mqant'
      ? ['application/vnd.mqant+json', (mqantText(detail) ?? { id: 'httpgateway', code: status, detail, status: title }) as object]
      : ['application/problem+json', { type: 'about:blank', title, status, detail, code, reason, requestId, ...(details !== undefined && { details }) }];
  const wait: Record<string, string> = status === 503 || status === 429 ? { 'retry-after': '1' } : {};
  return { status, headers: { 'content-type': type, ...wait, ...failure.headers }, body: toJson(body) };
}

function failureOf(error: unknown, requestId: string, onUnknown: (error: unknown) => void): Failure {
  if (error instanceof HttpFailure) return { status: error.status, code: error.code, reason: error.reason, detail: error.message, headers: error.headers };
  if (!RpcError.is(error)) {
    onUnknown(error);
    return { status: 500, code: 'INTERNAL', reason: 'INTERNAL', detail: `the gateway failed; its log has the cause under ${requestId}`, headers: {} };
  }
  const { code, reason, metadata, details } = error;
  // A service that the called one needs: the client's path is right.
  if (error.remote && (reason === 'SERVICE_NOT_FOUND' || reason === 'NODE_NOT_FOUND')) {
    return { status: 503, code: 'UNAVAILABLE', reason, detail: 'a service that is needed for this is not there', headers: {} };
  }
  const status = statusOf(error);
  if (code === 'INTERNAL') return { status, code, reason, detail: failedText(metadata.correlationId), headers: {} };
  return { status, code, reason, detail: publicText(error), ...(details !== undefined && { details }), headers: {} };
}

function statusOf({ code, reason, metadata, message }: RpcError): number {
  if (reason === 'PAYLOAD_TOO_LARGE') return 413;
  const asked = Number(metadata.status ?? mqantText(message)?.code);
  return Number.isInteger(asked) && asked >= 400 && asked < (code === 'UNKNOWN' ? 600 : 500) ? asked : HTTP_STATUS[code];
}

/** A Go service may answer with the whole error as JSON, as mqant's constructors make it. */
function mqantText(text: string): { id: string; code: number; detail: string; status: string } | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const { id, code, detail, status } = JSON.parse(text) as Record<string, unknown>;
    if (typeof code !== 'number') return undefined;
    return { id: String(id ?? ''), code, detail: String(detail ?? ''), status: String(status ?? '') };
  } catch {
    return undefined;
  }
}
