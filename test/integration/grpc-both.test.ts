import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createGrpcClient, GrpcClient, GrpcHandler, GrpcService, InjectGrpcClient } from '../../lib/grpc/index.js';
import { type AppOptions, Ctx, Handler, memoryRegistry, RpcContext, RpcError, RpcModule } from '../../lib/index.js';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { MemoryHub } from '../../lib/registry/memory.registry.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { collect, endedByDeadline, failure, proto, until } from './grpc-client.support.js';

/** Calls that wait for their end, and how those ended that did. */
let waiting = 0;
const ended: string[] = [];

@GrpcService('numbers.Numbers', { proto })
@RpcModule({ type: 'numbers' })
class Numbers {
  @GrpcHandler()
  add({ a, b }: { a: string; b: string }, @Ctx() ctx: RpcContext): { v: string; err: string } | Promise<never> {
    if (a === '0') return waiting++, new Promise((_, reject) => ctx.signal.addEventListener('abort', () => (ended.push(ctx.abortError!.code), reject(ctx.abortError!))));
    if (b === '-2') throw new TypeError('a bug');
    if (b === '-1') throw new RpcError({ code: 'OUT_OF_RANGE', reason: 'TOO_SMALL', message: 'it is too small', metadata: { least: '0' }, details: { tried: [-1] } });
    return { v: String(BigInt(a) + BigInt(b)), err: ctx.nodeId };
  }

  @GrpcHandler('Count')
  async *upTo({ upTo }: { upTo: number }): AsyncGenerator<{ n: number }> {
    for (let n = 1; n <= upTo; n++) yield { n };
  }

  @GrpcHandler()
  async sum(numbers: AsyncIterable<{ n: number }>): Promise<{ n: number }> {
    let sum = 0;
    for await (const { n } of numbers) sum += n;
    return { n: sum };
  }

  @GrpcHandler()
  async *double(numbers: AsyncIterable<{ n: number }>): AsyncGenerator<{ n: number }> {
    for await (const { n } of numbers) yield { n: n * 2 };
  }
}

/** In the middle: served by gRPC, and calls by gRPC. */
@GrpcService('numbers.Numbers', { proto })
@RpcModule({ type: 'middle' })
class Middle {
  constructor(@InjectGrpcClient(() => Numbers) readonly numbers: GrpcClient<Numbers>) {}

  @GrpcHandler()
  add(request: { a: string; b: string }): Promise<object> {
    return this.numbers.add(request);
  }
}

@RpcModule({ type: 'front' })
class Front {
  constructor(@InjectGrpcClient(Numbers) readonly numbers: GrpcClient<Numbers>) {}

  @Handler('/add', { concurrent: true })
  async add(a: string, b: string): Promise<string> {
    return (await this.numbers.add({ a, b })).v;
  }
}

describe('a gRPC client and a gRPC service of ours', () => {
  const hub = new MemoryHub();
  const options = (): Partial<AppOptions> => ({ registry: memoryRegistry(hub), grpc: { host: '127.0.0.1', port: 0 }, advertise: { host: '127.0.0.1' } });
  const serve = (): Promise<RpcApplication> => createTestingApp({ modules: [Numbers], ...options() });
  let back: RpcApplication;
  let front: RpcApplication;
  let numbers: GrpcClient<Numbers>;

  before(async () => {
    back = await serve();
    front = await createTestingApp({ modules: [Front], ...options() });
    numbers = front.get(Front).numbers;
  });
  after(async () => {
    await front.stop();
    await back.stop();
  });

  it('find each other by the class alone, in all four kinds', async () => {
    assert.equal((await numbers.add({ a: '9007199254740993', b: '1' })).v, '9007199254740994');
    assert.deepEqual(await collect(numbers.upTo({ upTo: 3 })), [{ n: 1 }, { n: 2 }, { n: 3 }]);
    assert.deepEqual(await numbers.sum([{ n: 1 }, { n: 2 }]), { n: 3 });
    assert.deepEqual(await collect(numbers.double([{ n: 1 }, { n: 2 }])), [{ n: 2 }, { n: 4 }]);
    assert.deepEqual(Object.keys(numbers), ['add', 'upTo', 'sum', 'double']);
  });

  it('have errors with reason, metadata and details, as on other wires', async () => {
    const { code, reason, message, metadata, details, remote, stack } = await failure(numbers.add({ a: '1', b: '-1' }));
    assert.deepEqual({ code, reason, message, details, remote }, { code: 'OUT_OF_RANGE', reason: 'TOO_SMALL', message: 'it is too small', details: { tried: [-1] }, remote: true });
    assert.equal(metadata['least'], '0');
    assert.ok(!stack!.includes('Numbers.add'));
    const hidden = await failure(numbers.add({ a: '1', b: '-2' }));
    assert.deepEqual([hidden.code, hidden.reason], ['INTERNAL', 'HANDLER_FAILED']);
  });

  it('pass on deadline and cancellation over native wire and gRPC alike', async () => {
    waiting = ended.length = 0;
    await endedByDeadline(() => waiting > 0, (timeoutMs) => front.rpc.call('front', '/add', ['0', '0'], { timeoutMs }));
    await until(() => ended.length === waiting);
    waiting = ended.length = 0;
    const abort = new AbortController();
    const call = failure(front.rpc.call('front', '/add', ['0', '0'], { signal: abort.signal, timeoutMs: 60_000 }));
    await until(() => waiting === 1);
    abort.abort();
    assert.equal((await call).code, 'CANCELLED');
    await until(() => ended.length === 1);
    assert.equal(ended[0], 'CANCELLED');
  });

  it('pass on deadline, cancellation and errors from gRPC to gRPC', async () => {
    const middle = await createTestingApp({ modules: [Middle], ...options() });
    const { client, close } = await createGrpcClient<Middle>(Middle, { target: 'registry:///middle', registry: memoryRegistry(hub) });
    try {
      waiting = ended.length = 0;
      await endedByDeadline(() => waiting > 0, (timeoutMs) => client.add({ a: '0', b: '0' }, { timeoutMs }));
      await until(() => ended.length === waiting);
      waiting = ended.length = 0;
      const abort = new AbortController();
      const call = failure(client.add({ a: '0', b: '0' }, { signal: abort.signal, timeoutMs: 60_000 }));
      await until(() => waiting === 1);
      abort.abort();
      assert.equal((await call).code, 'CANCELLED');
      await until(() => ended.length === 1);
      const { reason, metadata } = await failure(client.add({ a: '1', b: '-1' }));
      assert.deepEqual([reason, metadata['least']], ['TOO_SMALL', '0']);
    } finally {
      close();
      await middle.stop();
    }
  });

  it('lose no call when nodes come and go', async () => {
    let running = true;
    let done = 0;
    const failures: unknown[] = [];
    const nodes = new Set<string>();
    const load = Array.from({ length: 8 }, async () => {
      while (running) {
        await numbers.add({ a: '1', b: '1' }).then(({ err }) => (done++, nodes.add(err)), (error: unknown) => failures.push(error));
      }
    });
    let current = await serve();
    for (let round = 0; round < 3; round++) {
      const next = await serve();
      const before = nodes.size;
      await until(() => nodes.size > before || nodes.has(next.modules.get('numbers')!.id));
      await current.stop();
      current = next;
    }
    running = false;
    await Promise.all(load);
    await current.stop();
    assert.deepEqual(failures, []);
    assert.ok(done > 100 && nodes.size >= 3, `${done} calls, ${nodes.size} nodes`);
  });
});
