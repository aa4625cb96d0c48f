import { ApplicationConfig } from '@nestjs/core';
import { Server, type BaseRpcContext, type CustomTransportStrategy, type MessageHandler, type MsPattern, type Transport } from '@nestjs/microservices';
import { RequestContextHost } from '@nestjs/microservices/context/request-context-host.js';
import type { RpcContext } from '../common/call-context.js';
import type { HandlerOptions } from '../common/handler-options.js';
import type { HandlerDescriptor } from '../rpc/handler-entry.js';
import type { ServiceHost, ServiceOptions } from '../rpc/service-host.js';
import { replyOf } from './handler-result.js';
import { OriginalErrors } from './original-errors.js';
import { PatternRoutes, type PatternRoute } from './pattern-route.js';

/** Marks handlers for this strategy alone: `@MessagePattern('sum', ANTHILL_TRANSPORT)`. @public */
export const ANTHILL_TRANSPORT: unique symbol = Symbol.for('anthill/microservices');

/** The service that a strategy serves, and how its handlers run. @public */
export interface AnthillStrategyOptions extends ServiceOptions {
  /** Options of all handlers; a handler's own are in its extras (see {@link PatternExtras}). @default { concurrent: true }, as in Nest */
  defaults?: HandlerOptions;
  /**
   * Handlers that name a transport are served when it is this one; those that name none always are. Give `Transport.NATS` to take over
   * handlers that were written for Nest's NATS strategy.
   * @default ANTHILL_TRANSPORT
   */
  transportId?: Transport | symbol;
}

type Handler = MessageHandler<unknown, RpcContext, unknown>;

/**
 * Serves `@MessagePattern` and `@EventPattern` controllers as handlers of one Anthill service: the pattern is the path, the payload the one
 * argument, `@Ctx()` gives the RpcContext. Guards, pipes, interceptors, filters and scopes are Nest's own.
 *
 * The service is advertised by `listen()`, when all handlers are bound. `close()` drains the whole app; where Nest runs destroy hooks before
 * it closes transports (signals, hybrid apps), `AnthillModule` has drained before the first of them.
 * @public
 */
export class AnthillStrategy extends Server implements CustomTransportStrategy {
  private readonly patterns = new PatternRoutes<Handler>();
  private readonly errors: OriginalErrors;
  private opened: Promise<void> | undefined;
  private warned = false;

  /** @param app where `AnthillModule.forRoot` made it, inject `RpcApplication` */
  constructor(
    private readonly app: ServiceHost,
    private readonly options: AnthillStrategyOptions,
  ) {
    super();
    this.transportId = options.transportId ?? ANTHILL_TRANSPORT;
    this.errors = new OriginalErrors(app.get(ApplicationConfig));
  }

  /** Several event handlers of one pattern stand side by side: in Nest's chain the failure of one could keep the next from running. */
  override addHandler(pattern: unknown, callback: Handler, isEventHandler = false, extras: Record<string, unknown> = {}): void {
    callback.isEventHandler = isEventHandler;
    callback.extras = extras;
    const path = String(this.normalizePattern(pattern as MsPattern));
    this.patterns.add(path, callback, isEventHandler, extras);
    if (!this.messageHandlers.has(path)) this.messageHandlers.set(path, callback);
  }

  /** Nest calls it when all handlers are bound. The error, if any, goes to the callback: BootError for mistakes in patterns and options. */
  override listen(callback: (error?: unknown) => void): void {
    this.opened ??= this.open();
    this.opened.then(
      () => callback(),
      (error: unknown) => callback(error),
    );
  }

  /** Out of the registry, then done with all calls in flight. Any number of calls, one drain. */
  override async close(): Promise<void> {
    await this.app.drain();
    this._status$.next('disconnected');
  }

  /** There are none; see `status`, and `events` of `anthill/plugin`. */
  override on(event: string): never {
    throw new Error(`AnthillStrategy has no event '${event}'; subscribe to its status`);
  }

  /** The `RpcApplication`. */
  override unwrap<T = ServiceHost>(): T {
    return this.app as T;
  }

  private async open(): Promise<void> {
    const { defaults, transportId: _own, ...service } = this.options;
    const routes = this.patterns.routes({ concurrent: true, ...defaults });
    if (routes.length === 0) {
      this.logger.warn(`no handler is bound to service '${service.type}': controllers need @MessagePattern or @EventPattern, and those that name a transport must name ${String(this.transportId)} (option transportId)`);
    }
    await this.app.serve(service, routes.map((route) => this.describe(route)));
    this._status$.next('connected');
  }

  private describe({ path, handlers, options, origin }: PatternRoute<Handler>): HandlerDescriptor {
    const callbacks = handlers.map(({ callback }) => callback);
    const [first] = callbacks;
    const invoke: HandlerDescriptor['invoke'] =
      callbacks.length === 1 ? ([data], context) => this.run(first!, [data, context], context) : ([data], context) => this.runAll(path, callbacks, data, context);
    return { path, options, origin, arity: { min: 0, max: 1 }, invoke };
  }

  /** The handlers of one event share a request scope, as in Nest; the first failure is the call's. */
  private async runAll(path: string, callbacks: readonly Handler[], data: unknown, context: RpcContext): Promise<void> {
    const host = RequestContextHost.create(path, data, context as unknown as BaseRpcContext);
    const results = await Promise.allSettled(callbacks.map((callback) => this.run(callback, [host, data, context], context)));
    const failed = results.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
    if (failed) throw failed.reason;
  }

  private run(callback: Handler, args: unknown[], context: RpcContext): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const settle = async (end: () => void): Promise<void> => {
        try {
          resolve(await replyOf((callback as (...args: unknown[]) => unknown)(...args), context));
          this.warnOfSkippedGlobals();
        } catch (answer) {
          reject(this.errors.errorOf(answer, context));
        }
        end();
      };
      // The hooks of instrumentation libraries are made for Nest's own contexts, and pass them on.
      this.runWithProcessingHooks(context as unknown as BaseRpcContext, settle);
    });
  }

  private warnOfSkippedGlobals(): void {
    if (this.warned || !this.errors.globalsAreSkipped) return;
    this.warned = true;
    this.logger.warn(`service '${this.options.type}' runs WITHOUT the global guards, pipes, interceptors and filters of the app: connectMicroservice(options, { inheritAppConfig: true }) applies them`);
  }
}
