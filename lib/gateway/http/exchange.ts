import type { IncomingHttpHeaders } from 'node:http';
import type { Canceller } from '../../rpc/canceller.js';

/** Values of a query; a key that comes twice has a list. No prototype. */
export type Query = Readonly<Record<string, string | readonly string[]>>;

/** A request as the gateway sees it, whatever server took it in. */
export interface HttpRequest {
  readonly method: string;
  /** As the client wrote it, percent-encoded, without the query. */
  readonly path: string;
  /** The same without `?`; empty for none. */
  readonly search: string;
  readonly headers: IncomingHttpHeaders;
  /** Undefined for none. */
  readonly body: Uint8Array | undefined;
  /** Of the route's path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly ip: string;
  /** Made or taken over; in the reply, in logs and in the metadata of the call. */
  readonly id: string;
  /** Used when the client goes away. */
  readonly canceller: Canceller;
}

/**
 * An answer. Its body is whole: calls have one result. When handlers can stream (frame types `10` to `1f` of the native wire are kept for it), a body may be an `AsyncIterable` of
 * chunks as well; `replyOf` makes it, as `text/event-stream` or JSON lines by what the client accepts, and the server's `send` passes it on as a stream, ended by the request's canceller.
 */
export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | Uint8Array | undefined;
}
