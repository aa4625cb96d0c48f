import type { Logger } from '../../common/logger.js';
import { proto, type ProtoSchema } from '../../common/value-types.js';
import type { CallOptions } from '../../rpc/call-options.js';
import { defaultArguments, routeArguments } from './call-arguments.js';
import type { HttpReply, HttpRequest } from './exchange.js';
import { GO_REQUEST, GO_RESPONSE, type GoResponse } from './go-api.js';
import { goRequest, replyOfGo } from './go-exchange.js';
import type { GatewayRoute } from './gateway-route.js';
import type { ResolvedHttpOptions } from './http.options.js';
import { type ErrorFormat, errorReply } from './problem.js';
import { replyOf } from './reply-body.js';

/** What the gateway needs of `Rpc`. */
export interface Caller {
  call(target: string, path: string, args: readonly unknown[], options: CallOptions): Promise<unknown>;
}

export interface GatewayDeps {
  readonly rpc: Caller;
  readonly options: Pick<ResolvedHttpOptions, 'timeoutMs' | 'forwardHeaders' | 'errors'>;
  readonly logger: Logger;
}

/** From a request to a call, and from its outcome to an answer. Knows no server. */
export class GatewayCore {
  /** Set while the app stops: clients should come back over another connection. */
  isDraining = false;
  private inFlight = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly deps: GatewayDeps) {}

  /** Never rejects. */
  async answer(route: GatewayRoute, request: HttpRequest): Promise<HttpReply> {
    this.inFlight++;
    try {
      return await this.call(route, request);
    } catch (error) {
      return this.failed(error, request.id, request.headers.accept);
    } finally {
      if (--this.inFlight === 0) for (const resolve of this.waiting.splice(0)) resolve();
    }
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

  private async call(route: GatewayRoute, request: HttpRequest): Promise<HttpReply> {
    const { rpc, options } = this.deps;
    const { target, fn } = route.plan(request.path);
    const call: CallOptions = { ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }), ...route.call, signal: request.signal, metadata: this.metadataOf(request) };
    if (route.style === 'mqant') return replyOfGo((await rpc.call(target, fn, [proto(GO_REQUEST, goRequest(request))], { ...call, returns: GO_RESPONSE as ProtoSchema })) as GoResponse);
    const args = route.args === 'default' ? defaultArguments(request) : routeArguments(request, route.args === 'merged' ? undefined : route.args);
    return replyOf(await rpc.call(target, fn, args, call), route.status);
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
