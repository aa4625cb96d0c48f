import { Inject } from '@nestjs/common';
import type { AppPart } from '../../common/lifecycle.js';
import { AppPartProvider } from '../../metadata/app-part.decorator.js';
import { APP_CONFIG, APP_HANDLE } from '../../metadata/tokens.js';
import type { ServiceHost } from '../../rpc/service-host.js';
import { roundRobin } from '../../selector/round-robin.selector.js';
import { ServiceDirectory } from '../../selector/service-directory.js';
import type { GrpcLibrary } from '../load-grpc.js';
import type { GrpcClientOptions } from './client-options.js';
import type { GrpcTarget } from './client-target.js';
import { GrpcConnection } from './grpc-connection.js';
import type { CalledService } from './service-ref.js';
import { staticDiscovery } from './static-discovery.js';
import { createTypedGrpcClient } from './typed-grpc-client.js';

/** A client that is wanted, all looked up and checked. */
export interface PreparedClient {
  readonly grpc: GrpcLibrary;
  readonly service: CalledService;
  readonly target: GrpcTarget;
  readonly options: GrpcClientOptions;
  /** For messages. */
  readonly where: string;
}

/** The gRPC clients of an app: they share its registry, its deadlines and its interceptors, and end with it. */
@AppPartProvider()
export class GrpcClients implements AppPart {
  readonly name = 'grpc clients';
  // Stopped after the destroy hooks, which may still call.
  readonly phase = 'transport';
  private readonly open: (() => void)[] = [];

  constructor(
    @Inject(APP_HANDLE) private readonly app: ServiceHost,
    @Inject(APP_CONFIG) private readonly config: () => { readonly environment?: string },
  ) {}

  /** @throws BootError */
  client({ grpc, service, target, options, where }: PreparedClient): object {
    const { deps } = this.app.rpc;
    const { loaded, methods } = service;
    const { environment } = this.config();
    if (target.kind === 'registry') {
      const connection = new GrpcConnection({ grpc, service: loaded, base: deps, picker: deps.picker, options, environment, where });
      this.open.push(() => connection.close());
      return createTypedGrpcClient(connection, target.name, methods, options);
    }
    const picker = new ServiceDirectory(staticDiscovery(loaded.name, target.addresses), { clock: deps.clock, selector: roundRobin() });
    const connection = new GrpcConnection({ grpc, service: loaded, base: { ...deps, mapRoute: undefined }, picker, options, environment, where });
    this.open.push(() => (connection.close(), picker.close()));
    return createTypedGrpcClient(connection, loaded.name, methods, options);
  }

  stop(): void {
    for (const close of this.open.splice(0)) close();
  }
}
