import type { StatusObject } from '@grpc/grpc-js';
import { rpcError } from '../../common/error-catalog.js';
import type { RpcError } from '../../common/rpc-error.js';
import { errorOf } from '../grpc.status.js';

const CANCELLED = 1;
const RESOURCE_EXHAUSTED = 8;
const UNAVAILABLE = 14;

/**
 * Words with which grpc-js says that a request never got to a handler. It keeps what it knows of that ("progress") from its callers; the tests
 * provoke each of these.
 */
const NEVER_ARRIVED = [
  'No connection established',
  // RST_STREAM with REFUSED_STREAM, or a GOAWAY with a lower stream id, after grpc-js itself tried once more.
  'Stream refused by server',
  'Channel closed before call started',
  'Name resolution failed',
];
/** And with these, that the connection or the stream broke. A stream that the other side resets is "cancelled", though nobody here gave up. */
const BROKEN = ['Connection dropped', 'Call cancelled', 'read ECONNRESET', 'write ECONNRESET', 'write EPIPE', 'read ETIMEDOUT'];
/** And with these, that the other side took the headers for too many or too large. */
const HEADERS_REFUSED = ['Bandwidth exhausted or memory limit exceeded', 'Received RST_STREAM with code 9'];
const TOO_LARGE = ['Received message larger than max', 'Received message that decompresses to a size larger', 'Attempted to send message with a size larger than'];

/**
 * The error of a call that did not end well.
 * @param answered headers or trailers of the callee have come; without them the library made the status
 */
export function callErrorOf(status: StatusObject, answered: boolean, where: string): RpcError {
  const { code, details } = status;
  if (code === RESOURCE_EXHAUSTED && begins(details, TOO_LARGE)) return rpcError('PAYLOAD_TOO_LARGE', `a message of ${where} is too large: ${details}`, { remote: answered });
  if (!answered && begins(details, HEADERS_REFUSED)) return rpcError('PAYLOAD_TOO_LARGE', `${where} refused the call (${details}): are its metadata too many, or too large?`);
  const isBroken = (code === UNAVAILABLE || code === CANCELLED) && begins(details, BROKEN);
  if (isBroken || (code === UNAVAILABLE && !answered)) {
    if (!answered && begins(details, NEVER_ARRIVED)) return rpcError('NODE_UNREACHABLE', `${where} cannot be reached: ${details}`, { undelivered: true });
    return rpcError('NODE_UNREACHABLE', `the connection broke while ${where} had the call: ${details}; whether it was served is not known`);
  }
  return errorOf(status, answered);
}

/** The other side reset the stream with CANCEL. */
export function isReset({ code, details }: StatusObject): boolean {
  return code === CANCELLED && details === 'Call cancelled';
}

/** The callee has said something: it sends headers with each reply, and a content type with a status alone. */
export function hasAnswered(status: StatusObject): boolean {
  return Object.keys(status.metadata.getMap()).length > 0;
}

function begins(text: string, beginnings: readonly string[]): boolean {
  return beginnings.some((beginning) => text.startsWith(beginning));
}
