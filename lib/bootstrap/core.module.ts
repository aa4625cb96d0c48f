import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { Config } from '../config/config.js';
import { APP_CONFIG, APP_HANDLE, REGISTRY, RPC, SERVICES, type AppHandle, type ClientClass } from '../metadata/tokens.js';
import { Services } from '../selector/services.js';
import { clientTokens } from './module-graph.js';
import { RpcApplication } from './rpc.application.js';

/** The global module behind every app: the app itself, its client, and typed clients of every known contract. */
@Module({})
export class AnthillCoreModule {
  static register(clients: ReadonlySet<ClientClass>, app: Provider<RpcApplication>, imports: DynamicModule['imports'] = []): DynamicModule {
    const typed = clientTokens(clients).map(({ contract, variant }) => ({
      provide: variant.token,
      useFactory: (handle: AppHandle) => handle.clientOf(contract, variant.options),
      inject: [APP_HANDLE],
    }));
    return {
      module: AnthillCoreModule,
      global: true,
      imports,
      providers: [
        app,
        { provide: APP_HANDLE, useExisting: RpcApplication },
        { provide: RPC, useFactory: (application: RpcApplication) => application.rpc, inject: [RpcApplication] },
        { provide: SERVICES, useFactory: (application: RpcApplication) => new Services((type) => application.rpc.nodes(type), () => application.config.environment), inject: [RpcApplication] },
        { provide: REGISTRY, useFactory: (application: RpcApplication) => application.registry, inject: [RpcApplication] },
        { provide: APP_CONFIG, useFactory: (application: RpcApplication) => () => application.config, inject: [RpcApplication] },
        { provide: Config, useFactory: (application: RpcApplication) => application.settings, inject: [RpcApplication] },
        ...typed,
      ],
      exports: [RpcApplication, Config, APP_CONFIG, APP_HANDLE, REGISTRY, RPC, SERVICES, ...typed.map(({ provide }) => provide)],
    };
  }
}
