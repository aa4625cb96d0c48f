import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BootError } from '../common/boot-error.js';
import { advertisedHost, hostPort } from '../common/host-port.js';
import type { AppHealth, AppPart, NodeToAdvertise } from '../common/lifecycle.js';
import type { Logger } from '../common/logger.js';
import { NODE_META } from '../common/service-node.js';
import { AppPartProvider } from '../metadata/app-part.decorator.js';

/** hrpc's port. */
export const DEFAULT_HEALTH_PORT = 6688;
/** Whoever asks and then says no more is cut off: a probe is one short request. */
const PATIENCE_MS = 5000;
/** Probes come from an orchestrator, a registry and a load balancer; more is somebody else. */
const MAX_CONNECTIONS = 256;

/** Where the health server listens; all optional. @public */
export interface HealthOptions {
  /** 0: any free one. @default 6688 */
  port?: number;
  /** @default '0.0.0.0' */
  host?: string;
}

/** What a health server answers with. */
export interface HealthDeps {
  readonly health: () => AppHealth;
  readonly logger: Logger;
  /** A request may take this long to come in. @default 5000 */
  readonly patienceMs?: number;
}

/**
 * Answers probes over HTTP: `/livez` (the process runs), `/readyz` (it is ready; JSON of all parts), and on any other path what hrpc answers, `I'm alive.`, as
 * long as calls are answered. The first part to start and the last to stop: a process that starts, or drains, is alive and not ready.
 */
@AppPartProvider()
export class HealthServer implements AppPart {
  readonly name = 'health server';
  readonly phase = 'probe';
  private server: Server | undefined;

  constructor(
    private readonly options: HealthOptions,
    private readonly deps: HealthDeps,
  ) {}

  /** Where it listens; undefined when it does not. */
  get port(): number | undefined {
    return (this.server?.address() as AddressInfo | null | undefined)?.port;
  }

  /** @throws BootError HEALTH_PORT */
  async start(): Promise<void> {
    const { port = DEFAULT_HEALTH_PORT, host = '0.0.0.0' } = this.options;
    const patience = this.deps.patienceMs ?? PATIENCE_MS;
    const server = createServer(
      { headersTimeout: patience, requestTimeout: patience, keepAliveTimeout: patience, connectionsCheckingInterval: Math.ceil(patience / 5), maxHeaderSize: 8192 },
      (request, response) => this.answer(request, response),
    );
    server.maxConnections = MAX_CONNECTIONS;
    // Also for a connection that never says a word, or that never reads its answer.
    server.setTimeout(2 * patience);
    // What holds the process is the app's to decide.
    server.unref();
    await new Promise<void>((resolve, reject) => {
      const failed = (cause: NodeJS.ErrnoException): void => reject(new BootError('HEALTH_PORT', cannotListen(cause, hostPort(host, port)), { cause }));
      server.once('error', failed);
      server.listen(port, host, () => {
        server.off('error', failed);
        server.on('error', (error) => this.deps.logger.warn(`the health server: ${error.message}`));
        resolve();
      });
    });
    this.server = server;
    this.deps.logger.debug(`health on ${hostPort(host, this.port!)}`);
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  endpoints({ host }: NodeToAdvertise): Record<string, string> {
    return this.port === undefined ? {} : { [NODE_META.health]: hostPort(advertisedHost(this.options.host, host), this.port) };
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('Cache-Control', 'no-store');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return send(response, 405, 'text/plain; charset=utf-8', 'only GET and HEAD\n');
    }
    const path = request.url!.split('?', 1)[0];
    if (path === '/livez') return send(response, 200, 'text/plain; charset=utf-8', 'ok\n');
    const health = this.deps.health();
    if (path === '/readyz') return send(response, health.ready ? 200 : 503, 'application/json; charset=utf-8', `${JSON.stringify(health)}\n`);
    if (health.serving) return send(response, 200, 'text/plain; charset=utf-8', "I'm alive.");
    const down = health.parts.filter(({ status }) => status === 'down').map(({ name }) => name);
    send(response, 503, 'text/plain; charset=utf-8', `not serving: ${health.state}${down.length > 0 ? `, down: ${down.join(', ')}` : ''}`);
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

function cannotListen({ code, message }: NodeJS.ErrnoException, where: string): string {
  const why: Record<string, string> = { EADDRINUSE: 'another process listens there', EACCES: 'this user may not', EADDRNOTAVAIL: 'this machine has no such address' };
  return `the health server cannot listen on ${where}: ${why[code ?? ''] ?? message}; set Anthill.health.port and .host (ANTHILL_HEALTH__PORT)`;
}
