/** gRPC services and clients. Needs the packages `@grpc/grpc-js` and, for protos that are loaded, `@grpc/proto-loader`. */
export type { GrpcMethodDefinition, GrpcProto, GrpcServiceDefinition, ProtoJson, ProtoOptions } from './proto-source.js';
