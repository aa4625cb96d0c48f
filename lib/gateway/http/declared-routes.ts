import { BootError, bootErrors } from '../../common/boot-error.js';
import type { HandlerOptions } from '../../common/handler-options.js';
import { handlersOf } from '../../metadata/handler.decorator.js';
import { markedMethods } from '../../metadata/marked-methods.js';
import { RPC_CONTRACT } from '../../metadata/rpc-contract.decorator.js';
import { RPC_MODULE } from '../../metadata/rpc-module.decorator.js';
import type { GatewayRoute } from './gateway-route.js';
import { HTTP_ROUTES, type HttpRouteOptions } from './http-route.decorator.js';
import { pathMistake } from './route-path.js';
import { canTellOutside } from '../wire-filter.js';

/** A public handler with a route. */
export interface DeclaredRoute {
  readonly type: string;
  readonly classRef: Function;
  readonly method: string;
  readonly fn: string;
  readonly verb: string;
  readonly path: string;
  readonly options: HttpRouteOptions;
}

/** A handler that those outside may call. */
export interface PublicHandler {
  readonly type: string;
  readonly classRef: Function;
  readonly method: string;
  readonly fn: string;
}

/** A class of handlers, with what its service says for all of them. */
interface Host {
  readonly type: string;
  readonly classRef: Function;
  readonly defaults: HandlerOptions | undefined;
}

/**
 * What classes of services declare, also of those that run elsewhere.
 * @param services classes with `@RpcModule` or `@RpcContract`
 * @throws BootError HTTP_ROUTE, all of them together
 */
export function declaredRoutes(services: Iterable<Function>): { readonly routes: readonly DeclaredRoute[]; readonly handlers: readonly PublicHandler[] } {
  const errors: BootError[] = [];
  const routes: DeclaredRoute[] = [];
  const handlers: PublicHandler[] = [];
  const taken = new Map<string, { readonly type: string; readonly fn: string }>();
  for (const { type, classRef, defaults } of hostsOf(services)) {
    const own = handlersOf(classRef).map(({ method, path, options }) => ({ method, fn: path, isPublic: { ...defaults, ...options }.public ?? path.startsWith('HD_') }));
    handlers.push(...own.filter(({ isPublic }) => isPublic).map(({ method, fn }) => ({ type, classRef, method, fn })));
    for (const { method, verb, path, options } of markedMethods(HTTP_ROUTES, classRef)) {
      const where = `@HttpRoute('${verb}', '${path}') of ${classRef.name}.${method}`;
      const handler = own.find((candidate) => candidate.method === method);
      const key = `${verb} ${path.replace(/:[^/]+/g, ':')}`;
      const twin = taken.get(key);
      if (handler === undefined) errors.push(wrong(`${where} is on no handler; write @Handler('/path', { public: true }) beside it`));
      else if (!handler.isPublic) errors.push(wrong(`${where}: the handler '${handler.fn}' is not public, so that no gateway could call it; write { public: true }`));
      else if (pathMistake(path) !== undefined) errors.push(wrong(`${where}: ${pathMistake(path)}`));
      // A contract and the service that keeps it say the same.
      else if (twin?.type === type && twin.fn === handler.fn) continue;
      else if (twin !== undefined) errors.push(wrong(`${where} is the route of ${twin.type} ${twin.fn} as well`));
      else routes.push({ type, classRef, method, fn: handler.fn, verb, path, options });
      if (handler) taken.set(key, { type, fn: handler.fn });
    }
  }
  if (errors.length > 0) throw bootErrors(errors);
  return { routes, handlers };
}

/** As the gateway serves it. */
export function routeOf({ type, fn, verb, path, options }: DeclaredRoute): GatewayRoute {
  const { args, status, timeoutMs } = options;
  const plan = Object.freeze({ target: type, fn });
  return {
    // Whoever reads a thing may ask for its head.
    methods: verb === 'GET' ? ['GET', 'HEAD'] : [verb],
    path,
    style: 'json',
    args: args ?? 'merged',
    status,
    call: { external: true, filters: [canTellOutside], ...(timeoutMs !== undefined && { timeoutMs }) },
    plan: () => plan,
  };
}

/** The classes of each service: itself, its providers and its controllers. */
function hostsOf(services: Iterable<Function>): Host[] {
  const seen = new Set<Function>();
  const hosts: Host[] = [];
  for (const service of services) {
    const options = RPC_MODULE.own(service);
    const type = options?.type ?? RPC_CONTRACT.read(service)?.type;
    if (type === undefined) throw wrong(`${service.name} among the contracts has neither @RpcContract nor @RpcModule, so that nobody knows its service`);
    const listed = ['providers', 'controllers'].flatMap((key) => ((Reflect.getMetadata(key, service) as unknown[] | undefined) ?? []).map(classOf));
    for (const classRef of [service, ...listed]) {
      if (classRef === undefined || seen.has(classRef)) continue;
      seen.add(classRef);
      hosts.push({ type, classRef, defaults: options?.defaults });
    }
  }
  return hosts;
}

function classOf(provider: unknown): Function | undefined {
  if (typeof provider === 'function') return provider;
  const useClass = (provider as { useClass?: unknown } | null)?.useClass;
  return typeof useClass === 'function' ? useClass : undefined;
}

function wrong(message: string): BootError {
  return new BootError('HTTP_ROUTE', message);
}
