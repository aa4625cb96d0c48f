export { memory } from './memory.transport.js';
export { MemoryHub, memoryHub, type MemoryHubOptions } from './memory.hub.js';
