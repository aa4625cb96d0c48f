/** gRPC services and clients. Needs the packages `@grpc/grpc-js` and, for protos that are loaded, `@grpc/proto-loader`. */
export { GrpcHandler, GrpcService } from './grpc.decorators.js';
export type { GrpcHandlerOptions, GrpcServiceOptions } from './grpc-declared.js';
export { GrpcContext } from './grpc.context.js';
export { GrpcModule } from './grpc.module.js';
export type { GrpcModuleOptions } from './grpc.options.js';
export { GrpcServer } from './grpc.server.js';
export type { GrpcImplementation } from './grpc.types.js';
export type { GrpcMethodDefinition, GrpcProto, GrpcServiceDefinition, ProtoJson, ProtoOptions } from './proto-source.js';

// Clients
export { createGrpcClient, type GrpcClientHandle, type StandaloneGrpcClientOptions } from './client/create-grpc-client.js';
export { InjectGrpcClient } from './client/inject-grpc-client.decorator.js';
export { GrpcClientModule } from './client/grpc-client.module.js';
export { GrpcClient, type UntypedService } from './client/client-types.js';
export type { GrpcCallOptions, GrpcClientOptions } from './client/client-options.js';
export type { HrpcCallOptions } from './client/hrpc-call.js';
export type { GrpcClientTls, Pem } from './client/client-tls.js';
export type { GrpcClientConstructor, GrpcServiceRef } from './client/service-ref.js';
export type { RequestStream } from './client/request-pump.js';
export { registryResolver } from './client/registry-resolver.js';
