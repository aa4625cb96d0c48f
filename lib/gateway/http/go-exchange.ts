import { validateHeaderName, validateHeaderValue } from 'node:http';
import { mediaType, readQuery } from './call-arguments.js';
import type { HttpReply, HttpRequest } from './exchange.js';
import type { GoRequest, GoResponse, GoValues } from './go-api.js';
import { decodedSegments } from './request-path.js';
import { HttpFailure } from './http-failure.js';

/** They belong to one connection, or follow from the body: never passed on. */
const OF_THE_CONNECTION: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  'content-length',
]);
const NO_BYTES = new Uint8Array(0);

/** A request as mqant's gateway passes it on. `X-Forwarded-For` is the client's address as we see it, whatever the client says. @throws HttpFailure for a body that a proto string cannot hold */
export function goRequest(request: HttpRequest): GoRequest {
  const { method, path, search, headers, body = NO_BYTES, ip, id } = request;
  const header: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !OF_THE_CONNECTION.has(name)) header[canonical(name)] = typeof value === 'string' ? [value] : value;
  }
  Object.assign(header, { 'X-Forwarded-For': [ip], 'X-Request-Id': [id] });
  const isForm = mediaType(headers['content-type']) === 'application/x-www-form-urlencoded';
  const text = readText(body);
  return {
    method,
    path: `/${decodedSegments(path).join('/')}`,
    header,
    get: listed(readQuery(search)),
    post: isForm ? listed(readQuery(text)) : {},
    body: isForm ? NO_BYTES : body,
    url: search === '' ? path : `${path}?${search}`,
  };
}

function readText(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new HttpFailure(415, 'INVALID_ARGUMENT', 'MEDIA_TYPE', 'this route takes bodies in UTF-8 only');
  }
}

function listed(query: ReturnType<typeof readQuery>): GoValues {
  return Object.fromEntries(Object.entries(query).map(([key, value]) => [key, typeof value === 'string' ? [value] : value]));
}

/** `Content-Type`, as Go's net/http has it. */
export function canonical(name: string): string {
  return name.replace(/[^-]+/g, (word) => word[0]!.toUpperCase() + word.slice(1).toLowerCase());
}

/** What a service answered. Headers that could break the answer are left out. */
export function replyOfGo({ statusCode, header, body }: GoResponse): HttpReply {
  const headers: Record<string, string | readonly string[]> = {};
  for (const [name, list] of Object.entries(header)) {
    const key = name.toLowerCase();
    if (list.length > 0 && !OF_THE_CONNECTION.has(key) && list.every((value) => isSound(key, value))) headers[key] = list.length === 1 ? list[0]! : list;
  }
  headers['content-type'] ??= 'application/json';
  return { status: statusCode >= 200 && statusCode < 600 ? statusCode : statusCode === 0 ? 200 : 502, headers, body };
}

function isSound(name: string, value: string): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
}

/** Of a request that a gateway passed on. */
export function webRequest(message: GoRequest, signal: AbortSignal): Request {
  const headers = new Headers();
  for (const [name, list] of Object.entries(message.header)) {
    if (OF_THE_CONNECTION.has(name.toLowerCase())) continue;
    for (const value of list) if (isSound(name, value)) headers.append(name, value);
  }
  const { method, post, body } = message;
  const form = Object.entries(post).flatMap(([key, list]) => list.map((value): [string, string] => [key, value]));
  const payload = form.length > 0 ? new URLSearchParams(form).toString() : body;
  const hasBody = method !== 'GET' && method !== 'HEAD' && payload.length > 0;
  return new Request(urlOf(message), { method, headers, signal, ...(hasBody && { body: payload as string | Uint8Array<ArrayBuffer> }) });
}

/** `Host` names the site; what the message says of the path cannot lead to another one. */
function urlOf({ url, path, get, header }: GoRequest): URL {
  const host = header.Host?.[0] ?? header.host?.[0] ?? 'localhost';
  const base = new URL(/^[\w.:[\]-]+$/.test(host) ? `http://${host}` : 'http://localhost');
  const query = new URLSearchParams(Object.entries(get).flatMap(([key, list]) => list.map((value): [string, string] => [key, value]))).toString();
  const [pathname, search] = url.startsWith('/') ? split(url) : [encodeURI(path), query];
  base.pathname = pathname;
  base.search = search;
  return base;
}

function split(url: string): [string, string] {
  const mark = url.indexOf('?');
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)];
}

export async function goResponse(response: Response): Promise<GoResponse> {
  const header: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (const [name, value] of response.headers) if (name !== 'set-cookie') header[canonical(name)] = [value];
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) header['Set-Cookie'] = cookies;
  return { statusCode: response.status, header, body: new Uint8Array(await response.arrayBuffer()) };
}

