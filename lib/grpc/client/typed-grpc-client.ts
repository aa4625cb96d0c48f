import type { RpcError } from '../../common/rpc-error.js';
import { LIFECYCLE_METHODS } from '../../rpc/client-type.js';
import type { GrpcMethod } from '../grpc.proto.js';
import type { GrpcCallOptions, GrpcClientOptions } from './client-options.js';
import type { GrpcRpcOptions } from './grpc.carrier.js';
import type { GrpcConnection } from './grpc-connection.js';
import { MessageQueue } from './message-queue.js';
import { RequestSource, type RequestStream } from './request-pump.js';
import { untilReady } from './wait-for-ready.js';

/** Never methods of a client: containers and `await` ask for them. */
const HIDDEN: ReadonlySet<string> = new Set<string>([...LIFECYCLE_METHODS, 'then']);

/** A method of a client: a function. */
export type GrpcClientMethod = (request?: unknown, options?: GrpcCallOptions) => unknown;

/** Makes a typed client: a frozen plain object with one function per method. Never a Proxy, which would answer to `then` too. */
export function createTypedGrpcClient(connection: GrpcConnection, target: string, methods: ReadonlyMap<string, GrpcMethod>, { waitForReady, timeoutMs }: GrpcClientOptions): Readonly<Record<string, GrpcClientMethod>> {
  const call = (method: GrpcMethod, request: unknown, options: GrpcRpcOptions & GrpcCallOptions = {}): Promise<unknown> => {
    const { rpc } = connection;
    if (!(options.waitForReady ?? waitForReady)) return rpc.call(target, method.path, [request], options);
    const limit = options.timeoutMs ?? timeoutMs ?? rpc.deps.timeoutMs;
    const wait = { clock: rpc.deps.clock, timeoutMs: limit, signal: options.signal, target, path: method.path };
    return untilReady(wait, (leftMs) => rpc.call(target, method.path, [request], { ...options, timeoutMs: leftMs }));
  };
  const client: Record<string, GrpcClientMethod> = {};
  for (const [name, method] of methods) {
    if (HIDDEN.has(name)) continue;
    client[name] = (given = method.requestStream ? [] : {}, options) => {
      const request = method.requestStream ? new RequestSource(given as RequestStream<unknown>) : given;
      if (!method.responseStream) return call(method, request, options);
      const replies = new MessageQueue();
      call(method, request, { ...options, replies }).then(
        () => replies.end(),
        (error: RpcError) => replies.end(error),
      );
      return replies;
    };
  }
  return Object.freeze(client);
}
