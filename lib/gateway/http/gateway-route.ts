import type { CallOptions } from '../../rpc/call-options.js';
import type { ArgumentSource } from './call-arguments.js';
import type { RouteStyle } from './http.options.js';

/** A route as the gateway serves it. */
export interface GatewayRoute {
  readonly methods: readonly string[];
  /** `/users/:id`, `/shop/*`. */
  readonly path: string;
  readonly style: RouteStyle;
  /** What to call for a path. @throws HttpFailure */
  readonly plan: (path: string) => { readonly target: string; readonly fn: string };
  /** Explicit sources, one object of all (`merged`), or as on the default route. */
  readonly args: readonly ArgumentSource[] | 'merged' | 'default';
  readonly status: number | undefined;
  readonly call: CallOptions;
}

/** Methods that a route without any is there for. */
export const ALL_METHODS: readonly string[] = Object.freeze(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);
