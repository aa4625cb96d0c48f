/** gRPC services and clients. Needs the packages `@grpc/grpc-js` and, for protos that are loaded, `@grpc/proto-loader`. */
export { GrpcHandler, GrpcService } from './grpc.decorators.js';
export type { GrpcHandlerOptions, GrpcServiceOptions } from './grpc-declared.js';
export { GrpcContext } from './grpc.context.js';
export { GrpcModule } from './grpc.module.js';
export type { GrpcModuleOptions } from './grpc.options.js';
export { GrpcServer } from './grpc.server.js';
export type { GrpcImplementation } from './grpc.types.js';
export type { GrpcMethodDefinition, GrpcProto, GrpcServiceDefinition, ProtoJson, ProtoOptions } from './proto-source.js';
