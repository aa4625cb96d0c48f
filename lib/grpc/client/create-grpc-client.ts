import { hostname } from 'node:os';
import { BootError } from '../../common/boot-error.js';
import type { Discovery } from '../../registry/registry.js';
import type { Interceptor } from '../../rpc/interceptor.js';
import { roundRobin } from '../../selector/round-robin.selector.js';
import { ServiceDirectory } from '../../selector/service-directory.js';
import { ProtoReader } from '../grpc.proto.js';
import { loadGrpc } from '../load-grpc.js';
import type { GrpcClientOptions } from './client-options.js';
import { targetOf } from './client-target.js';
import type { GrpcClient, UntypedService } from './client-types.js';
import { GrpcConnection } from './grpc-connection.js';
import { calledService, type GrpcServiceRef } from './service-ref.js';
import { standaloneDeps } from './standalone-deps.js';
import { staticDiscovery } from './static-discovery.js';
import { createTypedGrpcClient } from './typed-grpc-client.js';

/** Options of a client outside of apps. @public */
export interface StandaloneGrpcClientOptions extends GrpcClientOptions {
  target: string | readonly string[];
  /** For targets `registry:///name`. It stays yours to close. */
  registry?: Discovery;
  /** Name given to callees. @default the host's */
  caller?: string;
  /** Around all calls; the first is the outermost. */
  interceptors?: readonly Interceptor[];
}

/** A client and its connections. @public */
export interface GrpcClientHandle<T> {
  readonly client: GrpcClient<T>;
  /** Ends calls in flight with CANCELLED, and closes all connections. */
  close(): void;
}

/**
 * A gRPC client for code that is no app: scripts, tests. Inside of apps `@InjectGrpcClient()` gives one that shares the app's registry, deadline and interceptors.
 * Balances by `roundRobin()` unless told otherwise.
 * @throws BootError
 * @public
 */
export async function createGrpcClient<T = UntypedService>(service: GrpcServiceRef, options: StandaloneGrpcClientOptions): Promise<GrpcClientHandle<T>> {
  const where = `createGrpcClient(${typeof service === 'string' ? service : '...'})`;
  const { registry, caller = hostname(), interceptors = [], ...own } = options;
  const grpc = await loadGrpc(where);
  const { loaded, methods } = await calledService(service, own, new ProtoReader(where), where);
  const target = targetOf(own.target, where);
  if (target.kind === 'registry' && registry === undefined) throw new BootError('GRPC_TARGET', `${where}: the target ${String(own.target)} needs a registry: { registry: consul() }`);
  const name = target.kind === 'registry' ? target.name : loaded.name;
  const picker = new ServiceDirectory(target.kind === 'registry' ? registry! : staticDiscovery(name, target.addresses), { selector: roundRobin() });
  const base = standaloneDeps(picker, caller);
  const connection = new GrpcConnection({ grpc, service: loaded, base: { ...base, interceptors }, picker, options: own, where });
  return {
    client: createTypedGrpcClient(connection, name, methods, own) as GrpcClient<T>,
    close() {
      connection.close();
      picker.close();
      base.deadlines.close();
    },
  };
}
