import type { IncomingHttpHeaders } from 'node:http';

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
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | Uint8Array | undefined;
}
