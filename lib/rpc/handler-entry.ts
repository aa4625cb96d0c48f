import type { RpcContext } from '../common/call-context.js';
import type { RpcError } from '../common/rpc-error.js';
import type { ValueType } from './value-types.js';

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
  args?: readonly ValueType[];
  /** Type of the result on the wire. */
  returns?: ValueType;
  /** Reachable through gateways from outside. @default false */
  public?: boolean;
  /** Error classes this handler may throw that callers should get back as such (see `@RpcErrorClass`). */
  errors?: readonly ErrorClass[];
}

/** A class of errors. @public */
export type ErrorClass = abstract new (...args: never[]) => Error;

/** A handler as the server runs it. No decorator needed: tests and plug-ins make them by hand. @plugin */
export interface HandlerDescriptor {
  readonly path: string;
  readonly options: HandlerOptions;
  /** Where it is defined, `Class.method`, for messages. */
  readonly origin: string;
  /** How many positional arguments it takes; undefined: any number. */
  readonly arity?: { readonly min: number; readonly max: number } | undefined;
  /** Runs it. May return a promise. */
  readonly invoke: (args: readonly unknown[], context: RpcContext) => unknown;
}

/** A bound handler. Wires need its declared types to decode arguments; the rest is the server's. */
export interface HandlerEntry {
  readonly path: string;
  readonly argTypes: readonly ValueType[] | undefined;
  readonly returns: ValueType | undefined;
  readonly public: boolean;
}

/** Where a wire wants the outcome. */
export interface Responder {
  reply(value: unknown): void;
  fail(error: RpcError): void;
}
