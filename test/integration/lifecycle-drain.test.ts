import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { RpcFactory } from '../../lib/bootstrap/rpc.factory.js';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { RpcContext } from '../../lib/common/call-context.js';
import type { RpcError } from '../../lib/common/rpc-error.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { InjectClient } from '../../lib/metadata/inject-client.decorator.js';
import { InjectRpc } from '../../lib/metadata/inject.decorator.js';
import { Ctx } from '../../lib/metadata/params.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { MemoryHub as RegistryHub } from '../../lib/registry/memory.registry.js';
import { Client } from '../../lib/rpc/client-type.js';
import { Rpc } from '../../lib/rpc/rpc.client.js';
import { FakeClock } from '../../lib/testing/fake-clock.js';
import { memoryHub } from '../../lib/transport/memory/memory.hub.js';
import { gate, isolated, Recorder, recordingPart, recordingRegistry, recordingTransport } from './app.support.js';

/** Messages of the memory hub and promises behind them come to rest. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

/** A process `near` that serves three services, and a process `far` that calls it and does not hear of its end. */
async function world(t: TestContext) {
  const recorder = new Recorder();
  const go = gate();
  const clock = new FakeClock();
  const [hub, registryHub] = [memoryHub(), new RegistryHub()];

  @RpcModule({ type: 'sibling' })
  class Sibling {
    @Handler('/name', { concurrent: true })
    name(): string {
      return 'sibling';
    }
  }
  @RpcModule({ type: 'back' })
  class Back {
    @Handler('/name', { concurrent: true })
    name(): string {
      return 'back';
    }
  }
  @RpcModule({ type: 'worker' })
  class Worker {
    constructor(
      @InjectRpc() private readonly rpc: Rpc,
      @InjectClient(Sibling) private readonly sibling: Client<Sibling>,
    ) {}
    @Handler('/hi', { concurrent: true })
    hi(): string {
      return 'hi';
    }
    @Handler('/work', { concurrent: true })
    async work(target: string): Promise<string> {
      recorder.note(`working on ${target}`);
      await go.promise;
      return target === 'client' ? this.sibling.name() : this.rpc.call(target, '/name');
    }
    @Handler('/forever', { concurrent: true })
    forever(@Ctx() ctx: RpcContext): Promise<string> {
      recorder.note('forever');
      return new Promise((resolve) => ctx.signal.addEventListener('abort', () => resolve(recorder.note('forever is aborted') ?? ''), { once: true }));
    }
  }
  const near = await RpcFactory.create({
    ...isolated,
    modules: [Worker, Sibling],
    clock,
    graceMs: 200,
    killWaitMs: 60_000,
    transport: recordingTransport(recorder, hub),
    registry: recordingRegistry(recorder, registryHub),
    parts: [recordingPart(recorder, 'ingress')],
  });
  await near.start();
  const nodes = ['worker', 'sibling'].map((type) => near.modules.get(type)!.node!);
  const stale = recordingRegistry(new Recorder(), registryHub, {
    get: async (service) => ({ service, nodes: nodes.filter(({ type }) => type === service) }),
    watch: async function* (_service: string, signal: AbortSignal) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    },
  });
  const far = await RpcFactory.create({ ...isolated, modules: [Back], transport: recordingTransport(new Recorder(), hub), registry: stale });
  await far.start();
  t.after(async () => {
    go.open();
    await far.stop();
    const stopped = near.stop().catch(() => {});
    clock.advance(120_000);
    await stopped;
  });
  return { recorder, go, clock, near, far };
}

async function refused(app: RpcApplication, path = '/hi'): Promise<void> {
  await assert.rejects(app.rpc.call('worker', path), { code: 'UNAVAILABLE', reason: 'DRAINING' });
}

describe('draining', () => {
  it('is not ready at once, answers late calls during the grace, and refuses them after it', async (t) => {
    const { near, far, clock, recorder } = await world(t);
    assert.equal(near.health().ready, true);
    const stopped = near.stop();
    assert.equal(near.health().ready, false);
    await recorder.until('part ingress stop');
    await settle();
    assert.equal(near.state, 'draining');
    assert.equal(await far.rpc.call('worker', '/hi'), 'hi');
    clock.advance(199);
    await settle();
    assert.equal(await far.rpc.call('worker', '/hi'), 'hi');
    const busy = far.rpc.call('worker', '/forever', [], { timeoutMs: 100_000 });
    busy.catch(() => {});
    await recorder.until('forever');
    clock.advance(1);
    await settle();
    await refused(far);
    assert.equal(near.state, 'draining');
    clock.advance(60_000);
    await assert.rejects(stopped, AggregateError);
  });

  for (const [target, name] of [['back', 'another process'], ['sibling', 'its own process'], ['client', 'a typed client']] as const) {
    it(`work in flight may still call ${name}`, async (t) => {
      const { near, far, clock, recorder, go } = await world(t);
      const reply = far.rpc.call('worker', '/work', [target]);
      await recorder.until(`working on ${target}`);
      const stopped = near.stop();
      await recorder.until('part ingress stop');
      await settle();
      clock.advance(200);
      await settle();
      await refused(far);
      go.open();
      assert.equal(await reply, target === 'back' ? 'back' : 'sibling');
      await stopped;
      assert.equal(near.state, 'stopped');
    });
  }

  it('aborts what is still running when killWaitMs is over: the caller is told, ctx.signal fires, stop names it', async (t) => {
    const { near, far, clock, recorder } = await world(t);
    const told = assert.rejects(far.rpc.call('worker', '/forever', [], { timeoutMs: 100_000 }), { code: 'UNAVAILABLE', reason: 'HANDLER_ABORTED' });
    await recorder.until('forever');
    const stopped = near.stop();
    await recorder.until('part ingress stop');
    await settle();
    clock.advance(200);
    await settle();
    clock.advance(60_000);
    await assert.rejects(stopped, (error: AggregateError) => {
      assert.ok(error instanceof AggregateError);
      assert.equal(error.errors.length, 1);
      assert.match(error.message, /aborted after killWaitMs: worker@\w+ \/forever/);
      return true;
    });
    await told;
    await recorder.until('forever is aborted');
    assert.equal(near.state, 'stopped');
  });

  it('serves no call of its own destroy hooks', async () => {
    const recorder = new Recorder();
    @RpcModule({ type: 'hooked' })
    class Hooked {
      constructor(@InjectRpc() private readonly rpc: Rpc) {}
      @Handler('/hi')
      hi(): string {
        return 'hi';
      }
      async onModuleDestroy(): Promise<void> {
        recorder.note(await this.rpc.call<string>('hooked', '/hi').catch((error: RpcError) => `${error.code} ${error.reason}`));
      }
    }
    const app = await RpcFactory.create({ ...isolated, modules: [Hooked] });
    await app.start();
    await app.stop();
    assert.deepEqual(recorder.log, ['UNAVAILABLE DRAINING']);
  });

  it('makes no call after the stop', async (t) => {
    const { near, clock, recorder } = await world(t);
    const stopped = near.stop();
    await recorder.until('part ingress stop');
    await settle();
    clock.advance(200);
    await stopped;
    await assert.rejects(near.rpc.call('sibling', '/name'), { code: 'UNAVAILABLE', reason: 'APP_STOPPED' });
  });
});
