import type { RpcCodeName } from './rpc-code.js';
import type { ArgTypes, ValueType } from './value-types.js';

/** How many calls of a handler run at once, see {@link HandlerOptions.concurrent}. @public */
export type Concurrency = boolean | number;

/** Options of one handler. @public */
export interface HandlerOptions {
  /**
   * `false`: one at a time together with all other such handlers of the node (mqant's Register). `true`: no limit (RegisterGO).
   * A number: at most that many of this handler. @default false
   */
  concurrent?: Concurrency;
  /** Narrows the serial lane: handlers of one name share one lane; `'handler'` gives this handler its own. */
  lane?: string;
  /** How many calls may wait for their turn; one more is refused with RESOURCE_EXHAUSTED. @default 1024 */
  queue?: number;
  /** After its deadline a handler that still runs is waited for this long before its lane moves on without it. `Infinity`: never. @default 1000 */
  abandonMs?: number;
  /** Types of the arguments on the wire, for those that TypeScript's metadata does not tell (`int`, `long`, `float`, protobuf). */
  args?: ArgTypes;
  /** Type of the result on the wire. */
  returns?: ValueType;
  /** How many trailing arguments a caller may leave out; TypeScript's `?` does not exist at run time, defaults (`b = 1`) need no mention. @default 0 */
  optional?: number;
  /** Reachable through gateways from outside. @default false, but true for paths that begin with `HD_` (mqant's name for what clients may call) */
  public?: boolean;
  /** Error classes this handler may throw that callers should get back as such (see `@RpcErrorClass`). */
  errors?: readonly ErrorClass[];
}

/** A class of errors. @public */
export type ErrorClass = abstract new (...args: never[]) => Error;

/** What a declared error class is on the wire. @public */
export interface ErrorTypeOptions {
  /** @default FAILED_PRECONDITION */
  code?: RpcCodeName;
  /** UPPER_SNAKE; the same on both sides. @default the class name in UPPER_SNAKE */
  reason?: string;
}
