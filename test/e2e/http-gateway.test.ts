import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { RpcFactory } from '../../lib/bootstrap/rpc.factory.js';
import type { RpcContext } from '../../lib/common/call-context.js';
import { HttpGateway } from '../../lib/gateway/http/http-gateway.js';
import { HttpGatewayModule } from '../../lib/gateway/http/http-gateway.module.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { Ctx } from '../../lib/metadata/params.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { MemoryHub, memory as memoryRegistry } from '../../lib/registry/memory.registry.js';
import { nats } from '../../lib/transport/nats/index.js';
import { describeWith, type RunningServer, startNats } from '../services/index.js';

let arrived: (context: RpcContext) => void = () => {};

@RpcModule({ type: 'slow' })
class Slow {
  @Handler('/wait', { public: true, concurrent: true })
  wait(@Ctx() ctx: RpcContext): Promise<void> {
    arrived(ctx);
    return new Promise((resolve) => ctx.signal.addEventListener('abort', () => resolve()));
  }

  @Handler('/secret', { concurrent: true })
  secret(): string {
    return 'private';
  }
}

@RpcModule({ type: 'web', imports: [HttpGatewayModule.forRoot()] })
class Web {}

describeWith('the HTTP gateway over NATS', ['nats-server'], () => {
  let server: RunningServer;
  let apps: RpcApplication[] = [];
  let url: string;

  before(async () => {
    server = await startNats();
    const hub = new MemoryHub();
    for (const module of [Slow, Web]) {
      const app = await RpcFactory.create({ modules: [module], transport: nats({ servers: server.url }), registry: memoryRegistry(hub), http: { host: '127.0.0.1', port: 0 }, logger: false, flags: false, env: {} });
      apps.push(await app.start({ failFast: true }));
    }
    url = `http://127.0.0.1:${apps[1]!.get<HttpGateway>(HttpGateway).port}`;
  });

  after(async () => {
    await Promise.all(apps.map((app) => app.stop()));
    apps = [];
    await server?.stop();
  });

  it('ends the call in the other process when the client goes away', async () => {
    const context = new Promise<RpcContext>((resolve) => (arrived = resolve));
    const leave = new AbortController();
    const asked = fetch(`${url}/slow/wait`, { signal: leave.signal });
    const { signal } = await context;
    const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    leave.abort();
    await assert.rejects(asked);
    await ended;
  });

  it('is refused by the other process what is not public', async () => {
    const answer = await fetch(`${url}/slow/secret`);
    assert.equal(answer.status, 404);
    assert.ok(!(await answer.text()).includes('wait'));
  });
});
