import { setTimeout as delay } from 'node:timers/promises';
import { consul } from '../../lib/registry/consul/index.js';
import { registryContract } from '../../lib/testing/registry.contract.js';
import { describeWith, startConsul } from '../services/index.js';

describeWith('consul', ['consul'], () => {
  registryContract('consul', async () => {
    const server = await startConsul();
    return {
      open: () => consul({ addr: server.url }),
      elapse: async (ms) => void (await delay(ms)),
      dispose: () => server.stop(),
    };
  });
});
