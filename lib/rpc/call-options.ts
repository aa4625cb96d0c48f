import type { SelectOptions } from '../common/selection.js';
import type { Canceller } from './canceller.js';
import type { Codec } from './codec.js';
import type { ArgTypes, MarshalerClass, ProtoSchema, ReplyType } from '../common/value-types.js';

/** Options of one call, or of all calls of a client. @public */
export interface CallOptions extends SelectOptions {
  /** Milliseconds until the caller gives up. Inside a handler never more than is left of its own. @default the client's, then the app's (10000) */
  timeoutMs?: number;
  /** Aborting it ends the call with CANCELLED and tells the callee. */
  signal?: AbortSignal;
  /** String pairs for the callee's `ctx.metadata`. Keys beginning with `x-` travel on with the calls that the callee makes. */
  metadata?: Readonly<Record<string, string>>;
  /** What the reply must be; anything else is an error. */
  returns?: ReplyType;
  /** Wire types of the arguments, where the callee's are not plain (mqant: `['int', 'long']`). */
  args?: ArgTypes;
  /** @default the app's codec */
  codec?: Codec;
  /** Calls to a node of this process share values with it instead of copying them. @default true (copy) */
  localCopy?: boolean;
  /** How many other nodes may be tried when a request provably reached no handler. @default 3 */
  redirects?: number;
  /** Passed on from outside by a gateway: only public handlers answer. @default false */
  external?: boolean;
  /** Name given to the callee instead of the app's or the current node's. */
  caller?: string;
}

/** What gateways of this library add. */
export interface GatewayCallOptions extends CallOptions {
  /** Of this call and what interceptors make of it. */
  canceller?: Canceller;
}

/** The type of a reply that was asked for with `returns`. @public */
export type ReplyOf<R> = R extends StringConstructor
  ? string
  : R extends NumberConstructor
    ? number
    : R extends BooleanConstructor
      ? boolean
      : R extends BigIntConstructor
        ? bigint
        : R extends Uint8ArrayConstructor
          ? Uint8Array
          : R extends ArrayConstructor
            ? unknown[]
            : R extends ObjectConstructor
              ? Record<string, unknown>
              : R extends MarshalerClass<infer M>
                ? M
                : R extends ProtoSchema<infer T>
                  ? T
                  : unknown;
