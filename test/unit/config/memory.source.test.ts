import { MemoryConfigHub, memoryConfig } from '../../../lib/config/memory.source.js';
import { configSourceContract } from '../../../lib/testing/index.js';

configSourceContract('memory', () => {
  const hubs = new Map<string, MemoryConfigHub>();
  const hub = (prefix: string): MemoryConfigHub => {
    const known = hubs.get(prefix) ?? new MemoryConfigHub();
    hubs.set(prefix, known);
    return known;
  };
  return {
    open: (prefix) => memoryConfig(hub(prefix)),
    put: async (prefix, key, text) => hub(prefix).put(`Settings/${key}`, text),
  };
});
