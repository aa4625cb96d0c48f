import 'reflect-metadata';
import type { INestMicroservice } from '@nestjs/common';
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { firstValueFrom } from 'rxjs';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { AnthillClientProxy } from '../../lib/microservices/anthill.client-proxy.js';
import { memory as memoryRegistry, MemoryHub } from '../../lib/registry/memory.registry.js';
import { createTestingApp } from '../../lib/testing/testing-app.js';
import { nats } from '../../lib/transport/nats/nats.transport.js';
import { describeWith, startNats, type RunningServer } from '../services/index.js';
import { Journal, MathController, patternSuite } from '../unit/microservices/patterns.suite.js';
import { microservice, rootModule, rpcError, type Plugs } from '../unit/microservices/support.js';

async function overNats(): Promise<{ plugs: Plugs; server: RunningServer; close(): Promise<unknown> }> {
  const server = await startNats();
  const hub = new MemoryHub();
  return { server, plugs: () => ({ transport: nats({ servers: server.url }), registry: memoryRegistry(hub) }), close: () => server.stop() };
}

describeWith('microservices over NATS', ['nats-server'], () => {
  patternSuite('over NATS', 'elsewhere', overNats);

  describe('message patterns, called on mqant\'s wire', { timeout: 30_000 }, () => {
    let world: Awaited<ReturnType<typeof overNats>>;
    let service: INestMicroservice;
    let app: RpcApplication;

    before(async () => {
      world = await overNats();
      service = await microservice(rootModule(world.plugs, { controllers: [MathController], providers: [Journal] }), { type: 'math' });
      await service.listen();
      app = await createTestingApp({ modules: [], wires: ['mqant'], ...world.plugs() });
    });
    after(async () => {
      await app?.stop();
      await service?.close();
      await world?.close();
    });

    it('take payloads and answer', async () => {
      const math = new AnthillClientProxy({ rpc: app.rpc, target: 'math' });
      assert.equal(await firstValueFrom(math.send('promise', { name: 'mqant' })), 'hi mqant');
      assert.equal(await firstValueFrom(math.send('stream', 'x')), 3);
    });

    it('lose the code of errors, as everything does on that wire', async () => {
      await assert.rejects(app.rpc.call('math', 'rpc exception', []), rpcError('UNKNOWN', /no user 7/));
    });
  });
});
