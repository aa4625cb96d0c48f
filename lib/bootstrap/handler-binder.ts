import type { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import type { HandlerDescriptor } from '../rpc/handler-entry.js';
import { MethodBinder } from '../wiring/method-binder.js';
import type { HostedHandler, RpcModuleDescriptor } from '../wiring/rpc-module.explorer.js';

/** Turns handlers of the container into handlers of a server. */
export class HandlerBinder {
  private readonly methods: MethodBinder;

  /** Both are injectable: `app.get(ModulesContainer)`, `app.get(ApplicationConfig)`. */
  constructor(modules: ModulesContainer, config: ApplicationConfig) {
    this.methods = new MethodBinder(modules, config);
  }

  /**
   * The handlers of each service.
   * @throws BootError ENHANCER_UNRESOLVED, all of them together
   */
  async bind(services: readonly RpcModuleDescriptor[]): Promise<ReadonlyMap<RpcModuleDescriptor, readonly HandlerDescriptor[]>> {
    this.methods.check(services.flatMap(({ handlers }) => handlers));
    const bound = new Map<RpcModuleDescriptor, readonly HandlerDescriptor[]>();
    for (const service of services) bound.set(service, await Promise.all(service.handlers.map((handler) => this.bindOne(handler))));
    return bound;
  }

  private async bindOne(handler: HostedHandler): Promise<HandlerDescriptor> {
    const { path, origin, arity, argTypes, returns, options } = handler;
    return Object.freeze<HandlerDescriptor>({
      path,
      origin,
      arity,
      options: Object.freeze({ ...options, ...(argTypes && { args: argTypes }), ...(returns !== undefined && { returns }) }),
      invoke: await this.methods.bind(handler),
    });
  }
}
