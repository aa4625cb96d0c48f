export { consul } from './consul.registry.js';
export type { ConsulOptions } from './consul.options.js';
