import { rpcError, type RpcReason } from '../../common/error-catalog.js';
import type { RpcCodeName } from '../../common/rpc-code.js';
import { RpcError } from '../../common/rpc-error.js';
import { NODE_META, type ServiceNode } from '../../common/service-node.js';

/** An error is one string on this wire; longer ones are cut. */
const MAX_TEXT = 16 * 1024;

/** What Go answers for a function that it does not have, to the letter. */
export function notFoundText(fn: string): string {
  return `Remote function(${cut(fn)}) not found`;
}

/** What Go says when the time is over. */
export const DEADLINE_TEXT = 'deadline exceeded';

/** Our own refusals begin with their reason, so that callers in TypeScript get the code back. Others keep their message as it is. */
const CARRIED: ReadonlySet<string> = new Set<RpcReason>([
  'ARGUMENT_COUNT',
  'ARGUMENT_TYPE',
  'DRAINING',
  'HANDLER_ABORTED',
  'MALFORMED_PAYLOAD',
  'PAYLOAD_TOO_LARGE',
  'QUEUE_FULL',
  'REPLY_UNENCODABLE',
]);

/** The text of an error: never empty, for that would mean success. */
export function toErrorText(error: RpcError): string {
  const { reason, message } = error;
  // DRAINING promises that no handler ran. One that a handler passes on from a call of its own promises nothing of the kind.
  const carried = CARRIED.has(reason) && !error.remote && (reason !== 'DRAINING' || error.undelivered);
  return cut(carried ? `${reason}: ${message}` : message || reason);
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}... (cut)` : text;
}

const OWN_TEXT = /^([A-Z_]{4,32}): /;

/** What `text`, the answer of `node`, means. */
export function fromErrorText(text: string, node: ServiceNode, path: string): RpcError {
  const own = OWN_TEXT.exec(text)?.[1];
  if (own !== undefined && CARRIED.has(own)) {
    // Only our own nodes are known to keep that promise: a Go handler may pass such a text on.
    const undelivered = own === 'DRAINING' && node.metadata[NODE_META.wires] !== undefined;
    return rpcError(own as RpcReason, text.slice(own.length + 2), { remote: true, undelivered });
  }
  return frameworkError(text, node, path) ?? jsonError(text) ?? remote('REMOTE_ERROR', text);
}

const PANIC = /^\S* rpc func\(.*?\) (?:return )?error ([^]*)$/;

/** The texts of mqant itself (rpc_server.go, argsutil.go, app.go). */
function frameworkError(text: string, node: ServiceNode, path: string): RpcError | undefined {
  const where = `${node.id} ${path}`;
  if (text.startsWith('Remote function(') && text.endsWith(') not found')) return remote('HANDLER_NOT_FOUND', `${node.id}: ${text}; check the path, and that the node runs this version`);
  if (text === DEADLINE_TEXT || text === `context ${DEADLINE_TEXT}`) return remote('DEADLINE_EXCEEDED', `${where}: ${text}`);
  // Go puts a dump of the arguments behind it.
  if (text.startsWith('The number of params ')) return remote('ARGUMENT_COUNT', `${where} takes another number of arguments`);
  if (text.startsWith('Bytes2Args [')) return remote('ARGUMENT_TYPE', `${where} does not know a type: ${text}`);
  if (text.startsWith('Args2Bytes [')) return remote('REPLY_UNENCODABLE', `${where} made a result that mqant cannot send: ${text}`);
  if (text === 'none available' || text.startsWith('nofound ')) return remote('NO_NODE_MATCHES', `${where} found no node for a call of its own: ${text}`);
  if (text === 'client closed') return remote('NODE_UNREACHABLE', `${where} lost a call of its own, its node left: ${text}`);
  const panic = PANIC.exec(text)?.[1]?.split('\n ----Stack----')[0]?.trim();
  if (panic === undefined) return undefined;
  if (panic.startsWith('reflect: Call using')) return remote('ARGUMENT_TYPE', `${where} takes other types: ${panic}; say them with { args: ['int', ...] } or wrappers such as int()`);
  return remote('HANDLER_FAILED', `${where} failed: ${panic}`);
}

const STATUS_CODES: Readonly<Record<number, RpcCodeName>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  408: 'DEADLINE_EXCEEDED',
  409: 'ALREADY_EXISTS',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
};

/** mqant's `httpgateway/errors`: `{"id","code","detail","status"}`, an HTTP status as code. */
function jsonError(text: string): RpcError | undefined {
  if (!text.startsWith('{') || !text.endsWith('}')) return undefined;
  let details: unknown;
  try {
    details = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { code, detail } = details as { code?: unknown; detail?: unknown };
  if (typeof code !== 'number' || typeof detail !== 'string') return undefined;
  return new RpcError({ code: STATUS_CODES[code] ?? 'UNKNOWN', reason: 'REMOTE_ERROR' satisfies RpcReason, message: detail || text, details, remote: true });
}

function remote(reason: RpcReason, message: string): RpcError {
  return rpcError(reason, message, { remote: true });
}
