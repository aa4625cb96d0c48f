import type { HttpRequest, Query } from './exchange.js';
import { badRequest, HttpFailure } from './http-failure.js';
import { isPrototypeKey, readJson } from './read-json.js';

/** Keys of one query. */
const MAX_KEYS = 1000;

/**
 * The arguments of a call on the default route. A JSON array is the arguments one by one; any other JSON, and bytes, are the first one. Without a body: `?args=[...]`
 * one by one, or the query as one object of texts.
 * @throws HttpFailure
 */
export function defaultArguments(request: HttpRequest): readonly unknown[] {
  const body = readBody(request);
  if (body !== undefined) return Array.isArray(body) ? (body as unknown[]) : [body];
  const query = readQuery(request.search);
  const { args } = query;
  if (typeof args === 'string') {
    const list = readJson(args, 'the query value args');
    if (!Array.isArray(list)) throw badRequest('ARGUMENTS', 'the query value args must be a JSON array');
    return list as unknown[];
  }
  return Object.keys(query).length === 0 ? [] : [query];
}

/** The arguments of a call on a route: see {@link ArgumentSource}. @throws HttpFailure */
export function routeArguments(request: HttpRequest, sources: readonly ArgumentSource[] | undefined): readonly unknown[] {
  if (sources === undefined) return [mergedArgument(request)];
  let body: { value: unknown } | undefined;
  let query: Query | undefined;
  return sources.map((source) => {
    const dot = source.indexOf('.');
    const from = dot < 0 ? source : source.slice(0, dot);
    const key = dot < 0 ? undefined : source.slice(dot + 1);
    if (from === 'params') return property(request.params, key);
    if (from === 'query') return property((query ??= readQuery(request.search)), key);
    if (from === 'headers') return property(request.headers, key?.toLowerCase());
    return property((body ??= { value: readBody(request) }).value, key);
  });
}

/** Where an argument of a route comes from: all of it, or one value. @public */
export type ArgumentSource = 'body' | 'query' | 'params' | `body.${string}` | `query.${string}` | `params.${string}` | `headers.${string}`;

/** Query, body and path in one object; what is more specific wins. */
function mergedArgument(request: HttpRequest): object {
  const body = readBody(request);
  if (body !== undefined && (typeof body !== 'object' || body === null || Array.isArray(body) || body instanceof Uint8Array)) {
    throw badRequest('ARGUMENTS', 'the body must be a JSON object');
  }
  return { ...readQuery(request.search), ...body, ...request.params };
}

function property(value: unknown, key: string | undefined): unknown {
  if (key === undefined) return value;
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}

/** Undefined for none. @throws HttpFailure */
export function readBody({ body, headers }: HttpRequest): unknown {
  if (body === undefined || body.length === 0) return undefined;
  const encoding = headers['content-encoding'];
  // Never unpacked: a small body could become any size.
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') throw new HttpFailure(415, 'INVALID_ARGUMENT', 'MEDIA_TYPE', 'bodies of requests are not unpacked: send them as they are', { 'accept-encoding': 'identity' });
  const type = mediaType(headers['content-type']);
  if (type === '' || type === 'application/json' || type.endsWith('+json')) return readJson(body, 'the body');
  if (type === 'application/octet-stream') return body;
  throw new HttpFailure(415, 'INVALID_ARGUMENT', 'MEDIA_TYPE', `a body is application/json or application/octet-stream, not ${type.slice(0, 100)}`, { accept: 'application/json' });
}

export function mediaType(header: string | undefined): string {
  if (header === 'application/json') return header;
  return (header ?? '').split(';', 1)[0]!.trim().toLowerCase();
}

/** @throws HttpFailure */
export function readQuery(search: string): Query {
  const query = Object.create(null) as Record<string, string | string[]>;
  if (search === '') return query;
  let count = 0;
  for (const [key, value] of new URLSearchParams(search)) {
    if (++count > MAX_KEYS) throw badRequest('ARGUMENTS', `the query has more than ${MAX_KEYS} values`);
    if (isPrototypeKey(key)) throw badRequest('ARGUMENTS', `the query has a key '${key}' that reaches for a prototype`);
    const known = query[key];
    if (known === undefined) query[key] = value;
    else if (typeof known === 'string') query[key] = [known, value];
    else known.push(value);
  }
  return query;
}
