import { Module, type DynamicModule, type INestApplicationContext, type Type } from '@nestjs/common';
import { ApplicationConfig, ModulesContainer, NestFactory } from '@nestjs/core';
import { HandlerBinder } from '../../../lib/bootstrap/handler-binder.js';
import { mapNestError } from '../../../lib/bootstrap/map-nest-error.js';
import { RpcContext } from '../../../lib/common/call-context.js';
import { systemClock, systemRandom } from '../../../lib/common/clock.js';
import { DeadlineQueue } from '../../../lib/common/deadline-queue.js';
import { silentLogger } from '../../../lib/common/logger.js';
import { APP_HANDLE, type AppHandle } from '../../../lib/metadata/tokens.js';
import { ErrorTypes } from '../../../lib/rpc/error-types.js';
import { RpcServer } from '../../../lib/rpc/rpc.server.js';
import { exploreRpcModules } from '../../../lib/wiring/rpc-module.explorer.js';

const handle: AppHandle = {
  ...{ rpcOf: (type) => `rpc of ${type}`, settingsOf: (type) => `settings of ${type}`, clientOf: () => undefined },
  ...{ health: () => ({ state: 'ready', ready: true, serving: true, parts: [] }), adopt() {}, configValue() {}, logger: silentLogger, clock: systemClock, random: systemRandom },
};

@Module({ providers: [{ provide: APP_HANDLE, useValue: handle }], exports: [APP_HANDLE] })
class Core {}

/** A container of the given modules. */
export function container(...imports: (Type | DynamicModule)[]): Promise<INestApplicationContext> {
  return NestFactory.createApplicationContext({ module: class Root {}, imports: [{ module: Core, global: true }, ...imports] }, { logger: false, abortOnError: false });
}

export interface Served {
  readonly app: INestApplicationContext;
  call(path: string, ...args: unknown[]): Promise<unknown>;
  callWith(metadata: Record<string, string>, path: string, ...args: unknown[]): Promise<unknown>;
}

/** The handlers of all given modules behind real servers, without transport. */
export async function serve(imports: (Type | DynamicModule)[], setup: (config: ApplicationConfig) => void = () => undefined): Promise<Served> {
  const app = await container(...imports);
  const [modules, config] = [app.get(ModulesContainer), app.get(ApplicationConfig)];
  setup(config);
  const deadlines = new DeadlineQueue(systemClock);
  const bound = await new HandlerBinder(modules, config).bind(exploreRpcModules(modules));
  const servers = [...bound].map(([{ type }, handlers]) => {
    const nodeId = `${type}@1`;
    const server = new RpcServer({ nodeId, clock: systemClock, random: systemRandom, deadlines, logger: silentLogger, errorTypes: new ErrorTypes(), mapError: mapNestError });
    for (const handler of handlers) server.add(handler);
    return server;
  });
  const callWith: Served['callWith'] = (metadata, path, ...args) => {
    const server = servers.find((candidate) => candidate.lookup(path));
    if (server === undefined) throw new Error(`no server has ${path}`);
    const context = new RpcContext({ path, nodeId: server.nodeId, caller: 'tester', metadata, deadlineAt: Infinity, wire: 'local' }, systemClock);
    return new Promise((reply, fail) => server.dispatch(server.lookup(path)!, args, context, { reply, fail }));
  };
  return { app, callWith, call: (path, ...args) => callWith({}, path, ...args) };
}
