import type { GateSession } from '../../rpc/gate-session.js';
import type { Rpc } from '../../rpc/rpc.client.js';

/** What becomes of a message. @public */
export type Routed =
  /** Answered on the topic. */
  | { readonly kind: 'reply'; readonly result: unknown }
  /** Answered with an error on the topic. */
  | { readonly kind: 'error'; readonly error: string }
  /** Done, no answer. */
  | { readonly kind: 'done' }
  /** Not for services: for subscribers of the topic. */
  | { readonly kind: 'publish' };

/** What a route works with. @public */
export interface RouteContext {
  readonly rpc: Rpc;
  /** Of the message; aborts when the client is gone. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number | undefined;
  /** May clients name this service? */
  allows(service: string): boolean;
  /** Is `service/fn` a call, and no topic for subscribers? By the gate's option `handlers`. */
  isCall(service: string, fn: string): boolean;
}

/** Turns a client's message into a call (mqant's RouteHandler). It may throw: that is an error reply. @public */
export type RouteHandler = (session: GateSession, topic: string, body: Uint8Array, context: RouteContext) => Routed | Promise<Routed>;

const DONE: Routed = Object.freeze({ kind: 'done' });
export { DONE };
