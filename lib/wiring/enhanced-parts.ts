import type { CanActivate, ExceptionFilter, NestInterceptor, PipeTransform, Type } from '@nestjs/common';
import { EXCEPTION_FILTERS_METADATA, type ExceptionFilterMetadata } from '@nestjs/common/internal';
import type { ApplicationConfig, ContextId, ModulesContainer, NestContainer } from '@nestjs/core';
import {
  BaseExceptionFilterContext,
  GuardsContextCreator,
  type InstanceWrapper,
  InterceptorsContextCreator,
  PipesContextCreator,
  STATIC_CONTEXT,
} from '@nestjs/core/internal';
import type { HostedMethod } from './hosted-method.js';

/** What runs around a handler, resolved for one context. Global ones first, then the class's, then the method's. */
export interface Enhancers {
  readonly guards: readonly CanActivate[];
  readonly interceptors: readonly NestInterceptor[];
  /** For all parameters that come from the caller. */
  readonly pipes: readonly PipeTransform[];
  /** By parameter: its own pipes. */
  readonly paramPipes: readonly (readonly PipeTransform[])[];
  /** The nearest first. */
  readonly filters: readonly ExceptionFilterMetadata[];
}

/**
 * Nest's context creators, asked with the module of the host by name. ExternalContextCreator puts the same pieces together, but finds the
 * module only of providers, so that a guard of a controller would be skipped; it also keeps pipes from undecorated parameters.
 */
export class EnhancerResolver {
  private readonly guards: GuardsContextCreator;
  private readonly interceptors: InterceptorsContextCreator;
  private readonly pipes: PipesContextCreator;
  private readonly filters: FiltersContextCreator;

  constructor(
    modules: ModulesContainer,
    private readonly config: ApplicationConfig,
  ) {
    // All they ask the container for is its modules.
    const container = { getModules: () => modules } as unknown as NestContainer;
    this.guards = new GuardsContextCreator(container, config);
    this.interceptors = new InterceptorsContextCreator(container, config);
    this.pipes = new PipesContextCreator(container, config);
    this.filters = new FiltersContextCreator(container, config);
  }

  resolve(handler: HostedMethod, instance: object, contextId: ContextId = STATIC_CONTEXT): Enhancers {
    const { module, wrapper, method, params } = handler;
    const fn = (instance as Record<string, (...args: unknown[]) => void>)[method]!;
    const where = [instance, fn, module.token, contextId, wrapper.id] as const;
    const pipes = this.pipes.create(...where);
    return {
      guards: this.guards.create(...where),
      interceptors: this.interceptors.create(...where),
      pipes,
      // `create` has told the creator which module the classes belong to.
      paramPipes: params.map((param) => this.pipes.createConcreteContext(param.pipes as (Type<PipeTransform> | PipeTransform)[], contextId, wrapper.id)),
      filters: this.filters.create(...where),
    };
  }

  /** Global enhancers that exist once per request or per consumer; Nest prepares them for HTTP routes only. */
  get scopedGlobals(): InstanceWrapper[] {
    const { config } = this;
    return [...config.getGlobalRequestGuards(), ...config.getGlobalRequestInterceptors(), ...config.getGlobalRequestPipes(), ...config.getGlobalRequestFilters()];
  }
}

/** Nest has one of these per kind of handler; this one is for ours. */
class FiltersContextCreator extends BaseExceptionFilterContext {
  constructor(
    container: NestContainer,
    private readonly config: ApplicationConfig,
  ) {
    super(container);
  }

  create(instance: object, fn: (...args: unknown[]) => void, moduleKey: string, contextId: ContextId, inquirerId: string): ExceptionFilterMetadata[] {
    this.moduleContext = moduleKey;
    return this.createContext<unknown[], ExceptionFilterMetadata[]>(instance, fn, EXCEPTION_FILTERS_METADATA, contextId, inquirerId).reverse();
  }

  override getGlobalMetadata<T extends unknown[]>(contextId: ContextId = STATIC_CONTEXT, inquirerId?: string): T {
    const filters: ExceptionFilter[] = [...this.config.getGlobalFilters()];
    if (contextId !== STATIC_CONTEXT) {
      for (const wrapper of this.config.getGlobalRequestFilters()) {
        const host = wrapper.getInstanceByContextId(this.getContextId(contextId, wrapper), inquirerId);
        if (host && this.isInstantiated(wrapper, host)) filters.push(host.instance as ExceptionFilter);
      }
    }
    return filters as T;
  }
}
