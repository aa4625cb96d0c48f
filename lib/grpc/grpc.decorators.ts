import { markMethod } from '../metadata/marked-methods.js';
import { needModule } from '../metadata/needed-module.js';
import { GRPC_HANDLERS, GRPC_SERVICE, type GrpcHandlerOptions, type GrpcServiceOptions } from './grpc-declared.js';
import { GRPC_SERVER_SUPPLIER } from './grpc.module.js';

/**
 * Serves a gRPC service: the class is an `@RpcModule`, or a provider or controller of one, and its `@GrpcHandler` methods are methods of the
 * service. Several classes may share one service. The server starts by itself, as the section `grpc` of the config says (port 8888).
 * @param name `package.Service`
 * @public
 */
export function GrpcService(name: string, options: GrpcServiceOptions): ClassDecorator {
  return (target) => {
    GRPC_SERVICE.write(target, Object.freeze({ name, options: Object.freeze({ ...options }) }));
    needModule(target, GRPC_SERVER_SUPPLIER, undefined);
  };
}

/**
 * Makes a method serve one of the service's. A request is the argument, a stream of requests an `AsyncIterable`; a reply is the result, a stream of
 * replies an `AsyncIterable`: an async generator method is the easy way. `@Ctx()` gives the `GrpcContext`.
 * @param name as in the proto @default the method's name, `sayHello` for `SayHello` too
 * @public
 */
export function GrpcHandler(name?: string, options?: GrpcHandlerOptions): MethodDecorator;
export function GrpcHandler(options: GrpcHandlerOptions): MethodDecorator;
export function GrpcHandler(...[first, second]: [(string | GrpcHandlerOptions)?, GrpcHandlerOptions?]): MethodDecorator {
  const name = typeof first === 'string' ? first : undefined;
  const options = Object.freeze({ ...(typeof first === 'object' ? first : second) });
  return (target, method, descriptor) => markMethod(GRPC_HANDLERS, { target, method: String(method), descriptor }, { name, options });
}
