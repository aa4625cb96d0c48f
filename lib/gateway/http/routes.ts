import { BootError } from '../../common/boot-error.js';
import type { GatewayRoute } from './gateway-route.js';
import { ALL_METHODS } from './gateway-route.js';
import type { HttpRouteEntry, ResolvedHttpOptions } from './http.options.js';
import { decodedSegments, readPath } from './request-path.js';
import { canTellOutside } from '../wire-filter.js';

/** `/<service>/<path...>`, for public handlers only. */
export function defaultRoute({ prefix, services, nodes, style }: NonNullable<ResolvedHttpOptions['defaultRoute']>): GatewayRoute {
  const rules = { services: services && new Set(services), nodes };
  return {
    methods: ALL_METHODS,
    path: `${prefix}/*`,
    style,
    args: 'default',
    status: undefined,
    call: { external: true, filters: [canTellOutside] },
    plan: remembered((path) => {
      const { target, rest, whole } = readPath(path.slice(prefix.length), rules);
      return { target, fn: style === 'mqant' ? whole : rest };
    }),
  };
}

/** An entry of the user's table. */
export function tableRoute(entry: HttpRouteEntry): GatewayRoute {
  const { method, path, target, fn, style = 'json', args, status, timeoutMs, selector, filters, rewrite } = entry;
  const isOpen = fn === undefined && path.endsWith('*');
  const base = path.slice(0, -1);
  return {
    methods: method === undefined ? ALL_METHODS : typeof method === 'string' ? [method.toUpperCase()] : method.map((name) => name.toUpperCase()),
    path,
    style,
    args: args ?? (path.endsWith('*') ? 'default' : 'merged'),
    status,
    // Who names a handler means it. Behind `*` a stranger names it.
    call: { external: isOpen, ...(timeoutMs !== undefined && { timeoutMs }), ...(selector && { selector }), ...(filters && { filters }) },
    plan: (given) => {
      const decoded = `/${decodedSegments(given).join('/')}`;
      const whole = rewrite ? rewrite(decoded) : decoded;
      if (fn !== undefined) return { target, fn };
      return { target, fn: style === 'mqant' || !isOpen || rewrite ? whole : `/${whole.slice(base.length)}` };
    },
  };
}

/** The server would fail at the second of two, and say little. @throws BootError HTTP_ROUTE */
export function withoutTwins(routes: readonly GatewayRoute[]): GatewayRoute[] {
  const taken = new Set<string>();
  for (const { methods, path } of routes) {
    for (const method of methods) {
      const key = `${method} ${path.replace(/:[^/]+/g, ':')}`;
      if (taken.has(key)) throw new BootError('HTTP_ROUTE', `two routes of the gateway take ${method} ${path}; give each its own path or method, and for a route '/*' of your own say defaultRoute: false`);
      taken.add(key);
    }
  }
  return [...routes];
}

/** Paths that are remembered, and the longest of them: strangers write them, so both are bounded. */
const MOST_PATHS = 500;
const LONGEST_PATH = 200;

/** Reads a path once: clients ask for the same few again and again. */
function remembered(plan: GatewayRoute['plan']): GatewayRoute['plan'] {
  const known = new Map<string, ReturnType<GatewayRoute['plan']>>();
  return (path) => {
    let found = known.get(path);
    if (found !== undefined) return found;
    found = plan(path);
    if (known.size >= MOST_PATHS) known.clear();
    if (path.length <= LONGEST_PATH) known.set(path, found);
    return found;
  };
}
