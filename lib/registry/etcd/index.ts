export { etcdConfig, type EtcdConfigOptions } from '../../config/etcd.source.js';
export type { HrpcLayoutOptions } from '../../config/kv-layout.js';
export type { KvSourceOptions } from '../../config/kv-options.js';
export { etcd } from './etcd.registry.js';
export type { EtcdOptions } from './etcd.options.js';
export { etcdWorkerIds, type EtcdWorkerIdsOptions } from './etcd.worker-ids.js';
