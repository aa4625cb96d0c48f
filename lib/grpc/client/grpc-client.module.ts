import { type DynamicModule, Module } from '@nestjs/common';
import { BootError, bootErrors } from '../../common/boot-error.js';
import { type ModuleSupplier, needsOf } from '../../metadata/needed-module.js';
import { ProtoReader } from '../grpc.proto.js';
import { loadGrpc } from '../load-grpc.js';
import { type GrpcClientOptions, settingsOf } from './client-options.js';
import { targetOf } from './client-target.js';
import { securityOf } from './client-tls.js';
import { GrpcClients, type PreparedClient } from './grpc-clients.js';
import { calledService, type GrpcServiceRef } from './service-ref.js';

/** A place that wants a client. */
export interface WantedGrpcClient {
  readonly token: symbol;
  /** Call it when all files are loaded. */
  readonly service: () => GrpcServiceRef;
  readonly options: GrpcClientOptions;
  /** For messages. */
  readonly where: string;
}

/**
 * Provides what `@InjectGrpcClient()` asks for. The app adds it by itself; in a Nest app with `AnthillModule.forRoot`, classes outside of its `modules` are not seen, and
 * it is imported by hand: `imports: [GrpcClientModule.for(UserController)]`.
 * @public
 */
@Module({})
export class GrpcClientModule {
  /** @throws BootError (rejects) with every mistake found */
  static for(...consumers: readonly Function[]): Promise<DynamicModule> {
    const needs = consumers.flatMap(needsOf).filter(({ supplier }) => supplier === GRPC_CLIENT_SUPPLIER);
    return moduleOf(needs.map(({ wanted }) => wanted as WantedGrpcClient));
  }
}

/** Adds the module to an app that has something to call. */
export const GRPC_CLIENT_SUPPLIER: ModuleSupplier<WantedGrpcClient> = Object.freeze({ name: 'grpc clients', moduleFor: moduleOf });

async function moduleOf(wanted: readonly WantedGrpcClient[]): Promise<DynamicModule> {
  const reader = new ProtoReader('@InjectGrpcClient');
  const mistakes: BootError[] = [];
  const prepared = new Map<symbol, PreparedClient>();
  for (const one of wanted) {
    try {
      prepared.set(one.token, await prepare(one, reader));
    } catch (error) {
      if (!(error instanceof BootError)) throw error;
      mistakes.push(error);
    }
  }
  if (mistakes.length > 0) throw bootErrors(mistakes);
  const providers = [...prepared].map(([token, client]) => ({ provide: token, useFactory: (clients: GrpcClients) => clients.client(client), inject: [GrpcClients] }));
  return { module: GrpcClientModule, global: true, providers: [GrpcClients, ...providers], exports: [...prepared.keys()] };
}

/** Everything that can be wrong with it is found here, before anything runs. */
async function prepare({ service: ref, options, where }: WantedGrpcClient, reader: ProtoReader): Promise<PreparedClient> {
  const grpc = await loadGrpc(where);
  securityOf(grpc, settingsOf(options, where).tls, where);
  const service = await calledService(ref(), options, reader, where);
  const target = options.target ?? service.target;
  if (target === undefined) throw new BootError('GRPC_TARGET', `${where}: no target says where the service is: { target: 'registry:///name' } for one of the registry, or host:port`);
  return { grpc, service, target: targetOf(target, where), options, where };
}
