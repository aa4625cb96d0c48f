import { Module, type DynamicModule, type FactoryProvider, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { BootError } from '../common/boot-error.js';
import type { LaunchOptions } from '../config/launch.js';
import { AppAnchor, AppCloser, START_OPTIONS } from './app-anchor.js';
import type { StartOptions } from './app-engine.js';
import type { AppOptions } from './app-options.js';
import { AnthillCoreModule } from './core.module.js';
import { prepareApp } from './prepare-app.js';
import { prepareGraph, withOptions } from './prepare-graph.js';
import { RpcApplication } from './rpc.application.js';
import { rootOfModules } from './rpc.factory.js';

/** What must be known before the container exists: it decides which modules there are. */
type EarlyOptions = LaunchOptions & Pick<AppOptions, 'flags' | 'argv' | 'env' | 'sources' | 'clients'>;

interface ForRootOptions {
  /** RpcModules of this app; only these are subject to process groups. List them here, not in `imports` elsewhere. */
  modules?: readonly Type[];
  /** How the app starts, once the Nest app has bootstrapped. */
  start?: StartOptions;
}

/** Options of `forRoot`. @public */
export interface AnthillModuleOptions extends AppOptions, ForRootOptions {}

/** Options of `forRootAsync`. What must be known before the container exists stands beside the factory, which gives the rest. @public */
export interface AnthillModuleAsyncOptions extends EarlyOptions, ForRootOptions {
  imports?: DynamicModule['imports'];
  inject?: FactoryProvider['inject'];
  useFactory: (...deps: never[]) => Omit<AppOptions, keyof EarlyOptions> | Promise<Omit<AppOptions, keyof EarlyOptions>>;
}

const EARLY: readonly (keyof EarlyOptions)[] = ['workDir', 'configFile', 'processId', 'logDir', 'biDir', 'flags', 'argv', 'env', 'sources', 'clients'];

/**
 * Anthill inside a Nest app of the user's: starts when the app has bootstrapped, drains before the first destroy hook, closes after the last.
 * Give `enableShutdownHooks()` to your app as usual. It reads no flags unless told to (`flags: true`): they may be your app's.
 * @public
 */
@Module({})
export class AnthillModule {
  static forRoot({ modules, start, ...options }: AnthillModuleOptions = {}): Promise<DynamicModule> {
    const early = { flags: false, ...options };
    return quiet(build({ modules, start }, early, undefined, [], async (graph) => prepareApp(graph, early)));
  }

  static forRootAsync({ modules, start, imports, inject = [], useFactory, ...early }: AnthillModuleAsyncOptions): Promise<DynamicModule> {
    const known = { flags: false, ...early };
    return quiet(
      build({ modules, start }, known, imports, inject, async (graph, deps) => {
        const late = (await useFactory(...(deps as never[]))) ?? {};
        const misplaced = EARLY.filter((key) => key in late);
        if (misplaced.length > 0) {
          throw new BootError('FOR_ROOT', `forRootAsync: ${misplaced.join(', ')} must be known before the container exists; put it beside useFactory, not in what it returns`);
        }
        const options = { ...late, ...known };
        return prepareApp(await withOptions(graph, options), options);
      }),
    );
  }
}

/** A rejection that Nest sees later is no unhandled one. */
function quiet(module: Promise<DynamicModule>): Promise<DynamicModule> {
  module.catch(() => {});
  return module;
}

async function build(
  { modules = [], start = {} }: { modules: readonly Type[] | undefined; start: StartOptions | undefined },
  early: AppOptions,
  imports: DynamicModule['imports'],
  inject: NonNullable<FactoryProvider['inject']>,
  prepare: (graph: Awaited<ReturnType<typeof prepareGraph>>, deps: unknown[]) => ReturnType<typeof prepareApp>,
): Promise<DynamicModule> {
  const graph = await prepareGraph(rootOfModules(modules), early);
  const core = AnthillCoreModule.register(
    graph.clients,
    {
      provide: RpcApplication,
      useFactory: async (moduleRef: ModuleRef, ...deps: unknown[]) => {
        const app = new RpcApplication(await prepare(graph, deps));
        try {
          await app.reachRegistry();
          app.attach({ get: (token) => moduleRef.get(token as Type, { strict: false }) as never });
          return app;
        } catch (error) {
          await app.stop().catch(() => {});
          throw error;
        }
      },
      inject: [ModuleRef, ...inject],
    },
    imports,
  );
  const anchor: DynamicModule = { module: AppAnchor, providers: [{ provide: START_OPTIONS, useValue: start }] };
  return { module: AnthillModule, imports: [core, ...graph.needed, anchor, AppCloser, ...([graph.root] as NonNullable<DynamicModule['imports']>)] };
}
