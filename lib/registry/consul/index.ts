export { consulConfig, type ConsulConfigOptions } from '../../config/consul.source.js';
export type { HrpcLayoutOptions } from '../../config/kv-layout.js';
export type { KvSourceOptions } from '../../config/kv-options.js';
export { consul } from './consul.registry.js';
export type { ConsulOptions } from './consul.options.js';
export type { ConsulRecord } from './consul.record.js';
export { grpcRecord, type GrpcRecordOptions } from './grpc.record.js';
export { hrpcRecord, type HrpcRecordOptions } from './hrpc.record.js';
export { mqantRecord } from './mqant.record.js';
