export { etcd } from './etcd.registry.js';
export type { EtcdOptions } from './etcd.options.js';
export { etcdWorkerIds, type EtcdWorkerIdsOptions } from './etcd.worker-ids.js';
