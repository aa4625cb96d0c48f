import { ForbiddenException, StandardSchemaValidationPipe, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { selectExceptionFilterMetadata } from '@nestjs/common/internal';
import { ExecutionContextHost, GuardsConsumer, InterceptorsConsumer, PipesConsumer } from '@nestjs/core/internal';
import type { RpcContext } from '../common/call-context.js';
import type { HandlerParam } from './handler-params.js';
import type { HostedMethod } from './hosted-method.js';
import type { Enhancers } from './enhanced-parts.js';
import { settle, valueOf } from './direct-call.js';

type Method = (...args: unknown[]) => unknown;

/** A parameter with the pipes it goes through and what they are told of it. */
interface PipedParam {
  readonly param: HandlerParam;
  readonly pipes: PipeTransform[];
  readonly metadata: ArgumentMetadata;
}

/** A handler with all that Nest puts around it, for one instance: guards, then interceptors, then pipes, then the method; filters around all. */
export class EnhancedCall {
  private readonly guards = new GuardsConsumer();
  private readonly interceptors = new InterceptorsConsumer();
  private readonly pipes = new PipesConsumer();
  private readonly method: Method;
  private readonly params: readonly PipedParam[];

  constructor(
    private readonly handler: HostedMethod,
    private readonly instance: object,
    private readonly enhancers: Enhancers,
  ) {
    this.method = (instance as Record<string, Method>)[handler.method]!;
    this.params = handler.params.map((param, i) => pipedParam(param, enhancers.pipes, enhancers.paramPipes[i] ?? []));
  }

  /** @param data the arguments; interceptors may replace its elements */
  async run(data: unknown[], context: RpcContext): Promise<unknown> {
    // What Nest's switchToRpc() reads: getData() is [0], getContext() is [1].
    const rpcArgs = [data, context];
    try {
      await this.authorize(rpcArgs);
      const result = await settle(await this.intercepted(data, context, rpcArgs));
      const { finish } = this.handler;
      return finish ? await finish(result, context) : result;
    } catch (error) {
      return runFilters(this.enhancers.filters, error, this.hostOf(rpcArgs));
    }
  }

  private intercepted(data: unknown[], context: RpcContext, rpcArgs: unknown[]): Promise<unknown> {
    const { interceptors } = this.enhancers;
    if (interceptors.length === 0) return this.call(data, context, rpcArgs);
    return this.interceptors.intercept([...interceptors], rpcArgs, this.instance, this.method, async () => this.call(rpcArgs[0] as unknown[], context, rpcArgs), 'rpc') as Promise<unknown>;
  }

  private async authorize(rpcArgs: unknown[]): Promise<void> {
    const { guards } = this.enhancers;
    if (guards.length === 0) return;
    const allowed = await this.guards.tryActivate([...guards], rpcArgs, this.instance, this.method, 'rpc');
    if (!allowed) throw new ForbiddenException(`Forbidden resource: a guard of ${this.handler.path} refused the call`);
  }

  private async call(data: readonly unknown[], context: RpcContext, rpcArgs: unknown[]): Promise<unknown> {
    const values: unknown[] = [];
    for (const { param, pipes, metadata } of this.params) {
      const { source } = param;
      const value: unknown = source.from === 'custom' ? await source.factory(param.data, this.hostOf(rpcArgs)) : valueOf(param, data, context);
      if (source.from === 'rest') for (const item of value as unknown[]) values.push(await this.piped(item, metadata, pipes));
      else values.push(await this.piped(value, metadata, pipes));
    }
    return this.method.apply(this.instance, values);
  }

  private piped(value: unknown, metadata: ArgumentMetadata, pipes: PipeTransform[]): unknown {
    return pipes.length === 0 ? value : this.pipes.applyPipes(value, metadata, pipes);
  }

  private hostOf(rpcArgs: unknown[]): ExecutionContextHost {
    const host = new ExecutionContextHost(rpcArgs, this.instance.constructor as never, this.method);
    host.setType('rpc');
    return host;
  }
}

/** What the nearest fitting filter returns is the reply, whatever it is; what it throws is the error. Without one the error goes on. */
export async function runFilters(filters: Enhancers['filters'], error: unknown, host: ExecutionContextHost): Promise<unknown> {
  const filter = selectExceptionFilterMetadata([...filters], error as Error);
  if (filter === undefined) throw error;
  return settle(await filter.func(error, host));
}

function pipedParam(param: HandlerParam, general: readonly PipeTransform[], own: readonly PipeTransform[]): PipedParam {
  const { source, metatype, schema, data } = param;
  // The context and the metadata are not the caller's to get wrong: only pipes asked for by name see them.
  const isOurs = source.from === 'ctx' || source.from === 'meta' || source.from === 'session';
  const pipes = isOurs ? [...own] : [...general, ...own];
  // A schema that nobody checks would be a comment.
  if (schema !== undefined && !pipes.some((pipe) => pipe instanceof StandardSchemaValidationPipe)) pipes.push(new StandardSchemaValidationPipe({ validateCustomDecorators: true }));
  const metadata = {
    type: isOurs || source.from === 'custom' ? 'custom' : 'body',
    metatype,
    data: source.from === 'property' ? source.property : typeof data === 'string' ? data : undefined,
    ...(schema !== undefined && { schema }),
  } as ArgumentMetadata;
  return { param, pipes, metadata };
}
