import type { RpcContext } from '../../common/call-context.js';
import type { HandlerDescriptor } from '../../rpc/handler-entry.js';
import type { ServerHooks } from '../../rpc/server-hooks.js';
import { GO_REQUEST, GO_RESPONSE, type GoRequest } from './go-api.js';
import { goResponse, webRequest } from './go-exchange.js';

/** An HTTP service in the types of `fetch`, such as the `fetch` of a Hono app. @public */
export type WebHandler = (request: Request) => Response | Promise<Response>;

/**
 * Serves HTTP behind a gateway that sends `go.api.Request`: mqant's, or ours with style 'mqant'. What the service has no `@Handler` for, and begins with a slash, goes to `handle` (mqant:
 * `NoFoundFunction` with a mux behind it). `RpcFactory.create(AppModule, { serverHooks: goApi(handle) })`
 * @public
 */
export function goApi(handle: WebHandler): ServerHooks {
  // One for all paths: the node keeps no entry for each that a stranger thinks of.
  const descriptor: HandlerDescriptor = Object.freeze({
    path: '/*',
    origin: 'goApi()',
    arity: Object.freeze({ min: 1, max: 1 }),
    options: Object.freeze({ concurrent: true, public: true, args: Object.freeze([GO_REQUEST]), returns: GO_RESPONSE }),
    invoke: async ([message]: readonly unknown[], { signal }: RpcContext) => goResponse(await handle(webRequest(message as GoRequest, signal))),
  } as HandlerDescriptor);
  return { unknown: (path) => (path.startsWith('/') ? descriptor : undefined) };
}
