import { setTimeout as delay } from 'node:timers/promises';
import { etcd } from '../../lib/registry/etcd/index.js';
import { registryContract } from '../../lib/testing/registry.contract.js';
import { describeWith, startEtcd } from '../services/index.js';

describeWith('etcd', ['etcd'], () => {
  registryContract('etcd', async () => {
    const server = await startEtcd();
    return {
      open: () => etcd({ endpoints: server.url }),
      elapse: async (ms) => void (await delay(ms)),
      dispose: () => server.stop(),
    };
  });
});
