import type { Draft, Message, Fields } from './etcd.codec.js';
import type { Method } from './etcd.messages.js';

/** How a request goes. */
export interface WireOptions {
  /** Of the signed-in user; '' for none. */
  readonly token: string;
  /** Milliseconds from now; undefined: no end. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Requests to one endpoint each, by its index; what fails is a {@link WireFailure}. The seam between etcd's rules and gRPC. */
export interface EtcdWire {
  unary<Q extends Fields, A extends Fields>(endpoint: number, method: Method<Q, A>, draft: Draft<Q>, options: WireOptions): Promise<Message<A>>;
  /** Sends the one message and yields the answers until the stream ends. Leaving the loop ends it. */
  stream<Q extends Fields, A extends Fields>(endpoint: number, method: Method<Q, A>, draft: Draft<Q>, options: WireOptions): AsyncGenerator<Message<A>, void, undefined>;
  close(): void;
}

/** Status codes of gRPC that mean something here. */
export const CODE = { invalidArgument: 3, deadlineExceeded: 4, notFound: 5, permissionDenied: 7, failedPrecondition: 9, outOfRange: 11, unavailable: 14, unauthenticated: 16 } as const;

/** What gRPC says of a request that failed. */
export class WireFailure extends Error {
  override name = 'WireFailure';
  constructor(
    readonly code: number,
    /** Of etcd, or of gRPC itself. */
    readonly details: string,
    /** False when it certainly never left this machine. */
    readonly sent: boolean,
  ) {
    super(details);
  }
}
