import { loadPeer } from '../common/peer.js';

/** The gRPC library, once it is loaded. */
export type GrpcLibrary = typeof import('@grpc/grpc-js');
/** The library that reads protos, once it is loaded. */
export type ProtoLibrary = typeof import('@grpc/proto-loader');

/** @throws BootError PEER_MISSING */
export function loadGrpc(neededBy: string): Promise<GrpcLibrary> {
  return loadPeer('@grpc/grpc-js', neededBy, () => import('@grpc/grpc-js'));
}

/** @throws BootError PEER_MISSING */
export function loadProtoLibrary(neededBy: string): Promise<ProtoLibrary> {
  return loadPeer('@grpc/proto-loader', neededBy, () => import('@grpc/proto-loader'));
}
