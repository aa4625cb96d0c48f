import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { systemRandom } from '../../../common/clock.js';
import type { HttpReply } from '../exchange.js';
import { HttpFailure } from '../http-failure.js';
import { type ErrorFormat, errorReply } from '../problem.js';

/** Refused before there is a request: the parser of HTTP found no end of it, or no sense. */
const BY_CODE: Readonly<Record<string, readonly [status: number, detail: string]>> = Object.freeze({
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not come in time'],
  HPE_HEADER_OVERFLOW: [431, 'the headers are too large'],
});

/** What Node is about to answer on a connection. */
type PendingAnswer = Pick<ServerResponse, 'headersSent' | 'req'>;

/** Paths that cannot be decoded: no route sees them. */
export function pathRefusal(status = 400, errors: ErrorFormat = 'problem'): HttpReply {
  return refusal(new HttpFailure(status, 'INVALID_ARGUMENT', 'PATH_MALFORMED', 'the path cannot be read'), errors);
}

/** Answers bytes that are no request, and ends their connection. */
export function refuseClient(errors: ErrorFormat): (error: Error & { readonly code?: string }, socket: Socket) => void {
  return ({ code }, socket) => {
    // The answer to an earlier request comes first there: what we said would be taken for it, or for a part of it.
    const pending = (socket as { _httpMessage?: PendingAnswer | null })._httpMessage;
    const isTaken = pending != null && (pending.headersSent || pending.req.complete);
    if (code === 'ECONNRESET' || !socket.writable || isTaken) return void socket.destroy();
    const [status, detail] = BY_CODE[code ?? ''] ?? [400, 'this is no request of HTTP/1.1'];
    const { headers, body } = refusal(new HttpFailure(status, 'INVALID_ARGUMENT', 'REQUEST_REFUSED', detail), errors);
    const head = Object.entries({ ...headers, 'content-length': Buffer.byteLength(body as string), connection: 'close' }).map(([name, value]) => `${name}: ${String(value)}\r\n`);
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head.join('')}\r\n${String(body)}`);
    socket.destroySoon();
  };
}

function refusal(failure: HttpFailure, errors: ErrorFormat): HttpReply {
  const id = systemRandom.hex(16);
  const { headers, ...reply } = errorReply(failure, id, errors);
  return { ...reply, headers: { ...headers, 'x-request-id': id } };
}
