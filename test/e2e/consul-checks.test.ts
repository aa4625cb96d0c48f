import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RpcFactory } from '../../lib/bootstrap/rpc.factory.js';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import type { AppPart } from '../../lib/common/lifecycle.js';
import { GrpcHandler, GrpcService } from '../../lib/grpc/index.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { consul, type ConsulOptions } from '../../lib/registry/consul/index.js';
import { isolated } from '../integration/app.support.js';
import { describeWith, projectRoot, startConsul, type RunningServer } from '../services/index.js';

@GrpcService('addservice.AddService', { proto: join(projectRoot(), 'test/e2e/fixture/add.proto') })
@RpcModule({ type: 'add', metadata: { weight: '10' } })
class Add {
  @GrpcHandler()
  add({ a, b }: { a: number; b: number }): { v: number } {
    return { v: a + b };
  }
}

interface Row {
  Service: { ID: string; Tags: string[]; Port: number };
  Checks: { CheckID: string; Status: string; Output: string }[];
}

describeWith('checks of Consul on a running app', ['consul'], () => {
  let server: RunningServer;
  let status: 'up' | 'down' = 'up';
  const disk: AppPart = { name: 'disk', phase: 'resource', health: () => ({ status }) };

  before(async () => {
    server = await startConsul();
  });
  after(() => server.stop());

  const started = async (t: TestContext, record: NonNullable<ConsulOptions['record']>): Promise<RpcApplication> => {
    status = 'up';
    const app = await RpcFactory.create({
      ...isolated,
      modules: [Add],
      parts: [disk],
      advertise: { host: '127.0.0.1' },
      environment: 'production',
      grpc: { port: 0, host: '127.0.0.1' },
      health: { port: 0, host: '127.0.0.1' },
      registry: consul({ addr: server.url, env: {}, record }),
    });
    t.after(() => app.stop());
    return app.start();
  };
  const rows = async (name: string): Promise<Row[]> => (await (await fetch(`${server.url}/v1/health/service/${name}`)).json()) as Row[];
  const check = async (name: string) => (await rows(name))[0]?.Checks.find(({ CheckID }) => CheckID.startsWith('service:'));
  /** Waits until the agent says so after it has asked (then the check has an output, which the servers learn minutes later), and the servers say it too. */
  const becomes = async (name: string, wanted: string): Promise<void> => {
    const giveUp = performance.now() + 10_000;
    for (;;) {
      const checks = (await (await fetch(`${server.url}/v1/agent/checks`)).json()) as Record<string, Row['Checks'][number] & { ServiceName: string }>;
      const told = Object.values(checks).find(({ ServiceName }) => ServiceName === name);
      if (told?.Status === wanted && told.Output !== '' && (await check(name))?.Status === wanted) return;
      assert.ok(performance.now() < giveUp, `the check of ${name} is ${told?.Status} (${told?.Output}), not ${wanted}, after 10 s`);
      await delay(50);
    }
  };

  for (const [style, name, record] of [
    ['gRPC', 'grpc.health.v1.add', { name: 'grpc', prefix: 'grpc.health.v1.', intervalMs: 1000 }],
    ['hrpc', 'add', { name: 'hrpc', intervalMs: 1000 }],
  ] as const) {
    it(`of ${style}: passing while it serves, critical when a part is down, passing again, gone with the app`, async (t) => {
      const app = await started(t, record);
      const caller = consul({ addr: server.url, env: {}, record });
      t.after(() => caller.close());
      assert.equal((await rows(name)).length, 1);
      await becomes(name, 'passing');
      const [node] = (await caller.get('add')).nodes;
      assert.match(node!.metadata['anthill.grpc']!, /^127\.0\.0\.1:\d+$/);
      assert.equal(node!.metadata['weight'], '10');
      status = 'down';
      await becomes(name, 'critical');
      assert.deepEqual((await caller.get('add')).nodes, []);
      status = 'up';
      await becomes(name, 'passing');
      await app.stop();
      assert.deepEqual(await rows(name), []);
    });
  }

  it('survive a Consul that lost its state: the node is there again, and callers never miss it', async (t) => {
    const record = { name: 'grpc', intervalMs: 1000 };
    await started(t, record);
    const caller = consul({ addr: server.url, env: {}, record });
    t.after(() => caller.close());
    const seen: number[] = [];
    const ending = new AbortController();
    const watching = (async () => {
      for await (const { nodes } of caller.watch('add', ending.signal)) seen.push(nodes.length);
    })();
    await becomes('add', 'passing');
    await server.restart();
    await becomes('add', 'passing');
    ending.abort();
    await watching;
    assert.deepEqual(new Set(seen), new Set([1]));
  });
});
