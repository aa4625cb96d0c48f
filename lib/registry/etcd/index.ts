export { etcd } from './etcd.registry.js';
export type { EtcdOptions } from './etcd.options.js';
