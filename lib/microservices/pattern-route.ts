import { BootError, bootErrors } from '../common/boot-error.js';
import type { HandlerOptions } from '../common/handler-options.js';
import { checkHandlerOptions } from '../wiring/rpc-module.options.js';

/** Extras of `@MessagePattern` and `@EventPattern` that this bridge reads: `@MessagePattern('sum', { anthill: { concurrent: 4 } })`. @public */
export interface PatternExtras {
  /** Over the strategy's `defaults`. */
  anthill?: HandlerOptions;
}

/** A handler as Nest hands it to a strategy. */
export interface PatternHandler<C> {
  readonly callback: C;
  readonly isEvent: boolean;
  readonly options: HandlerOptions;
}

/** Everything that answers one pattern: one message handler, or any number of event handlers. */
export interface PatternRoute<C> {
  readonly path: string;
  readonly handlers: readonly PatternHandler<C>[];
  /** Options of the call as a whole; of several event handlers, what the first says wins. */
  readonly options: HandlerOptions;
  readonly origin: string;
}

/** Collects the handlers of a strategy by pattern. `C` is Nest's type of a handler. */
export class PatternRoutes<C> {
  private readonly byPath = new Map<string, PatternHandler<C>[]>();

  add(path: string, callback: C, isEvent: boolean, extras: PatternExtras): void {
    const handlers = this.byPath.get(path) ?? [];
    handlers.push({ callback, isEvent, options: extras.anthill ?? {} });
    this.byPath.set(path, handlers);
  }

  /** @throws BootError DUPLICATE_HANDLER, HANDLER_OPTIONS, all of them together */
  routes(defaults: HandlerOptions): PatternRoute<C>[] {
    const errors: BootError[] = [];
    const routes = [...this.byPath].map(([path, handlers]): PatternRoute<C> => {
      const origin = originOf(path, handlers[0]!.isEvent);
      for (const { options } of handlers) errors.push(...checkHandlerOptions(origin, path, options));
      const messages = handlers.filter(({ isEvent }) => !isEvent).length;
      if (messages > 0 && handlers.length > 1) errors.push(ambiguous(path, messages, handlers.length));
      return { path, handlers, origin, options: Object.assign({}, defaults, ...handlers.map(({ options }) => options).reverse()) as HandlerOptions };
    });
    if (errors.length > 0) throw bootErrors(errors);
    return routes;
  }
}

function originOf(path: string, isEvent: boolean): string {
  return `@${isEvent ? 'EventPattern' : 'MessagePattern'}('${path}')`;
}

function ambiguous(path: string, messages: number, all: number): BootError {
  const what = messages === all ? `${messages} @MessagePattern handlers` : 'a @MessagePattern and an @EventPattern';
  return new BootError('DUPLICATE_HANDLER', `${what} share the pattern '${path}', and only one of them would answer (is a controller in two modules?); give them different patterns`);
}
