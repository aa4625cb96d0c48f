export { consul } from './consul.registry.js';
export type { ConsulOptions } from './consul.options.js';
export type { ConsulRecord } from './consul.record.js';
export { grpcRecord, type GrpcRecordOptions } from './grpc.record.js';
export { hrpcRecord, type HrpcRecordOptions } from './hrpc.record.js';
export { mqantRecord } from './mqant.record.js';
export { consulWorkerIds, type ConsulWorkerIdsOptions } from './consul.worker-ids.js';
