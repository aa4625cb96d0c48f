import type { Logger } from '../../common/logger.js';
import { proto, type ProtoSchema } from '../../common/value-types.js';
import type { GatewayCallOptions } from '../../rpc/call-options.js';
import { defaultArguments, routeArguments } from './call-arguments.js';
import type { HttpReply, HttpRequest } from './exchange.js';
import { GO_REQUEST, GO_RESPONSE, type GoResponse } from './go-api.js';
import { goRequest, replyOfGo } from './go-exchange.js';
import { HttpFailure } from './http-failure.js';
import type { GatewayRoute } from './gateway-route.js';
import type { ResolvedHttpOptions } from './http.options.js';
import { type ErrorFormat, errorReply } from './problem.js';
import { replyOf } from './reply-body.js';

/** What the gateway needs of `Rpc`. */
export interface Caller {
  call(target: string, path: string, args: readonly unknown[], options: GatewayCallOptions): Promise<unknown>;
}

export interface GatewayDeps {
  readonly rpc: Caller;
  readonly options: Pick<ResolvedHttpOptions, 'timeoutMs' | 'forwardHeaders' | 'errors' | 'inFlight'>;
  readonly logger: Logger;
}

/** From a request to a call, and from its outcome to an answer. Knows no server. */
export class GatewayCore {
  /** Set while the app stops: clients should come back over another connection. */
  isDraining = false;
  /** Requests at work. */
  inFlight = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly deps: GatewayDeps) {}

  /** A request's way from here on, made once for each route: what is the same for all its requests is not made anew. */
  handlerOf(route: GatewayRoute): (request: HttpRequest, send: (reply: HttpReply) => void) => void {
    const { timeoutMs, inFlight: most } = this.deps.options;
    const options: GatewayCallOptions = { ...(timeoutMs !== undefined && { timeoutMs }), ...route.call, ...(route.style === 'mqant' && { returns: GO_RESPONSE as ProtoSchema }) };
    const toReply = route.style === 'mqant' ? (result: unknown) => replyOfGo(result as GoResponse) : (result: unknown) => replyOf(result, route.status);
    return (request, send) => {
      if (this.inFlight >= most) return send(this.failed(new HttpFailure(503, 'UNAVAILABLE', 'TOO_MANY_IN_FLIGHT', 'too many requests are at work'), request.id, request.headers.accept));
      this.inFlight++;
      const answered = (reply: HttpReply): void => {
        send(reply);
        if (--this.inFlight === 0 && this.waiting.length > 0) for (const resolve of this.waiting.splice(0)) resolve();
      };
      const failed = (error: unknown): void => answered(this.failed(error, request.id, request.headers.accept));
      let calling: Promise<unknown>;
      try {
        calling = this.call(route, request, options);
      } catch (error) {
        return failed(error);
      }
      // By hand, not with async functions: three promises for each request are one promise.
      calling.then((result) => {
        let reply: HttpReply;
        try {
          reply = toReply(result);
        } catch (error) {
          return failed(error);
        }
        answered(reply);
      }, failed);
    };
  }

  /** The answer to a request that came to nothing, also before it found a route. */
  failed(error: unknown, requestId: string, accept: string | undefined): HttpReply {
    return errorReply(error, requestId, this.formatFor(accept), (cause) => this.deps.logger.error('a request failed in the HTTP gateway', { error: cause, requestId }));
  }

  /** Resolves when no request is at work, or the time is over. */
  idle(signal: AbortSignal): Promise<void> {
    if (this.inFlight === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** @throws HttpFailure */
  private call({ plan, style, args }: GatewayRoute, request: HttpRequest, { external, timeoutMs, selector, filters, returns }: GatewayCallOptions): Promise<unknown> {
    const { target, fn } = plan(request.path);
    const values = style === 'mqant' ? [proto(GO_REQUEST, goRequest(request))] : args === 'default' ? defaultArguments(request) : routeArguments(request, args === 'merged' ? undefined : args);
    // Written out: to spread the route's options costs more than to call a handler of this process.
    return this.deps.rpc.call(target, fn, values, { external, timeoutMs, selector, filters, returns, canceller: request.canceller, metadata: this.metadataOf(request) });
  }

  private metadataOf({ id, headers }: HttpRequest): Record<string, string> {
    const metadata: Record<string, string> = { 'x-request-id': id };
    for (const name of this.deps.options.forwardHeaders) {
      const value = headers[name.toLowerCase()];
      if (value !== undefined) metadata[name.toLowerCase()] = typeof value === 'string' ? value : value.join(', ');
    }
    return metadata;
  }

  private formatFor(accept: string | undefined): ErrorFormat {
    return accept?.includes('application/vnd.mqant+json') ? 'mqant' : this.deps.options.errors;
  }
}
