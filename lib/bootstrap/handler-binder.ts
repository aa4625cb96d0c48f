import type { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import type { SessionLink } from '../common/session.js';
import type { HandlerDescriptor } from '../rpc/handler-entry.js';
import { sessionOf } from '../rpc/gate-session.js';
import type { Invoke } from '../wiring/direct-call.js';
import { sessionArgument } from '../wiring/handler-params.js';
import { MethodBinder } from '../wiring/method-binder.js';
import type { HostedHandler, RpcModuleDescriptor } from '../wiring/rpc-module.explorer.js';

/** Turns handlers of the container into handlers of a server. */
export class HandlerBinder {
  private readonly methods: MethodBinder;

  /**
   * The first two are injectable: `app.get(ModulesContainer)`, `app.get(ApplicationConfig)`.
   * @param sessions reaches the gates of the sessions that handlers are given
   */
  constructor(
    modules: ModulesContainer,
    config: ApplicationConfig,
    private readonly sessions?: SessionLink,
  ) {
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
    const sessionAt = sessionArgument(handler.params);
    return Object.freeze<HandlerDescriptor>({
      path,
      origin,
      arity,
      sessionAt,
      options: Object.freeze({ ...options, ...(argTypes && { args: argTypes }), ...(returns !== undefined && { returns }) }),
      invoke: this.withSession(await this.methods.bind(handler), sessionAt),
    });
  }

  /** A handler that wants a session gets it alive; the calls it makes pass it on. */
  private withSession(invoke: Invoke, at: number | undefined): Invoke {
    if (at === undefined) return invoke;
    return (args, context) => {
      const session = sessionOf(args[at], this.sessions);
      if (session.serverId !== '') context.session = session;
      const values = [...args];
      values[at] = session;
      return invoke(values, context);
    };
  }
}
