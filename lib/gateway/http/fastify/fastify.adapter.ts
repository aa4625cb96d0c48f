import type { HttpServer } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { loadPeer } from '../../../common/peer.js';
import type { ResolvedHttpOptions } from '../http.options.js';
import { pathRefusal, refuseClient } from './fastify.refusals.js';

/** On adapters that the gateway made, and so listens with. */
export const OWN_ADAPTER: unique symbol = Symbol('adapter of the HTTP gateway');

/** Bytes; Node's own. */
const MAX_HEADER_BYTES = 16_384;
/** Longest segment of a path. */
const MAX_PARAM_LENGTH = 1024;

/** Nest's adapter for an app of RpcFactory, with limits against clients that are slow on purpose. @throws BootError PEER_MISSING */
export async function gatewayAdapter({ bodyBytes, requestTimeoutMs, keepAliveMs, trustedProxies, errors }: ResolvedHttpOptions): Promise<HttpServer> {
  const { FastifyAdapter } = await loadPeer('@nestjs/platform-fastify', 'HttpGatewayModule', () => import('@nestjs/platform-fastify'));
  const adapter = new FastifyAdapter({
    bodyLimit: bodyBytes,
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveMs,
    http: {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: Math.min(requestTimeoutMs, 15_000),
      connectionsCheckingInterval: Math.max(100, Math.min(5000, Math.ceil(requestTimeoutMs / 4))),
    },
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    // The gateway closes connections more gently, and before.
    return503OnClosing: false,
    frameworkErrors: (error: { statusCode?: number }, _request: FastifyRequest, reply: FastifyReply) => {
      const { status, headers, body } = pathRefusal(error.statusCode, errors);
      void reply.code(status).headers(headers as Record<string, string>).send(body);
    },
    clientErrorHandler: refuseClient(errors),
  });
  Object.defineProperty(adapter, OWN_ADAPTER, { value: true });
  return adapter as unknown as HttpServer;
}
