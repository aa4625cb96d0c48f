import { Inject, Injectable, Module, type DynamicModule, type OnApplicationBootstrap, type OnModuleDestroy, type Provider } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { APP_HANDLE, RPC, type AppHandle, type ClientClass } from '../metadata/tokens.js';
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
        ...typed,
      ],
      exports: [RpcApplication, APP_HANDLE, RPC, ...typed.map(({ provide }) => provide)],
    };
  }
}

/**
 * Starts the app after all of the user's modules have started, and drains it before any of them is destroyed, in a Nest app that the user
 * owns. Nest runs hooks by a module's distance from the root (init: far to near, destroy: near to far), so this one takes a place beyond the root.
 */
@Injectable()
export class AppAnchor implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(
    @Inject(RpcApplication) private readonly app: RpcApplication,
    @Inject(ModulesContainer) modules: ModulesContainer,
  ) {
    for (const module of modules.values()) if (module.metatype === AnthillAnchorModule) module.distance = Number.NEGATIVE_INFINITY;
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.app.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.app.drain();
  }
}

@Module({ providers: [AppAnchor] })
export class AnthillAnchorModule {}
