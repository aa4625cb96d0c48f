import { isIP } from 'node:net';
import type { NodeFilter, Selector } from '../../common/selection.js';
import { BootError } from '../../common/boot-error.js';
import { didYouMean } from '../../common/did-you-mean.js';
import type { ClientClass } from '../../metadata/tokens.js';
import type { ArgumentSource } from './call-arguments.js';
import type { ErrorFormat } from './problem.js';
import { pathMistake } from './route-path.js';

/** How a handler is called: with arguments and a result, or with mqant's `go.api.Request` and `Response`. @public */
export type RouteStyle = 'json' | 'mqant';

/** An entry of a gateway's own route table. @public */
export interface HttpRouteEntry {
  /** @default all */
  method?: string | readonly string[];
  /** `/users/:id`, or `/shop/*` for all below. */
  path: string;
  /** Service, or `type@id`. */
  target: string;
  /** Path of the handler. @default the rest behind `*` with a slash in front; with style 'mqant', and without a `*`, the whole path */
  fn?: string;
  /** @default 'json' */
  style?: RouteStyle;
  /** Where the arguments come from, one by one. @default one object of query, body and path; behind `*` as on the default route */
  args?: readonly ArgumentSource[];
  /** Status of a good answer. With 204 the result is left out. @default 200 */
  status?: number;
  timeoutMs?: number;
  selector?: Selector;
  filters?: readonly NodeFilter[];
  /** Changes the path before the handler's is made of it, such as `(path) => path.replace('/v1', '')`. Decoded, without the query. */
  rewrite?: (path: string) => string;
}

/** The route of `/<service>/<path>`. @public */
export interface DefaultRouteOptions {
  /** In front of the service: `/api`. @default '' */
  prefix?: string;
  /** Services that a path may name. @default all that the registry knows */
  services?: readonly string[];
  /** A path may name one node, `type@id`. @default false */
  nodes?: boolean;
  /** @default 'json' */
  style?: RouteStyle;
}

/** Pages of other origins that may call. @public */
export interface CorsOptions {
  /** `https://app.example`, or `*`: any page, without credentials. */
  origins: readonly string[] | '*';
  /** Cookies and the like come along. @default false */
  credentials?: boolean;
  /** Headers of answers that pages may read, besides the simple ones. @default x-request-id, retry-after */
  exposedHeaders?: readonly string[];
  /** How long a browser remembers the answer, in seconds. @default 600 */
  maxAgeSeconds?: number;
}

/** So many requests of one address; more are answered 429. @public */
export interface RateLimitOptions {
  max: number;
  /** @default 60000 */
  windowMs?: number;
}

/** Options of an HTTP gateway. Config (`Anthill.http`) wins where it says something. @public */
export interface HttpGatewayOptions {
  /** @default 8080; in a Nest app of your own, that app listens */
  port?: number;
  /** @default '0.0.0.0' */
  host?: string;
  /** Bytes. @default 1048576 */
  bodyBytes?: number;
  /** Deadline of calls, in milliseconds. @default the app's */
  timeoutMs?: number;
  /** A request must have come in by then, in milliseconds. @default 30000 */
  requestTimeoutMs?: number;
  /** In milliseconds. @default 65000 */
  keepAliveMs?: number;
  /** Addresses and networks (`10.0.0.0/8`) whose `X-Forwarded-*` are believed. @default none */
  trustedProxies?: readonly string[];
  /** Requests at work at the same time; more are answered 503. @default 10000 */
  inFlight?: number;
  /** Serve `/openapi.json` and `/docs`. @default false */
  openapi?: boolean;
  /** Title and version in the OpenAPI document. @default 'API', '0.0.0' */
  info?: { title: string; version: string };
  /** `false`: only route tables and `@HttpRoute`. */
  defaultRoute?: DefaultRouteOptions | false;
  /** Routes of your own. An entry may lead to handlers that are not public, and to nodes that speak only mqant's wire; one with `*` only to public ones where the node can tell. */
  routes?: readonly HttpRouteEntry[];
  /** Contracts whose `@HttpRoute`s are served, for services that this code does not have. */
  contracts?: readonly ClientClass[];
  /** Headers of requests that handlers get as metadata, by their names in lower case. @default none */
  forwardHeaders?: readonly string[];
  /** @default none: pages of other origins may not call */
  cors?: CorsOptions | false;
  /** By address, in this process; behind `trustedProxies` the client's. Needs the package `@fastify/rate-limit`. @default none */
  rateLimit?: RateLimitOptions | false;
  /** Compress answers as clients accept. Needs the package `@fastify/compress`. @default false */
  compress?: boolean;
  /** Format of errors where the client asks for none (`Accept: application/vnd.mqant+json`). @default 'problem' */
  errors?: ErrorFormat;
}

/** Options with defaults. */
export type ResolvedHttpOptions = Readonly<Required<Omit<HttpGatewayOptions, 'timeoutMs' | 'defaultRoute'>>> & {
  readonly timeoutMs: number | undefined;
  readonly defaultRoute: (Required<Omit<DefaultRouteOptions, 'services'>> & Pick<DefaultRouteOptions, 'services'>) | undefined;
};

const DEFAULTS = Object.freeze({
  port: 8080,
  host: '0.0.0.0',
  bodyBytes: 1_048_576,
  timeoutMs: undefined,
  requestTimeoutMs: 30_000,
  keepAliveMs: 65_000,
  trustedProxies: Object.freeze([]),
  inFlight: 10_000,
  openapi: false,
  info: Object.freeze({ title: 'API', version: '0.0.0' }),
  routes: Object.freeze([]),
  contracts: Object.freeze([]),
  forwardHeaders: Object.freeze([]),
  cors: false,
  rateLimit: false,
  compress: false,
  errors: 'problem',
} satisfies Omit<ResolvedHttpOptions, 'defaultRoute'>);

const DEFAULT_ROUTE = Object.freeze({ prefix: '', nodes: false, style: 'json' } satisfies DefaultRouteOptions);

const ENTRY = ['method', 'path', 'target', 'fn', 'style', 'args', 'status', 'timeoutMs', 'selector', 'filters', 'rewrite'];
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/**
 * @param config the section `http`, which wins
 * @throws BootError HTTP_OPTIONS
 */
export function resolveHttpOptions(options: HttpGatewayOptions, config: Partial<HttpGatewayOptions> = {}): ResolvedHttpOptions {
  check(options, [...Object.keys(DEFAULTS), 'defaultRoute'], '');
  const { defaultRoute = {}, ...rest } = options;
  if (defaultRoute !== false) {
    check(defaultRoute, [...Object.keys(DEFAULT_ROUTE), 'services'], 'defaultRoute.');
    const { prefix } = defaultRoute;
    if (prefix !== undefined && !/^(?:\/[A-Za-z0-9._~-]+)*$/.test(prefix)) throw wrong(`defaultRoute.prefix is '${prefix}'; write '/api'`);
  }
  const { cors, rateLimit } = rest;
  if (cors && cors.origins === '*' && cors.credentials) throw wrong("cors with credentials needs the origins by name: '*' would let any page act for the user");
  if (rateLimit && !(Number.isInteger(rateLimit.max) && rateLimit.max > 0)) throw wrong(`rateLimit.max is ${rateLimit.max}; give a whole number from 1`);
  for (const [name, value] of Object.entries({ bodyBytes: rest.bodyBytes, timeoutMs: rest.timeoutMs, inFlight: rest.inFlight })) {
    if (value !== undefined && !(typeof value === 'number' && value > 0)) throw wrong(`${name} cannot be ${String(value)}; give a number above 0`);
  }
  for (const entry of rest.routes ?? []) {
    const { path, target, method = [] } = entry;
    check(entry, ENTRY, `routes: '${String(path)}': `);
    const unknown = [method].flat().find((name) => !METHODS.has(String(name).toUpperCase()));
    if (unknown !== undefined) throw wrong(`the route '${path}' has the method '${unknown}'; methods are ${[...METHODS].join(', ')}`);
    const mistake = pathMistake(path);
    if (mistake !== undefined) throw wrong(`routes: ${mistake}`);
    if (typeof target !== 'string' || target === '') throw wrong(`the route '${path}' has no target; give the name of a service`);
  }
  for (const proxy of config.trustedProxies ?? rest.trustedProxies ?? []) {
    if (!isAddressOrNetwork(String(proxy))) throw wrong(`trustedProxies has '${String(proxy)}'; give addresses or networks, such as '10.0.0.0/8'`);
  }
  return Object.freeze({ ...DEFAULTS, ...defined(rest), ...defined(config), defaultRoute: defaultRoute === false ? undefined : { ...DEFAULT_ROUTE, ...defined(defaultRoute) } });
}

function check(options: object, known: readonly string[], where: string): void {
  for (const key of Object.keys(options)) if (!known.includes(key)) throw wrong(`unknown option "${where}${key}"${didYouMean(key, known)}`);
}

function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function isAddressOrNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const family = isIP(address);
  return family !== 0 && more.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)));
}

function wrong(what: string): BootError {
  return new BootError('HTTP_OPTIONS', `HttpGatewayModule.forRoot(): ${what}`);
}
