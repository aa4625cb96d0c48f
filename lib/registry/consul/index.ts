export { consulConfig, type ConsulConfigOptions } from '../../config/consul.source.js';
export type { HrpcLayoutOptions } from '../../config/kv-layout.js';
export type { KvSourceOptions } from '../../config/kv-options.js';
export { consul } from './consul.registry.js';
export type { ConsulOptions } from './consul.options.js';
