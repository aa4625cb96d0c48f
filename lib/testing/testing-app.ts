import { Global, type INestApplicationContext, type InjectionToken, Module, type Type } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import type { AppOptions } from '../bootstrap/app-options.js';
import { providersOf, readGraph } from '../bootstrap/module-graph.js';
import { type ContextBuilder, createApp, rootOfModules } from '../bootstrap/rpc.factory.js';
import type { RpcApplication } from '../bootstrap/rpc.application.js';
import { loadPeer } from '../common/peer.js';
import { DATABASE_MODE, type DatabaseMode } from '../database/database-mode.js';

/** Replaces a provider, a guard, a pipe, an interceptor or a filter of the container by another one, as `overrideProvider` of Nest's testing module. @public */
export type TestingOverride = { provide: InjectionToken } & ({ useValue: unknown } | { useClass: Type } | { useFactory: (...deps: never[]) => unknown; inject?: InjectionToken[] });

/** @public */
export interface TestingAppOptions extends Omit<AppOptions, 'databases'> {
  /** Classes with `@RpcModule`, and other Nest modules. */
  modules: readonly Type[];
  /** Needs the package `@nestjs/testing`. */
  overrides?: readonly TestingOverride[];
  /**
   * `memory`: every database is a new one in memory, with its migrations applied, whatever is declared. Else as declared; those that nothing is
   * said of are in memory.
   */
  databases?: 'memory' | AppOptions['databases'];
}

/**
 * The app as in production, started, with two seams replaced: transport and registry are in memory (pass hubs to share them between apps).
 * Reads no file, no flag and no environment, logs nothing, and stops without grace. Stop it after the test.
 * @public
 */
export async function createTestingApp(options: TestingAppOptions): Promise<RpcApplication> {
  const { modules, overrides = [], databases, ...rest } = options;
  const isolated: AppOptions = { flags: false, env: {}, configFile: false, logger: false, graceMs: 0, ...rest, grpc: { host: '127.0.0.1', port: 0, ...rest.grpc }, http: { host: '127.0.0.1', port: 0, ...rest.http }, ...(typeof databases === 'object' && { databases }) };
  const app = await createApp(rootOfModules([...modules, databasesInMemory(databases === 'memory' ? 'all' : 'undeclared')]), isolated, overrides.length > 0 ? overriding(overrides) : undefined);
  // A test that forgets to stop its app should not hang.
  return app.start({ failFast: true, keepAlive: false });
}

/** A module of its own for each app: Nest caches what it reads from a class. */
function databasesInMemory(mode: DatabaseMode): Type {
  class DatabasesInMemory {}
  Module({ providers: [{ provide: DATABASE_MODE, useValue: mode }], exports: [DATABASE_MODE] })(DatabasesInMemory);
  Global()(DatabasesInMemory);
  return DatabasesInMemory;
}

function overriding(overrides: readonly TestingOverride[]): ContextBuilder {
  return async (root, logger, http): Promise<INestApplicationContext> => {
    const { Test } = await loadPeer('@nestjs/testing', 'createTestingApp({ overrides })', () => import('@nestjs/testing'));
    const builder = Test.createTestingModule({ imports: [root] });
    if (logger) builder.setLogger(logger);
    else builder.setLogger({ log() {}, warn() {}, error() {} });
    const providers = providersOf(await readGraph(root));
    for (const override of overrides) {
      const { provide } = override;
      // Nest keeps classes that only stand in @UseGuards and its like apart from providers: all four kinds in one place.
      const target = providers.has(provide) ? builder.overrideProvider(provide) : builder.overrideGuard(provide);
      if ('useValue' in override) target.useValue(override.useValue);
      else if ('useClass' in override) target.useClass(override.useClass);
      else target.useFactory({ factory: override.useFactory as (...deps: unknown[]) => unknown, inject: override.inject ?? [] });
    }
    const module = await builder.compile();
    return http === undefined ? module.init() : module.createNestApplication(http as AbstractHttpAdapter).init();
  };
}
