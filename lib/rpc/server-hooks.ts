import type { RpcContext } from '../common/call-context.js';
import type { RpcError } from '../common/rpc-error.js';
import type { HandlerDescriptor } from './handler-entry.js';

/** A served call, as hooks see it. @public */
export interface ServedCall {
  readonly path: string;
  readonly args: readonly unknown[];
  readonly context: RpcContext;
}

/**
 * Watches a node's calls (mqant's RPCListener). All are optional; what `complete` and `error` throw is logged and changes nothing.
 * @public
 */
export interface ServerHooks {
  /** Before the handler; throwing refuses the call with that error. */
  before?(call: ServedCall): void | Promise<void>;
  /** After the handler returned. */
  complete?(call: ServedCall, result: unknown, durationMs: number): void;
  /** After a call failed for whatever reason, the handler's own errors included; `error` is what the caller gets. */
  error?(call: ServedCall, error: RpcError, durationMs: number): void;
  /** A path without handler: may supply one (mqant's NoFoundFunction). It is asked once per path, unless it answers undefined, or a descriptor that it gave before: that one then serves any number of paths. */
  unknown?(path: string): HandlerDescriptor | undefined;
}
