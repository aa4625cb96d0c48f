import { escapeAscii } from './grpc.metadata.js';

/** The metadata key of hrpc (github.com/hirpc/hrpc, codec/message.go): one JSON value, ASCII. */
export const HRPC_KEY = 'hrpc_md_message';
/** Where handlers find the trace id of hrpc, and what carries it on through calls of other kinds: `x-` keys travel by themselves. */
export const TRACE_KEY = 'x-trace-id';

/** What hrpc services tell each other with each call. */
export interface HrpcMessage {
  /** The service where the chain of calls began. */
  readonly serverName: string;
  readonly traceId: string;
  /** Milliseconds. Undefined: the message does not say. 0 or less: the time is over; hrpc fails such calls at once. */
  readonly requestTimeoutMs: number | undefined;
  /** The environment: `development`, `production`. */
  readonly namespace: string;
  readonly clientIp: string;
  readonly clientUserAgent: string;
}

/** Undefined for what is no such message; hrpc goes on without it, too. */
export function readHrpcMessage(json: string): HrpcMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { server_name, trace_id, request_timeout, namespace, client_info } = value as Record<string, unknown>;
  const client = (typeof client_info === 'object' && client_info !== null ? client_info : {}) as Record<string, unknown>;
  return {
    serverName: text(server_name),
    traceId: text(trace_id),
    requestTimeoutMs: typeof request_timeout === 'number' ? request_timeout / 1e6 : undefined,
    namespace: text(namespace),
    clientIp: text(client.ip),
    clientUserAgent: text(client.ua),
  };
}

/** As hrpc writes it. A timeout always goes along, and above 0: without one, hrpc services fail the call at once. */
export function hrpcMessage({ serverName, traceId, requestTimeoutMs = 3000, namespace, clientIp, clientUserAgent }: Partial<HrpcMessage>): string {
  const request_timeout = Math.max(1, Math.round(Math.min(requestTimeoutMs, MAX_TIMEOUT_MS) * 1e6));
  const message = { server_name: serverName ?? '', trace_id: traceId ?? '', request_timeout, namespace: namespace ?? '', client_info: { ip: clientIp ?? '', ua: clientUserAgent ?? '' } };
  return escapeAscii(JSON.stringify(message));
}

/** As nanoseconds it is still an exact number. */
const MAX_TIMEOUT_MS = 9e9;

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
