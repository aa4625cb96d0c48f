import { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { BootError } from '../common/boot-error.js';
import type { AppPart } from '../common/lifecycle.js';
import { APP_PART } from '../metadata/app-part.decorator.js';
import { hasRun } from '../metadata/on-run.js';
import { RPC_MODULE } from '../metadata/rpc-module.decorator.js';
import type { ErrorClass } from '../common/handler-options.js';
import { resolveTiming } from '../registry/advertised-node.js';
import { exploreRpcModules, type RpcModuleDescriptor } from '../wiring/rpc-module.explorer.js';
import { errorTypesOf } from './error-classes.js';
import { exploreClasses } from '../wiring/explore-classes.js';
import type { RunnableModule } from './app-engine.js';
import { checkedPart } from './app-parts.js';
import { bindConfigListeners } from './config-listeners.js';
import { HandlerBinder } from './handler-binder.js';
import { addNode, type PreparedApp } from './prepare-app.js';
import { RpcSessionLink } from '../rpc/session-link.js';

/** What an app needs of Nest's container, whoever built it. */
export interface ContainerAccess {
  get<T>(token: unknown): T;
  /** Runs the destroy hooks; absent where the user's own app does. */
  close?(): Promise<void>;
}

/** Nest's container, read. */
export class Container {
  private readonly modules: ModulesContainer;
  private explored: readonly RpcModuleDescriptor[] | undefined;

  constructor(
    private readonly access: ContainerAccess,
    private readonly prepared: PreparedApp,
  ) {
    this.modules = access.get(ModulesContainer);
    this.adopt();
  }

  /** In a user's own app RpcModules may be imported past us: they are in no process group, and served all the same. */
  private adopt(): void {
    const { nodes, runtime, config, random } = this.prepared;
    for (const { metatype } of this.modules.values()) {
      const options = RPC_MODULE.own(metatype);
      if (options && !nodes.has(options.type)) nodes.set(options.type, addNode(runtime, options, config, random.hex(8)));
    }
  }

  /** Services and handlers of this process. @throws BootError with every mistake found */
  get services(): readonly RpcModuleDescriptor[] {
    return (this.explored ??= exploreRpcModules(this.modules));
  }

  get(token: unknown): unknown {
    return this.access.get(token);
  }

  async close(): Promise<void> {
    await this.access.close?.();
  }

  /** Providers marked with `@AppPartProvider()`. @throws BootError APP_PART */
  parts(): AppPart[] {
    return exploreClasses(this.modules, APP_PART).map(({ wrapper, classRef }) => {
      const where = `@AppPartProvider ${classRef.name}`;
      return checkedPart(wrapper.isDependencyTreeStatic() ? wrapper.instance : 'request-scoped', where);
    });
  }

  /** Mistakes in decorators, as soon as the container is there. @throws BootError */
  check(): void {
    for (const { classRef, wrapper } of this.services) {
      if (!hasRun(classRef.prototype) || wrapper.isDependencyTreeStatic()) continue;
      throw new BootError('MODULE_SCOPE', `${classRef.name} has run() and depends on something request-scoped, but a module class lives as long as the app; inject that where requests are handled`);
    }
    for (const { id, spec } of this.prepared.nodes.values()) resolveTiming(id, spec.registration);
    this.parts();
  }

  /** RpcModules with a `run` method, imported ones before their importers. */
  runnables(): RunnableModule[] {
    const order = [...this.prepared.nodes.keys()];
    return this.services
      .flatMap(({ type, wrapper }) => {
        const instance = wrapper.instance as object;
        return hasRun(instance) ? [{ type, run: (signal: AbortSignal) => instance.run(signal) }] : [];
      })
      .sort((a, b) => order.indexOf(a.type) - order.indexOf(b.type));
  }

  /** Gives the servers their handlers. @throws BootError with every mistake found */
  async bind(): Promise<void> {
    this.check();
    const { nodes, runtime, live } = this.prepared;
    await bindConfigListeners(this.modules, live.state);
    const errors = new Set<ErrorClass>();
    const bound = await new HandlerBinder(this.modules, this.access.get(ApplicationConfig), new RpcSessionLink(runtime.rpc)).bind(this.services);
    for (const [{ type }, handlers] of bound) {
      for (const handler of handlers) {
        for (const declared of handler.options.errors ?? []) errors.add(declared);
        nodes.get(type)?.server.add(handler);
      }
    }
    for (const type of errorTypesOf(errors)) runtime.errorTypes.add(type);
  }
}
