import type { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { Injector, STATIC_CONTEXT } from '@nestjs/core/internal';
import { type BootError, bootErrors } from '../common/boot-error.js';
import type { HandlerDescriptor } from '../rpc/handler-entry.js';
import type { HostedHandler, RpcModuleDescriptor } from '../wiring/rpc-module.explorer.js';
import { EnhancedCall } from './enhanced-call.js';
import { hasGlobals, isEnhanced, unresolved } from './enhanced-check.js';
import { EnhancerResolver } from './enhanced-parts.js';
import { ScopedCall } from './enhanced-scope.js';
import { compileDirect, type Invoke } from './handler-binder.direct.js';

/**
 * Turns handlers of the container into handlers of a server. A handler with nothing around it is called directly; others go through Nest's
 * guards, interceptors, pipes and filters. Bind when the container is initialised and all `app.useGlobalX()` calls are made.
 */
export class HandlerBinder {
  private readonly resolver: EnhancerResolver;
  private readonly injector = new Injector();

  /** Both are injectable: `app.get(ModulesContainer)`, `app.get(ApplicationConfig)`. */
  constructor(
    modules: ModulesContainer,
    private readonly config: ApplicationConfig,
  ) {
    this.resolver = new EnhancerResolver(modules, config);
  }

  /**
   * The handlers of each service.
   * @throws BootError ENHANCER_UNRESOLVED, all of them together
   */
  async bind(services: readonly RpcModuleDescriptor[]): Promise<ReadonlyMap<RpcModuleDescriptor, readonly HandlerDescriptor[]>> {
    const errors: BootError[] = services.flatMap(({ handlers }) => handlers.flatMap(unresolved));
    if (errors.length > 0) throw bootErrors(errors);
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
      invoke: await this.invokeOf(handler),
    });
  }

  private async invokeOf(handler: HostedHandler): Promise<Invoke> {
    const { wrapper, params, method } = handler;
    const { scopedGlobals } = this.resolver;
    if (!wrapper.isDependencyTreeStatic() || scopedGlobals.length > 0) {
      const scoped = new ScopedCall(handler, this.resolver, this.injector, scopedGlobals);
      return (args, context) => scoped.run([...args], context);
    }
    const instance = wrapper.instance as Record<string, (...args: unknown[]) => unknown>;
    if (!isEnhanced(handler) && !hasGlobals(this.config)) return compileDirect(instance, instance[method]!, params);
    await this.loadTransients(handler);
    const call = new EnhancedCall(handler, instance, this.resolver.resolve(handler, instance));
    return (args, context) => call.run([...args], context);
  }

  /** Transient enhancers belong to one consumer each; Nest makes those of providers only. */
  private async loadTransients({ wrapper, module }: HostedHandler): Promise<void> {
    const transient = (wrapper.getEnhancersMetadata() ?? []).filter(({ isTransient }) => isTransient);
    for (const enhancer of transient) await this.injector.loadInjectable(enhancer, enhancer.host ?? module, STATIC_CONTEXT, wrapper);
  }
}
