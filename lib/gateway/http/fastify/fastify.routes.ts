import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import type { RandomSource } from '../../../common/clock.js';
import { Canceller } from '../../../rpc/canceller.js';
import type { HttpReply, HttpRequest } from '../exchange.js';
import type { GatewayCore } from '../gateway-core.js';
import type { GatewayRoute } from '../gateway-route.js';
import { HttpFailure } from '../http-failure.js';
import { watchReader } from './fastify.readers.js';
import { ID_HEADER, RequestIds } from '../request-ids.js';

export interface MountOptions {
  readonly bodyBytes: number;
  /** For clients that do not read. */
  readonly answerTimeoutMs: number;
  readonly random: RandomSource;
  /** CORS answers OPTIONS. */
  readonly cors: boolean;
  /** Fixed answers to GET. */
  readonly pages: readonly { readonly path: string; readonly reply: HttpReply }[];
}


/** Serves the routes in a context of their own: bodies are bytes there, and errors are the gateway's. */
export function mountRoutes(instance: FastifyInstance, core: GatewayCore, routes: readonly GatewayRoute[], { bodyBytes, answerTimeoutMs, random, pages, cors }: MountOptions): void {
  // On every route of the app, the user's as well: a drained connection is over for all of them.
  instance.addHook('onSend', (_request, reply, payload, done) => {
    if (core.isDraining) void reply.header('connection', 'close');
    done(null, payload);
  });
  const ids = new RequestIds(random);
  void instance.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    // JSON by name too: the parser for all else is searched for.
    scope.addContentTypeParser(['application/json', '*'], { parseAs: 'buffer', bodyLimit: bodyBytes }, (_request, body, parsed) => parsed(null, body));
    scope.setErrorHandler((error, request, reply) => {
      const id = ids.of(request);
      send(reply, id, core.failed(asFailure(error), id, request.headers.accept));
    });
    for (const route of routes) {
      const handle = core.handlerOf(route);
      scope.route({
        method: [...route.methods] as HTTPMethods[],
        url: route.path,
        exposeHeadRoute: false,
        handler: (request, reply) => {
          const id = ids.of(request);
          handle(requestOf(request, reply, id), (answer) => {
            watchReader(reply.raw, answer, answerTimeoutMs);
            send(reply, id, answer);
          });
        },
      });
    }
    for (const { path, reply: page } of pages) {
      scope.get(path, (request, reply) => send(reply, ids.of(request), page));
    }
    for (const [path, methods] of methodsByPath(routes)) refuseOthers(scope, path, cors ? new Set([...methods, 'OPTIONS']) : methods, core, ids);
    done();
  });
}

/** A path that exists answers OPTIONS and refuses the methods that it lacks. */
function refuseOthers(scope: FastifyInstance, path: string, methods: ReadonlySet<string>, core: GatewayCore, ids: RequestIds): void {
  const allow = [...new Set([...methods, 'OPTIONS'])].join(', ');
  const others = scope.supportedMethods.filter((method) => !methods.has(method));
  scope.route({
    method: others as HTTPMethods[],
    url: path,
    exposeHeadRoute: false,
    handler: (request, reply) => {
      const id = ids.of(request);
      if (request.method === 'OPTIONS') send(reply, id, { status: 204, headers: { allow }, body: undefined });
      else send(reply, id, core.failed(new HttpFailure(405, 'UNIMPLEMENTED', 'METHOD_NOT_ALLOWED', `this path takes ${allow}`, { allow }), id, request.headers.accept));
    },
  });
}

/** Paths that differ only in the names of parameters are one. */
function methodsByPath(routes: readonly GatewayRoute[]): ReadonlyMap<string, ReadonlySet<string>> {
  const all = new Map<string, { readonly path: string; readonly methods: Set<string> }>();
  for (const { path, methods } of routes) {
    const shape = path.replace(/:[^/]+/g, ':');
    const known = all.get(shape) ?? { path, methods: new Set() };
    for (const method of methods) known.methods.add(method);
    all.set(shape, known);
  }
  return new Map([...all.values()].map((entry) => [entry.path, entry.methods]));
}

function requestOf(request: FastifyRequest, reply: FastifyReply, id: string): HttpRequest {
  const url = request.raw.url ?? '/';
  const mark = url.indexOf('?');
  const canceller = new Canceller();
  const answer = reply.raw as Watched;
  answer[CANCELLER] = canceller;
  answer.on('close', onClose);
  return {
    method: request.method,
    path: mark < 0 ? url : url.slice(0, mark),
    search: mark < 0 ? '' : url.slice(mark + 1),
    headers: request.headers,
    body: request.body instanceof Uint8Array ? request.body : undefined,
    params: request.params as Record<string, string>,
    ip: request.ip,
    id,
    canceller,
  };
}

const CANCELLER: unique symbol = Symbol('canceller');
type Watched = ServerResponse & { [CANCELLER]?: Canceller };

/** One function for all requests: it finds theirs by itself. */
function onClose(this: Watched): void {
  if (!this.writableFinished) this[CANCELLER]?.cancel();
}

function send(reply: FastifyReply, id: string, { status, headers, body }: HttpReply): void {
  reply.code(status).header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
  void reply.headers(headers as Record<string, string | string[]>).header(ID_HEADER, id).send(body === undefined || typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength));
}

/** What Fastify refuses, in the gateway's words. */
function asFailure(error: unknown): unknown {
  const { statusCode, code, message } = error as { statusCode?: number; code?: string; message?: string };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new HttpFailure(413, 'RESOURCE_EXHAUSTED', 'PAYLOAD_TOO_LARGE', 'the body is too large');
  if (statusCode === 415) return new HttpFailure(415, 'INVALID_ARGUMENT', 'MEDIA_TYPE', 'the content type cannot be read');
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) return new HttpFailure(statusCode, 'INVALID_ARGUMENT', 'REQUEST_REFUSED', message ?? 'the request was refused');
  return error;
}
