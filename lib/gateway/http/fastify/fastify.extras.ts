import type { FastifyInstance } from 'fastify';
import { loadPeer } from '../../../common/peer.js';
import { HttpFailure } from '../http-failure.js';
import type { ResolvedHttpOptions } from '../http.options.js';

/** Nest's adapter, as far as it matters here. */
interface CorsAdapter {
  enableCors(options: object): void;
  getInstance(): unknown;
}

const EXPOSED = ['x-request-id', 'retry-after'];

/** What a gateway adds to its app when it is told to. @throws BootError PEER_MISSING */
export async function addExtras(adapter: CorsAdapter, { cors, rateLimit, compress }: Pick<ResolvedHttpOptions, 'cors' | 'rateLimit' | 'compress'>): Promise<void> {
  const instance = adapter.getInstance() as FastifyInstance;
  if (cors) {
    const { origins, credentials = false, exposedHeaders = EXPOSED, maxAgeSeconds = 600 } = cors;
    adapter.enableCors({ origin: origins === '*' ? '*' : [...origins], credentials, exposedHeaders: [...exposedHeaders], maxAge: maxAgeSeconds, methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] });
  }
  if (rateLimit) {
    const plugin = await loadPeer('@fastify/rate-limit', 'HttpGatewayModule.forRoot({ rateLimit })', () => import('@fastify/rate-limit'));
    const { max, windowMs = 60_000 } = rateLimit;
    await instance.register(plugin.default, {
      max,
      timeWindow: windowMs,
      errorResponseBuilder: (_request, { ttl }) => new HttpFailure(429, 'RESOURCE_EXHAUSTED', 'RATE_LIMIT', `more than ${max} requests`, { 'retry-after': String(Math.ceil(ttl / 1000)) }),
    });
  }
  if (compress) {
    const plugin = await loadPeer('@fastify/compress', 'HttpGatewayModule.forRoot({ compress })', () => import('@fastify/compress'));
    // Bodies of requests stay as they are: one that unpacks itself would get past bodyBytes.
    await instance.register(plugin.default, { globalDecompression: false });
  }
}
