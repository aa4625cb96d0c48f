import { ContextIdFactory, ModuleRef, type ContextId } from '@nestjs/core';
import { ExecutionContextHost, type Injector, type InstanceWrapper, REQUEST_CONTEXT_ID } from '@nestjs/core/internal';
import type { RpcContext } from '../common/call-context.js';
import type { HostedMethod } from './hosted-method.js';
import { EnhancedCall, runFilters } from './enhanced-call.js';
import type { EnhancerResolver, Enhancers } from './enhanced-parts.js';

/**
 * What `@Inject(REQUEST)` gives to request-scoped providers of a call, and what a ContextIdStrategy looks at: the shape that
 * @nestjs/microservices uses.
 * @public
 */
export class RpcRequest {
  constructor(
    /** Path of the handler. */
    readonly pattern: string,
    /** The positional arguments. */
    readonly data: readonly unknown[],
    readonly context: RpcContext,
  ) {}

  getData(): readonly unknown[] {
    return this.data;
  }

  getPattern(): string {
    return this.pattern;
  }

  getContext(): RpcContext {
    return this.context;
  }
}

/** A handler whose host, or some enhancer of it, is made anew for each call (or lives in a durable context). */
export class ScopedCall {
  private readonly moduleRef: ModuleRef;
  /** For what goes wrong before the host of this call exists. */
  private readonly fallback: Enhancers['filters'];
  private readonly placeholder: object;

  constructor(
    private readonly handler: HostedMethod,
    private readonly resolver: EnhancerResolver,
    private readonly injector: Injector,
    private readonly globals: InstanceWrapper[],
  ) {
    this.moduleRef = handler.module.providers.get(ModuleRef)!.instance as ModuleRef;
    this.placeholder = (handler.wrapper.instance ?? Object.create(handler.classRef.prototype)) as object;
    this.fallback = resolver.resolve(handler, this.placeholder).filters;
  }

  async run(data: unknown[], context: RpcContext): Promise<unknown> {
    let call: EnhancedCall;
    try {
      call = await this.prepare(data, context);
    } catch (error) {
      const host = new ExecutionContextHost([data, context], this.handler.classRef as never, (this.placeholder as Record<string, () => void>)[this.handler.method]);
      host.setType('rpc');
      return runFilters(this.fallback, error, host);
    }
    return call.run(data, context);
  }

  private async prepare(data: unknown[], context: RpcContext): Promise<EnhancedCall> {
    const { handler, injector } = this;
    const { wrapper, module, kind } = handler;
    const contextId = this.contextFor(new RpcRequest(handler.path, data, context));
    let instance = wrapper.instance as object;
    if (wrapper.isDependencyTreeStatic()) await injector.loadEnhancersPerContext(wrapper, contextId, wrapper);
    else instance = await injector.loadPerContext(this.placeholder, module, kind === 'controller' ? module.controllers : module.providers, contextId, wrapper);
    if (this.globals.length > 0) await injector.loadEnhancersPerContext(wrapper, contextId, wrapper, this.globals);
    return new EnhancedCall(handler, instance, this.resolver.resolve(handler, instance, contextId));
  }

  /** As @nestjs/microservices does: the strategy decides, and a durable tree sees the strategy's payload instead of the request. */
  private contextFor(request: RpcRequest): ContextId & { payload?: unknown } {
    const contextId = ContextIdFactory.getByRequest(request as never) as ContextId & { payload?: object };
    Object.defineProperty(request, REQUEST_CONTEXT_ID, { value: contextId });
    const provided = this.handler.wrapper.isDependencyTreeDurable() ? contextId.payload : Object.assign(request, contextId.payload);
    this.moduleRef.registerRequestByContextId(provided, contextId);
    return contextId;
  }
}
