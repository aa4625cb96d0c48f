import 'reflect-metadata';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import type { DynamicModule, HttpServer, INestApplicationContext, LoggerService, Type } from '@nestjs/common';
import { AnthillCoreModule } from './core.module.js';
import type { AppOptions, ModulesOptions } from './app-options.js';
import { BootError } from '../common/boot-error.js';
import type { ModuleDefinition } from './module-graph.js';
import { prepareApp } from './prepare-app.js';
import { prepareGraph } from './prepare-graph.js';
import { RpcApplication } from './rpc.application.js';

/** Builds Nest's container around a root module; the testing module is another way to do it. */
export type ContextBuilder = (root: Type, logger: LoggerService | false, http: HttpServer | undefined) => Promise<INestApplicationContext>;

const nestContext: ContextBuilder = async (root, logger, http) => {
  const options = { logger, abortOnError: false };
  if (http === undefined) return NestFactory.createApplicationContext(root, options);
  return (await NestFactory.create(root, http as AbstractHttpAdapter, options)).init();
};

/** @internal Everything `create` does, for factories that build the container in their own way. */
export async function createApp(root: ModuleDefinition, options: AppOptions, buildContext: ContextBuilder = nestContext): Promise<RpcApplication> {
  const graph = await prepareGraph(root, options);
  const prepared = await prepareApp(graph, options);
  const app = new RpcApplication(prepared);
  const core = AnthillCoreModule.register(graph.clients, { provide: RpcApplication, useValue: app });
  try {
    await app.reachRegistry();
    const context = await buildContext(rootOf([core, ...graph.needed], graph.root), prepared.nestLogger, await graph.http?.());
    const container = app.attach({ get: (token) => context.get(token as Type, { strict: false }) as never, close: () => context.close() });
    // Mistakes in decorators belong to create: start is for what comes from outside.
    container.check();
    return app;
  } catch (error) {
    await app.stop().catch(() => {});
    throw error;
  }
}

/** A module of its own for each app: Nest caches what it reads from a class. */
function rootOf(ours: readonly (Type | DynamicModule)[], root: ModuleDefinition): Type {
  class AppRoot {}
  Reflect.defineMetadata('imports', [...ours, root], AppRoot);
  return AppRoot;
}

/** A root module for an app that was given a list. */
export function rootOfModules(modules: readonly Type[]): ModuleDefinition {
  if (!Array.isArray(modules)) throw new BootError('CONFIG_INVALID', `option modules must be a list of classes with @RpcModule, got ${String(modules)}; or give the root module: create(AppModule)`);
  class Modules {}
  return { module: Modules, imports: [...modules] };
}

/**
 * Reads config and decorators, builds the container, runs `onModuleInit` of all modules. Nothing listens until `app.start()`.
 * @param root the root module; or options with `modules`
 * @throws BootError with every mistake found
 */
function create(root: Type, options?: AppOptions): Promise<RpcApplication>;
function create(options: ModulesOptions): Promise<RpcApplication>;
async function create(given: Type | ModulesOptions, options: AppOptions = {}): Promise<RpcApplication> {
  if (typeof given === 'function') return createApp(given, options);
  const { modules, ...rest } = given;
  return createApp(rootOfModules(modules), rest);
}

/**
 * Makes apps: `const app = await RpcFactory.create(AppModule); await app.start();`
 * @public
 */
export const RpcFactory = Object.freeze({ create });
