import assert from 'node:assert/strict';
import { it } from 'node:test';
import { transportContract } from '../../lib/testing/transport.contract.js';
import { nats } from '../../lib/transport/nats/index.js';
import { describeWith, startNats } from '../services/index.js';

describeWith('nats transport', ['nats-server'], () => {
  transportContract('nats', async () => {
    const server = await startNats();
    return {
      transport: () => nats({ servers: server.url }),
      cut: () => server.kill(),
      restore: () => server.restart(),
      close: () => server.stop(),
    };
  });
});
