import { defineMetadata } from '../../metadata/define-metadata.js';
import { type MarkedMethod, markMethod } from '../../metadata/marked-methods.js';
import type { ArgumentSource } from './call-arguments.js';

/** Options of a route on a handler. @public */
export interface HttpRouteOptions {
  /** Where the arguments come from, one by one. @default one object of query, body and path, the first argument */
  args?: readonly ArgumentSource[];
  /** Status of a good answer. With 204 the result is left out. @default 200 */
  status?: number;
  /** Deadline of the call, in milliseconds. @default the gateway's */
  timeoutMs?: number;
}

/** What `@HttpRoute` saw. */
export interface HttpRouteMetadata extends MarkedMethod {
  readonly verb: string;
  readonly path: string;
  readonly options: HttpRouteOptions;
}

/** On the class: its own routes in source order. */
export const HTTP_ROUTES = defineMetadata<readonly HttpRouteMetadata[]>('http routes');

/**
 * Gives a public handler a route of its own: `@HttpRoute('GET', '/users/:id')` beside `@Handler('/user/get', { public: true })`. HTTP gateways serve it whose code has the class, whatever process
 * it runs in, and those that are given it as a contract.
 * @param path parameters as `:name`
 * @public
 */
export function HttpRoute(method: string, path: string, options: HttpRouteOptions = {}) {
  return (target: object, name: string, descriptor?: PropertyDescriptor): void => {
    markMethod(HTTP_ROUTES, { target, method: name, descriptor }, { verb: method.toUpperCase(), path, options: Object.freeze({ ...options }) });
  };
}
