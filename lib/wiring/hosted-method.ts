import type { InstanceWrapper, Module } from '@nestjs/core/internal';
import type { RpcContext } from '../common/call-context.js';
import type { HostKind } from './explore-classes.js';
import type { HandlerParam } from './handler-params.js';

/** A method that calls come to, where it lives in the container: what Nest's guards, interceptors, pipes and filters are put around. */
export interface HostedMethod {
  readonly kind: HostKind;
  readonly module: Module;
  readonly wrapper: InstanceWrapper;
  readonly classRef: Function;
  readonly method: string;
  /** What callers name; for messages and request-scoped providers. */
  readonly path: string;
  readonly params: readonly HandlerParam[];
  /** `Class.method`, for messages. */
  readonly origin: string;
  /**
   * What becomes of the result once interceptors have seen it; what it throws goes through the filters. For results that are work themselves,
   * such as a stream to be sent.
   */
  readonly finish?: ((result: unknown, context: RpcContext) => unknown) | undefined;
}
