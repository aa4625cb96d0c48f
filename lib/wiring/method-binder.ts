import type { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { Injector, STATIC_CONTEXT } from '@nestjs/core/internal';
import { type BootError, bootErrors } from '../common/boot-error.js';
import { compileDirect, type Invoke } from './direct-call.js';
import { EnhancedCall } from './enhanced-call.js';
import { hasGlobals, isEnhanced, unresolved } from './enhanced-check.js';
import { EnhancerResolver } from './enhanced-parts.js';
import { ScopedCall } from './enhanced-scope.js';
import type { HostedMethod } from './hosted-method.js';

/**
 * Turns methods of the container into functions of arguments and context. A method with nothing around it is called directly; others go through
 * Nest's guards, interceptors, pipes and filters. Bind when the container is initialised and all `app.useGlobalX()` calls are made.
 */
export class MethodBinder {
  private readonly resolver: EnhancerResolver;
  private readonly injector = new Injector();

  /** Both are injectable: `app.get(ModulesContainer)`, `app.get(ApplicationConfig)`. */
  constructor(
    modules: ModulesContainer,
    private readonly config: ApplicationConfig,
  ) {
    this.resolver = new EnhancerResolver(modules, config);
  }

  /** @throws BootError ENHANCER_UNRESOLVED, all of them together: call it before {@link bind} */
  check(methods: readonly HostedMethod[]): void {
    const errors: BootError[] = methods.flatMap(unresolved);
    if (errors.length > 0) throw bootErrors(errors);
  }

  async bind(method: HostedMethod): Promise<Invoke> {
    const { wrapper, params, finish } = method;
    const { scopedGlobals } = this.resolver;
    if (!wrapper.isDependencyTreeStatic() || scopedGlobals.length > 0) {
      const scoped = new ScopedCall(method, this.resolver, this.injector, scopedGlobals);
      return (args, context) => scoped.run([...args], context);
    }
    const instance = wrapper.instance as Record<string, (...args: unknown[]) => unknown>;
    if (!isEnhanced(method) && !hasGlobals(this.config)) return compileDirect(instance, instance[method.method]!, params, finish);
    await this.loadTransients(method);
    const call = new EnhancedCall(method, instance, this.resolver.resolve(method, instance));
    return (args, context) => call.run([...args], context);
  }

  /** Transient enhancers belong to one consumer each; Nest makes those of providers only. */
  private async loadTransients({ wrapper, module }: HostedMethod): Promise<void> {
    const transient = (wrapper.getEnhancersMetadata() ?? []).filter(({ isTransient }) => isTransient);
    for (const enhancer of transient) await this.injector.loadInjectable(enhancer, enhancer.host ?? module, STATIC_CONTEXT, wrapper);
  }
}
