import type { ErrorClass } from './handler-options.js';
import type { SelectOptions } from './selection.js';
import type { ArgTypes, ReplyType, ValueType } from './value-types.js';

/** Options of an injected client; a call's own options win. @public */
export interface ClientOptions extends SelectOptions {
  /** Default deadline of its calls, in milliseconds. @default the app's (10000) */
  timeoutMs?: number;
  /** Only nodes of exactly this version. */
  version?: string;
  /** Added to the metadata of each call. */
  metadata?: Readonly<Record<string, string>>;
  /** How many other nodes may be tried when a request provably reached no handler. @default 3 */
  redirects?: number;
  /** Calls to a node of this process share values with it instead of copying them. @default true (copy) */
  localCopy?: boolean;
}

/** A method of a typed client. */
export interface ClientMethod {
  readonly name: string;
  readonly path: string;
  /** How many positional arguments callers give; what follows them is the call's options. Undefined: not known. */
  readonly arity: number | undefined;
  readonly argTypes: ArgTypes | undefined;
  /** Position of the gate's session among the arguments; callers do not give it. */
  readonly sessionAt?: number | undefined;
  readonly returns: ReplyType | ValueType | undefined;
}

/** What a typed client is made from: plain data read from a class with `@RpcModule` or `@RpcContract`. Frozen. */
export interface ClientContract {
  /** Service name: the target of the calls. */
  readonly type: string;
  /** Class name, for messages. */
  readonly name: string;
  readonly methods: readonly ClientMethod[];
  /** Error classes that replies may revive as. */
  readonly errors: readonly ErrorClass[];
}
