import type { FastifyInstance } from 'fastify';
import type { AddressInfo, Server } from 'node:net';
import { BootError } from '../../../common/boot-error.js';
import { hostPort } from '../../../common/host-port.js';
import type { GatewayCore } from '../gateway-core.js';
import type { GatewayRoute } from '../gateway-route.js';
import { OWN_ADAPTER } from './fastify.adapter.js';
import { drainServer } from './fastify.drain.js';
import { type MountOptions, mountRoutes } from './fastify.routes.js';

/** The server under the gateway. */
export interface GatewayServer {
  readonly port: number | undefined;
  /** False where the app around it listens. @throws BootError LISTEN_FAILED */
  listen(host: string, port: number): Promise<boolean>;
  /** Ends connections, those with a request at work after its answer. */
  close(signal: AbortSignal): Promise<void>;
}

/** Nest's adapter, as far as it matters. */
interface Adapter {
  getType(): string;
  getInstance(): unknown;
}

/** Only on Fastify. @throws BootError HTTP_ADAPTER */
export function checkAdapter(adapter: Adapter | undefined): void {
  const type = adapter?.getType?.();
  if (adapter === undefined || type !== 'fastify') {
    const what = type === 'express' ? 'this app runs on Express' : 'this app has no HTTP server';
    throw new BootError('HTTP_ADAPTER', `HttpGatewayModule needs Nest's Fastify adapter, and ${what}; write NestFactory.create(AppModule, new FastifyAdapter()) with @nestjs/platform-fastify, or let RpcFactory.create(AppModule) make the app`);
  }
}

/** Puts the gateway on Nest's adapter. */
export function mountedOn(adapter: Adapter, core: GatewayCore, routes: readonly GatewayRoute[], options: MountOptions): GatewayServer {
  const instance = adapter.getInstance() as FastifyInstance;
  mountRoutes(instance, core, routes, options);
  const own = OWN_ADAPTER in adapter;
  const server = instance.server as Server & { closeIdleConnections(): void; closeAllConnections(): void };
  return {
    get port() {
      return (server.address() as AddressInfo | null)?.port;
    },
    listen: async (host, port) => {
      if (!own) return false;
      try {
        await instance.listen({ host, port });
      } catch (cause) {
        throw new BootError('LISTEN_FAILED', `the HTTP gateway cannot listen on ${hostPort(host, port)}: ${(cause as Error).message}; set Anthill.http.port and .host (ANTHILL_HTTP__PORT)`, { cause });
      }
      return true;
    },
    close: async (signal) => {
      if (own && server.listening) await drainServer(server, signal);
    },
  };
}
