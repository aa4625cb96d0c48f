import type { RpcContext } from '../common/call-context.js';
import type { Concurrency, ErrorClass, HandlerOptions } from '../common/handler-options.js';
import type { RpcError } from '../common/rpc-error.js';
import type { ArgTypes, ValueType } from '../common/value-types.js';

export type { Concurrency, ErrorClass, HandlerOptions };

/** A handler as the server runs it. No decorator needed: tests and plug-ins make them by hand. @plugin */
export interface HandlerDescriptor {
  readonly path: string;
  readonly options: HandlerOptions;
  /** Where it is defined, `Class.method`, for messages. */
  readonly origin: string;
  /** How many positional arguments it takes; undefined: any number. */
  readonly arity?: { readonly min: number; readonly max: number } | undefined;
  /** The argument that is a session, for handlers that want one. */
  readonly sessionAt?: number | undefined;
  /** Runs it. May return a promise. */
  readonly invoke: (args: readonly unknown[], context: RpcContext) => unknown;
}

/** A bound handler. Wires need its declared types to decode arguments; the rest is the server's. */
export interface HandlerEntry {
  readonly path: string;
  readonly argTypes: ArgTypes | undefined;
  readonly sessionAt?: number | undefined;
  readonly returns: ValueType | undefined;
  readonly public: boolean;
}

/** Where a wire wants the outcome. */
export interface Responder {
  /** It aborts the call's context itself when the deadline passes. @default false: the server does */
  readonly keepsDeadline?: boolean;
  reply(value: unknown): void;
  fail(error: RpcError): void;
}
