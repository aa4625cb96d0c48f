import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InjectServices } from '../../lib/metadata/inject.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { memory as memoryRegistry, MemoryHub } from '../../lib/registry/memory.registry.js';
import type { Services } from '../../lib/selector/services.js';
import { createTestingApp } from '../../lib/testing/testing-app.js';

@RpcModule({ type: 'auth-center', metadata: { 'anthill.grpc': '10.0.0.5:8888', weight: '10' } })
class AuthCenter {}

@RpcModule({ type: 'order' })
class Order {
  constructor(@InjectServices() readonly services: Services) {}
}

describe('services of an app', () => {
  it("are looked up in the app's environment, and in another one where the call says so", async (t) => {
    const hub = new MemoryHub();
    const start = async (environment: string, modules: (typeof AuthCenter | typeof Order)[]) => {
      const app = await createTestingApp({ modules, environment, registry: memoryRegistry(hub) });
      t.after(() => app.stop());
      return app;
    };
    await start('production', [AuthCenter]);
    const { services } = (await start('development', [Order])).get(Order);
    await assert.rejects(services.get('auth-center'), { reason: 'SERVICE_NOT_FOUND', message: /^\[auth-center\] not found or no permission to read; of its 1 nodes none has .* the tag 'development'$/ });
    const found = await services.get('auth-center', { tag: 'production' });
    assert.deepEqual([`${found}`, found.target(), found.weight, found.node.metadata['anthill.env']], ['10.0.0.5:8888', 'auth-center:8888', 10, 'production']);
  });
});
