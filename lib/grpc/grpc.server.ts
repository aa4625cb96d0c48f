import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import type { Server } from '@grpc/grpc-js';
import { BootError } from '../common/boot-error.js';
import { advertisedHost, hostPort } from '../common/host-port.js';
import type { AppPart, HealthReport, NodeToAdvertise } from '../common/lifecycle.js';
import { messageOf } from '../common/message-of.js';
import { NODE_META } from '../common/service-node.js';
import { AppPartProvider } from '../metadata/app-part.decorator.js';
import { APP_CONFIG, APP_HANDLE } from '../metadata/tokens.js';
import type { ServiceHost } from '../rpc/service-host.js';
import { GENERIC_SERVICE, GenericService } from './generic.service.js';
import { type CallShared, openCalls } from './grpc.calls.js';
import { serverCredentials } from './grpc.credentials.js';
import { GrpcMethods } from './grpc.methods.js';
import { GRPC_MODULE_OPTIONS, type GrpcModuleOptions, type GrpcServerConfig, serverOptions } from './grpc.options.js';
import { GrpcReflection } from './grpc.reflection.js';
import { HEALTH_SERVICE, HealthService } from './health.service.js';
import { type GrpcLibrary, loadGrpc } from './load-grpc.js';

/** What is still under way when everything has been answered, such as the last bytes to a slow client, gets this long. */
const LINGER_MS = 2000;
/** The same, when the time for stopping is over. */
const HURRY_MS = 300;

/**
 * The gRPC server of the app. Its methods are handlers of their modules' nodes, so that refusing, waiting and aborting on a stop are the nodes' own;
 * when this part stops, nothing runs any more.
 * @public
 */
@Injectable()
@AppPartProvider()
export class GrpcServer implements AppPart {
  readonly name = 'grpc';
  readonly phase = 'transport';
  private readonly logger = new Logger('grpc');
  private server: Server | undefined;
  private healthService: HealthService | undefined;
  private reflection: GrpcReflection | undefined;
  private boundPort: number | undefined;
  private shared: CallShared | undefined;

  /** @internal */
  constructor(
    @Inject(APP_HANDLE) private readonly host: ServiceHost,
    private readonly methods: GrpcMethods,
    @Inject(APP_CONFIG) private readonly config: () => { readonly grpc: GrpcServerConfig; readonly workDir: string },
    @Optional() @Inject(GRPC_MODULE_OPTIONS) private readonly options: GrpcModuleOptions = {},
  ) {}

  /** Where it listens; undefined before it does and after it stopped. */
  get port(): number | undefined {
    return this.boundPort;
  }

  /** @throws BootError GRPC_LISTEN, GRPC_TLS, PEER_MISSING */
  async start(): Promise<void> {
    const { grpc: config, workDir } = this.config();
    const library = await loadGrpc('@GrpcService');
    const credentials = this.options.credentials ?? (await serverCredentials(library, config.tls, workDir, (message) => this.logger.warn(message)));
    const server = (this.server = new library.Server(serverOptions(config, this.options.channelOptions)));
    await this.register(server, library, config);
    const address = hostPort(config.host.replace(/^\[(.*)\]$/, '$1'), config.port);
    this.boundPort = await new Promise<number>((resolve, reject) => {
      server.bindAsync(address, credentials, (error, port) => (error ? reject(cannotListen(address, error)) : resolve(port)));
    });
    this.logger.log(`gRPC listens on ${hostPort(config.host, this.boundPort)}: ${this.names(config).join(', ')}`);
  }

  /** New connections are refused, clients are told to go elsewhere (GOAWAY); what is still being sent may end. */
  async stop(signal: AbortSignal): Promise<void> {
    const { server } = this;
    this.boundPort = undefined;
    this.healthService?.close();
    this.reflection?.close();
    if (server === undefined) return;
    const { clock } = this.host.rpc.deps;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        cancel();
        signal.removeEventListener('abort', force);
        resolve();
      };
      const force = (): void => {
        server.forceShutdown();
        done();
      };
      const cancel = clock.after(this.shared?.hasCut || signal.aborted ? HURRY_MS : LINGER_MS, force, true);
      signal.addEventListener('abort', force, { once: true });
      server.tryShutdown(done);
    });
  }

  health(): HealthReport {
    return this.boundPort === undefined ? { status: 'down', detail: 'it does not listen' } : { status: 'up' };
  }

  /** Nodes with a method of their own; with the generic service, all. */
  endpoints({ type, host }: NodeToAdvertise): Record<string, string> {
    const { grpc: config } = this.config();
    if (this.boundPort === undefined) return {};
    if (config.generic === 'off' && !this.methods.served.some((served) => this.host.hostOf(type)?.nodeId === served.host.nodeId)) return {};
    return { [NODE_META.grpc]: hostPort(advertisedHost(config.host, host), this.boundPort) };
  }

  private async register(server: Server, library: GrpcLibrary, config: GrpcServerConfig): Promise<void> {
    const { clock } = this.host.rpc.deps;
    const shared = (this.shared = { grpc: library, clock, timeoutMs: () => this.host.rpc.deps.timeoutMs, hasCut: false });
    for (const served of this.methods.served) {
      const { path, requestDeserialize } = served.method;
      server.register(path, openCalls(served, shared), (bytes: Buffer) => bytes, requestDeserialize, TYPE_OF_KIND[served.kind]);
    }
    if (config.generic !== 'off') new GenericService(this.host, config.generic === 'public').addTo(server, shared);
    this.healthService = new HealthService(this.healthNames(), () => this.host.health().serving, clock, (name) => config.generic !== 'off' && this.host.hostOf(name) !== undefined);
    this.healthService.addTo(server);
    if (!config.reflection) return;
    this.reflection = new GrpcReflection(await this.methods.protos.everything(), this.names(config));
    this.reflection.addTo(server);
  }

  private names(config: GrpcServerConfig): string[] {
    return [...this.methods.services.map(({ name }) => name), ...(config.generic === 'off' ? [] : [GENERIC_SERVICE]), HEALTH_SERVICE];
  }

  /** Full names, short ones (checks of Consul ask for these), and modules. */
  private healthNames(): Set<string> {
    const full = this.methods.services.map(({ name }) => name);
    const modules = this.methods.served.map(({ host }) => host.nodeId.split('@')[0]!);
    return new Set([...full, ...full.map((name) => name.split('.').at(-1)!), ...modules]);
  }
}

const TYPE_OF_KIND = { unary: 'unary', 'client streaming': 'clientStream', 'server streaming': 'serverStream', bidirectional: 'bidi' } as const;

function cannotListen(address: string, cause: Error): BootError {
  const text = messageOf(cause);
  const todo = /EADDRINUSE/.test(text)
    ? 'another process has the port; set another one (Anthill.grpc.port), or 0 for any'
    : /EACCES/.test(text)
      ? 'this user may not open it; take a port from 1024 on'
      : 'is Anthill.grpc.host an address of this machine?';
  return new BootError('GRPC_LISTEN', `the gRPC server cannot listen on ${address}: ${text}; ${todo}`, { cause });
}
