import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createGrpcClient, GrpcContext, type GrpcClientHandle, GrpcHandler, GrpcServer, GrpcService } from '../../lib/grpc/index.js';
import { Ctx, memoryRegistry, RpcError, RpcModule } from '../../lib/index.js';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import type { GrpcCallOptions } from '../../lib/grpc/client/client-options.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { collect, failure, proto, until } from './grpc-client.support.js';

interface One {
  n: number;
}

/** The client of the tests: what it is called with is often wrong. */
interface Caller {
  add(request: unknown, options?: GrpcCallOptions): Promise<{ v: string }>;
  count(request: unknown, options?: GrpcCallOptions): AsyncIterableIterator<One>;
  sum(requests: unknown, options?: GrpcCallOptions): Promise<One>;
  double(requests: unknown, options?: GrpcCallOptions): AsyncIterableIterator<One>;
}

/** What the service does; each test sets what it needs. */
const does = {
  add: (_ctx: GrpcContext): unknown => ({ v: '1' }),
  count: (_ctx: GrpcContext): AsyncIterable<One> => (async function* () {})(),
  sum: async (_ones: AsyncIterable<One>, _ctx: GrpcContext): Promise<One> => ({ n: 0 }),
  double: (ones: AsyncIterable<One>, _ctx: GrpcContext): AsyncIterable<One> => ones,
};

@GrpcService('numbers.Numbers', { proto })
@RpcModule({ type: 'numbers' })
class Numbers {
  @GrpcHandler()
  add(_request: object, @Ctx() ctx: GrpcContext): unknown {
    return does.add(ctx);
  }

  @GrpcHandler()
  count(_request: object, @Ctx() ctx: GrpcContext): AsyncIterable<One> {
    return does.count(ctx);
  }

  @GrpcHandler()
  sum(ones: AsyncIterable<One>, @Ctx() ctx: GrpcContext): Promise<One> {
    return does.sum(ones, ctx);
  }

  @GrpcHandler()
  double(ones: AsyncIterable<One>, @Ctx() ctx: GrpcContext): AsyncIterable<One> {
    return does.double(ones, ctx);
  }
}

const PAIR = { a: '1', b: '2' };
const KINDS = ['add', 'count', 'sum', 'double'] as const;

/** One item, and then no end. */
async function* endless(): AsyncGenerator<One> {
  yield { n: 1 };
  await new Promise(() => {});
}

describe('a gRPC client and a gRPC service that are used in odd ways', () => {
  let app: RpcApplication;
  let handle: GrpcClientHandle<Caller>;
  let caller: Caller;
  const open = async (): Promise<GrpcClientHandle<Caller>> => (await createGrpcClient('numbers.Numbers', { proto, target: `127.0.0.1:${app.get(GrpcServer).port}` })) as unknown as GrpcClientHandle<Caller>;
  const call = (kind: (typeof KINDS)[number], options?: GrpcCallOptions): Promise<unknown> =>
    kind === 'add' ? caller.add(PAIR, options) : kind === 'sum' ? caller.sum(endless(), options) : collect(kind === 'count' ? caller.count({}, options) : caller.double(endless(), options));
  before(async () => {
    app = await createTestingApp({ modules: [Numbers], registry: memoryRegistry(), grpc: { host: '127.0.0.1', port: 0 } });
    handle = await open();
    caller = handle.client;
  });
  after(async () => {
    handle.close();
    await app.stop();
  });

  it('say that a stream of requests is none, leave nothing behind, and blame no node for it', async () => {
    const contexts: GrpcContext[] = [];
    const note = async (ones: AsyncIterable<One>, ctx: GrpcContext): Promise<One> => {
      contexts.push(ctx);
      for await (const _one of ones);
      return { n: 0 };
    };
    does.sum = note;
    const broken = { [Symbol.iterator]: () => assert.fail('no iterator today') };
    const errors = await Promise.all([5, 'text', null, {}].map((ones) => failure(caller.sum(ones))));
    for (const error of [...errors, await failure(collect(caller.double(5)))]) {
      assert.deepEqual([error.code, error.reason], ['INVALID_ARGUMENT', 'UNSUPPORTED_VALUE']);
      assert.match(error.message, /must be a list, an iterable or an async iterable, not (null|of type \w+)/);
    }
    const thrown = await failure(caller.sum(broken));
    assert.equal(thrown.code, 'CANCELLED');
    assert.match(thrown.message, /no iterator today/);
    await until(() => contexts.every(({ aborted }) => aborted));
    const { client, close } = (await createGrpcClient('numbers.Numbers', { proto, target: [`127.0.0.1:${app.get(GrpcServer).port}`, '127.0.0.1:1'] })) as unknown as GrpcClientHandle<Caller>;
    does.add = () => ({ v: '2' });
    for (let i = 0; i < 4; i++) await failure(client.sum(5));
    for (let i = 0; i < 4; i++) assert.equal((await client.add(PAIR)).v, '2');
    close();
  });

  it('take no call that has no time, of any kind', async () => {
    let calls = 0;
    does.add = does.count = does.sum = does.double = () => (calls++, assert.fail('it was called'));
    for (const kind of KINDS) assert.equal((await failure(call(kind, { timeoutMs: 0 }))).code, 'DEADLINE_EXCEEDED', kind);
    assert.equal(calls, 0);
  });

  it('tell the handler of each kind when the caller gives up, and when its time is over', async () => {
    for (const kind of KINDS) {
      for (const end of ['CANCELLED', 'DEADLINE_EXCEEDED']) {
        const seen: RpcError[] = [];
        let isCalled = false;
        const hang = async (ctx: GrpcContext): Promise<never> => {
          isCalled = true;
          await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }));
          seen.push(ctx.signal.reason as RpcError);
          throw ctx.signal.reason;
        };
        const stream = async function* (ctx: GrpcContext): AsyncGenerator<One> {
          yield { n: 1 };
          await hang(ctx);
        };
        Object.assign(does, { add: hang, count: stream, sum: (_: unknown, ctx: GrpcContext) => hang(ctx), double: (_: unknown, ctx: GrpcContext) => stream(ctx) });
        const abort = new AbortController();
        // A busy machine may let a short time pass before the call arrives: then it has a longer one.
        for (let timeoutMs = 200; !isCalled; timeoutMs *= 2) {
          const ended = failure(call(kind, end === 'CANCELLED' ? { signal: abort.signal, timeoutMs: 60_000 } : { timeoutMs }));
          if (end === 'CANCELLED') {
            await until(() => isCalled);
            abort.abort();
          }
          assert.equal((await ended).code, end, kind);
        }
        await until(() => seen.length === 1);
        // A request that was long under way is given up before its time is over by the clock of the callee.
        assert.ok(seen[0]!.code === 'CANCELLED' || seen[0]!.code === end, `${kind} in the handler: ${seen[0]!.code}`);
      }
    }
  });

  it('take an upload for no whole one that ends with its client', async () => {
    for (let round = 0; round < 5; round++) {
      const seen: string[] = [];
      does.sum = async (ones) => {
        try {
          for await (const { n } of ones) seen.push(`item ${n}`);
          seen.push('whole');
        } catch (error) {
          seen.push((error as RpcError).code);
        }
        return { n: 0 };
      };
      const other = await open();
      const uploading = failure(other.client.sum(endless()));
      await until(() => seen.length === 1);
      other.close();
      assert.equal((await uploading).code, 'CANCELLED');
      await until(() => seen.length === 2);
      assert.deepEqual(seen, ['item 1', 'CANCELLED']);
    }
  });

  it('end the stream of requests of a call that is answered before its end', async () => {
    let isOver = false;
    const forever = async function* (): AsyncGenerator<One> {
      try {
        for (let n = 1; ; n++) {
          yield { n };
          await new Promise(setImmediate);
        }
      } finally {
        isOver = true;
      }
    };
    does.sum = async (ones) => {
      for await (const one of ones) return one;
      return { n: 0 };
    };
    assert.deepEqual(await caller.sum(forever()), { n: 1 });
    await until(() => isOver);
    isOver = false;
    does.double = async function* () {
      yield { n: 7 };
      throw new RpcError({ code: 'ABORTED', message: 'enough' });
    };
    assert.equal((await failure(collect(caller.double(forever())))).code, 'ABORTED');
    await until(() => isOver);
  });

  it('hold back a stream of requests that the handler does not read', async () => {
    let made = 0;
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    does.sum = async (ones) => {
      await gate;
      for await (const { n } of ones) if (n === 10) return { n };
      return { n: 0 };
    };
    const forever = function* (): Generator<One> {
      for (;;) yield { n: made++ };
    };
    const summed = caller.sum(forever(), { timeoutMs: 120_000 });
    // It comes to rest only if it is held back.
    for (let before = -1; before !== made || made === 0; await new Promise((resolve) => setTimeout(resolve, 200))) before = made;
    open();
    assert.deepEqual(await summed, { n: 10 });
  });

  it('carry metadata under names that HTTP/2 has for itself', async () => {
    let got: Readonly<Record<string, string>> = {};
    does.add = (ctx) => ((got = ctx.metadata), ctx.addTrailers({ connection: 'close', 'x-plain': '1' }), { v: '1' });
    const odd = { connection: 'close', 'transfer-encoding': 'chunked', upgrade: 'h2c', 'content-length': '5', te: 'x', 'content-type': 'text/html', 'keep-alive': '1' };
    assert.equal((await caller.add(PAIR, { metadata: odd })).v, '1');
    for (const [key, value] of Object.entries(odd)) assert.equal(got[key], value, key);
  });

  it('refuse metadata that are too large at once, either way, and go on', async () => {
    const large = { 'x-large': 'a'.repeat(60_000) };
    const half = { 'x-half': 'a'.repeat(30_000) };
    const text = { 'x-text': 'ä'.repeat(30_000) };
    for (const metadata of [large, text]) {
      const error = await failure(caller.add(PAIR, { metadata }));
      assert.deepEqual([error.code, error.reason, error.remote], ['RESOURCE_EXHAUSTED', 'PAYLOAD_TOO_LARGE', false]);
    }
    for (const answer of [(ctx: GrpcContext) => ctx.addTrailers(large), (ctx: GrpcContext) => ctx.sendHeaders(large), (ctx: GrpcContext) => (ctx.addTrailers(half), ctx.addTrailers({ ...half, 'x-other': 'b'.repeat(30_000) }))]) {
      does.add = (ctx) => (answer(ctx), { v: '1' });
      const error = await failure(caller.add(PAIR));
      assert.deepEqual([error.code, error.reason, error.remote], ['RESOURCE_EXHAUSTED', 'PAYLOAD_TOO_LARGE', true]);
    }
    does.add = (ctx) => (ctx.addTrailers(half), { v: '1' });
    assert.equal((await caller.add(PAIR, { metadata: half })).v, '1');
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`x-${i}`, '1']));
    const error = await failure(caller.add(PAIR, { metadata: many }));
    assert.equal(error.reason, 'PAYLOAD_TOO_LARGE');
    assert.match(error.message, /are its metadata too many, or too large\?/);
    assert.equal((await caller.add(PAIR)).v, '1');
  });

  it('have errors of any size, without the headers of HTTP', async () => {
    does.add = () => {
      throw new RpcError({ code: 'ABORTED', reason: 'BIG', message: 'é'.repeat(100_000), metadata: { a: 'b'.repeat(100_000) }, details: { x: 'y'.repeat(100_000) } });
    };
    const big = await failure(caller.add(PAIR));
    assert.deepEqual([big.code, big.reason], ['ABORTED', 'BIG']);
    does.add = () => {
      throw new RpcError({ code: 'ABORTED', message: 'no', metadata: { why: 'so' } });
    };
    assert.deepEqual({ ...(await failure(caller.add(PAIR))).metadata }, { why: 'so' });
  });

  it('end streams that are open at a stop: those that can end do, the others are told', async () => {
    const leaving = await createTestingApp({ modules: [Numbers], registry: memoryRegistry(), grpc: { host: '127.0.0.1', port: 0 }, killWaitMs: 1000 });
    const { client, close } = (await createGrpcClient('numbers.Numbers', { proto, target: `127.0.0.1:${leaving.get(GrpcServer).port}` })) as unknown as GrpcClientHandle<Caller>;
    let next = (): void => {};
    const more = new Promise<void>((resolve) => (next = resolve));
    does.count = async function* () {
      yield { n: 1 };
      await more;
      yield { n: 2 };
    };
    does.double = (ones) => ones;
    const [ending, open] = [client.count({}), client.double(endless(), { timeoutMs: Infinity })];
    assert.deepEqual([await ending.next(), await open.next()].map(({ value }) => value as unknown), [{ n: 1 }, { n: 1 }]);
    const stopped = failure(leaving.stop().then(() => assert.fail('it cut a call off'), (error: Error) => Promise.reject(new RpcError({ code: 'UNKNOWN', message: error.message }))));
    await until(async () => (await failure(client.add(PAIR))).reason === 'DRAINING');
    next();
    assert.deepEqual([(await ending.next()).value, (await ending.next()).done], [{ n: 2 }, true]);
    const cut = await failure(open.next());
    assert.deepEqual([cut.code, cut.reason, cut.remote], ['UNAVAILABLE', 'HANDLER_ABORTED', true]);
    assert.match((await stopped).message, /numbers\.Numbers\/Double/);
    close();
  });
});
