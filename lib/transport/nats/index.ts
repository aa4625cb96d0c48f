export { nats } from './nats.transport.js';
export type { NatsOptions } from './nats.options.js';
