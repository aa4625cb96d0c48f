import { Module, type DynamicModule, type FactoryProvider, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { LaunchOptions } from '../config/launch.js';
import type { ClientClass } from '../metadata/tokens.js';
import { AnthillAnchorModule, AnthillCoreModule } from './core.module.js';
import type { AppOptions } from './app-options.js';
import { prepareApp, prepareGraph } from './prepare-app.js';
import { RpcApplication } from './rpc.application.js';
import { rootOfModules } from './rpc.factory.js';

/** Options of `forRoot`. @public */
export interface AnthillModuleOptions extends AppOptions {
  /** RpcModules of this app; only these are subject to process groups. List them here, not in `imports` elsewhere. */
  modules?: readonly Type[];
}

/** Options of `forRootAsync`: what must be known before the container exists stands beside the factory. @public */
export interface AnthillModuleAsyncOptions extends LaunchOptions {
  modules?: readonly Type[];
  clients?: readonly ClientClass[];
  imports?: DynamicModule['imports'];
  inject?: FactoryProvider['inject'];
  useFactory: (...deps: never[]) => AppOptions | Promise<AppOptions>;
}

/**
 * Anthill inside a Nest app of the user's: starts when the app has bootstrapped, drains before the first destroy hook, closes with it.
 * Give `enableShutdownHooks()` to your app as usual.
 * @public
 */
@Module({})
export class AnthillModule {
  static forRoot(options: AnthillModuleOptions = {}): Promise<DynamicModule> {
    return this.forRootAsync({ ...launchOf(options), ...(options.modules && { modules: options.modules }), ...(options.clients && { clients: options.clients }), useFactory: () => options }, options);
  }

  /** @param known options that are known already; for `forRoot` */
  static async forRootAsync(options: AnthillModuleAsyncOptions, known: AppOptions = {}): Promise<DynamicModule> {
    const early: AppOptions = { flags: false, ...known, ...launchOf(options), ...(options.clients && { clients: options.clients }) };
    const graph = await prepareGraph(rootOfModules(options.modules ?? []), early);
    const core = AnthillCoreModule.register(
      graph.clients,
      {
        provide: RpcApplication,
        useFactory: async (moduleRef: ModuleRef, ...deps: unknown[]) => {
          const app = new RpcApplication(await prepareApp(graph, { ...early, ...(await options.useFactory(...(deps as never[]))) }));
          app.attach({ get: (token) => moduleRef.get(token as Type, { strict: false }) as never });
          return app;
        },
        inject: [ModuleRef, ...(options.inject ?? [])],
      },
      options.imports,
    );
    return { module: AnthillModule, imports: [core, AnthillAnchorModule, ...([graph.root] as NonNullable<DynamicModule['imports']>)] };
  }

  constructor(
    private readonly app: RpcApplication,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.app.stop();
  }
}

function launchOf({ workDir, configFile, processId, logDir, biDir }: LaunchOptions): LaunchOptions {
  const launch: LaunchOptions = {};
  if (workDir !== undefined) launch.workDir = workDir;
  if (configFile !== undefined) launch.configFile = configFile;
  if (processId !== undefined) launch.processId = processId;
  if (logDir !== undefined) launch.logDir = logDir;
  if (biDir !== undefined) launch.biDir = biDir;
  return launch;
}
