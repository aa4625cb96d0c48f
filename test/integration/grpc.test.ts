import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { type RpcContext } from '../../lib/common/call-context.js';
import { rpcError } from '../../lib/common/error-catalog.js';
import { RpcError } from '../../lib/common/rpc-error.js';
import { GrpcContext } from '../../lib/grpc/grpc.context.js';
import { GrpcHandler, GrpcService } from '../../lib/grpc/grpc.decorators.js';
import { errorOf } from '../../lib/grpc/grpc.status.js';
import { Ctx, Meta } from '../../lib/metadata/params.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { createTestingApp } from '../../lib/testing/testing-app.js';
import { Recorder } from './app.support.js';
import { collect, failure, metadata, Peer, portOf, type Reply, SHOP_PROTO } from './grpc.support.js';

interface Item {
  number: number;
  payload?: Uint8Array;
}

const events = new Recorder();

@GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })
@RpcModule({ type: 'shop' })
class Shop {
  seen: GrpcContext | undefined;
  /** What `add` does instead of adding. */
  instead: ((ctx: GrpcContext) => unknown) | undefined;
  talk: ((items: AsyncIterable<Item>, ctx: GrpcContext) => AsyncIterable<Item>) | undefined;

  @GrpcHandler()
  add({ a, b }: { a: string; b: string }, @Ctx() ctx: GrpcContext, @Meta('x-note') note: Meta<string | undefined>): unknown {
    this.seen = ctx;
    return this.instead ? this.instead(ctx) : { value: String(BigInt(a) + BigInt(b)), note };
  }

  @GrpcHandler()
  async *count({ from, to, size }: { from: number; to: number; size: number }, @Ctx() ctx: GrpcContext): AsyncGenerator<Item> {
    try {
      for (let number = from; number < to; number++) {
        if (number === 13) throw new RpcError({ code: 'OUT_OF_RANGE', reason: 'UNLUCKY', message: 'thirteen' });
        if (number === 99) await once(ctx.signal, 'abort');
        yield { number, payload: Buffer.alloc(size) };
      }
    } finally {
      events.note(ctx.aborted ? `count aborted ${ctx.abortError!.code}` : 'count over');
    }
  }

  @GrpcHandler('Collect')
  async sumUp(items: AsyncIterable<Item>, @Ctx() ctx: GrpcContext): Promise<object> {
    let sum = 0;
    try {
      for await (const { number } of items) {
        if (number < 0) return { value: sum, note: 'enough' };
        sum += number;
        events.note(`collect got ${number}`);
      }
    } catch (error) {
      events.note(`collect failed ${(error as RpcError).code}`);
      throw error;
    }
    ctx.addTrailers({ 'x-count': 'done' });
    return { value: sum };
  }

  @GrpcHandler()
  Talk(items: AsyncIterable<Item>, @Ctx() ctx: GrpcContext): AsyncIterable<Item> {
    return this.talk ? this.talk(items, ctx) : items;
  }

  @GrpcHandler()
  ping(): void {}
}

describe('a gRPC service', () => {
  let app: RpcApplication;
  let shop: Shop;
  let peer: Peer;

  before(async () => {
    app = await createTestingApp({ modules: [Shop] });
    shop = app.get(Shop);
    peer = new Peer(portOf(app));
  });
  after(async () => {
    peer.close();
    await app.stop();
  });

  const insteadOfAdd = async (work: (ctx: GrpcContext) => unknown, options = {}): Promise<Reply> => {
    shop.instead = work;
    try {
      return await peer.unary('/shop.v1.Shop/add', { a: 1, b: 2 }, options);
    } finally {
      shop.instead = undefined;
    }
  };

  describe('unary', () => {
    it('replies, past 2^53 exactly', async () => {
      assert.equal((await peer.unary('/shop.v1.Shop/add', { a: '9007199254740993', b: 1 })).value, '9007199254740994');
    });

    it('has the context of the call', async () => {
      await peer.unary('/shop.v1.Shop/add', { a: 1, b: 2 }, { metadata: metadata({ 'x-note': 'hi', 'x-raw-bin': Buffer.from([1, 2]), 'anthill-caller': 'web@1' }), deadlineMs: 5000 });
      const ctx = shop.seen!;
      assert.ok(ctx instanceof GrpcContext);
      assert.deepEqual([ctx.path, ctx.wire, ctx.caller, ctx.nodeId], ['/shop.v1.Shop/add', 'grpc', 'web@1', app.modules.get('shop')!.id]);
      assert.equal(ctx.metadata['x-note'], 'hi');
      assert.equal(ctx.metadata['x-raw-bin'], 'AQI=');
      assert.ok(ctx.deadline > Date.now() && ctx.deadline <= Date.now() + 5000);
      assert.match(ctx.peer, /^127\.0\.0\.1:\d+$/);
      assert.equal(ctx.peerCertificate, undefined);
    });

    it('of nobody in particular has the peer as caller and the app\'s deadline', async () => {
      await peer.unary('/shop.v1.Shop/add', { a: 1, b: 2 });
      assert.equal(shop.seen!.caller, shop.seen!.peer);
      assert.ok(shop.seen!.deadline <= Date.now() + 10_000);
    });

    it('sends headers and trailers', async () => {
      shop.instead = (ctx) => {
        ctx.sendHeaders({ 'x-head': '1' });
        ctx.addTrailers({ 'x-tail': 'ä' });
        return { value: 1 };
      };
      const call = peer.server('/shop.v1.Shop/add', { a: 1, b: 2 });
      const [[headers], items, [status]] = await Promise.all([once(call, 'metadata'), collect(call), once(call, 'status')]) as [[grpc.Metadata], Reply[], [grpc.StatusObject]];
      shop.instead = undefined;
      assert.deepEqual([headers.get('x-head'), items.length, status.code], [['1'], 1, 0]);
      assert.deepEqual(JSON.parse(String(status.metadata.get('anthill-text-bin')[0])), { 'x-tail': 'ä' });
    });

    it('that returns nothing replies with an empty message', async () => {
      assert.deepEqual(await peer.unary('/shop.v1.Shop/Ping', {}), {});
    });

    it('fails with what the handler threw', async () => {
      const error = await failure(insteadOfAdd((ctx) => {
        ctx.addTrailers({ 'x-tail': '1' });
        throw new RpcError({ code: 'ABORTED', reason: 'LOST_RACE', message: 'äh', metadata: { key: 'k' }, details: { tries: 3 } });
      }));
      assert.equal(error.code, grpc.status.ABORTED);
      assert.equal(error.details, 'äh');
      assert.deepEqual(error.metadata.get('x-tail'), ['1']);
      const read = errorOf(error, true);
      assert.deepEqual([read.code, read.reason, read.metadata.key, read.details], ['ABORTED', 'LOST_RACE', 'k', { tries: 3 }]);
    });

    it('hides what nobody declared', async () => {
      for (const thrown of [new Error('secret'), 'secret', null, undefined, Object.freeze({ secret: 1 })]) {
        const error = await failure(insteadOfAdd(() => {
          throw thrown;
        }));
        assert.equal(error.code, grpc.status.INTERNAL);
        assert.doesNotMatch(error.details, /secret/);
        assert.match(errorOf(error, true).metadata.correlationId!, /^[0-9a-f]{16}$/);
      }
    });

    it('fails when the reply is none', async () => {
      for (const reply of [{ itemNames: 5 }, [], 7]) {
        const error = await failure(insteadOfAdd(() => reply));
        assert.equal(errorOf(error, true).reason, 'REPLY_UNENCODABLE', JSON.stringify(reply));
      }
    });

    it('ends by its deadline, and says so to the handler', async () => {
      // On a busy machine it may be over before the call arrives, or the client's end of it be heard of well before ours: then a longer one is tried.
      for (let deadlineMs = 80, seen: string | undefined; seen !== 'DEADLINE_EXCEEDED'; deadlineMs *= 2) {
        const contexts: RpcContext[] = [];
        const error = await failure(insteadOfAdd(async (context) => {
          contexts.push(context);
          await once(context.signal, 'abort');
        }, { deadlineMs }));
        assert.equal(error.code, grpc.status.DEADLINE_EXCEEDED);
        for (const { aborted, signal } of contexts) if (!aborted) await once(signal, 'abort');
        seen = contexts[0]?.abortError!.code;
        assert.ok(deadlineMs < 10_000, `the handler was told ${seen}`);
      }
    });

    it('ends when the caller gives up', async () => {
      const giveUp = new AbortController();
      let seen: RpcError | undefined;
      const error = await failure(insteadOfAdd(async (context) => {
        giveUp.abort();
        await once(context.signal, 'abort');
        seen = context.abortError;
        events.note('given up');
      }, { signal: giveUp.signal }));
      assert.equal(error.code, grpc.status.CANCELLED);
      await events.until('given up');
      assert.equal(seen!.reason, 'ABORTED_BY_CALLER');
    });

    it('is done when it has replied: what it left running is not cancelled', async () => {
      let ctx: RpcContext | undefined;
      await insteadOfAdd((context) => {
        ctx = context;
        return { value: 1 };
      });
      await peer.unary('/shop.v1.Shop/Ping', {});
      assert.equal(ctx!.aborted, false);
    });

    it('can be called on every wire', async () => {
      assert.deepEqual(await app.rpc.call('shop', '/shop.v1.Shop/add', [{ a: '1', b: '2' }]), { value: '3' });
      await assert.rejects(app.rpc.call('shop', '/shop.v1.Shop/Count', [{ from: 1, to: 2 }]), { code: 'UNIMPLEMENTED', reason: 'NOT_IMPLEMENTED' });
      await assert.rejects(app.rpc.call('shop', '/shop.v1.Shop/Collect', [{}]), { code: 'UNIMPLEMENTED' });
      await assert.rejects(app.rpc.call('shop', '/shop.v1.Shop/add', []), { reason: 'ARGUMENT_COUNT' });
    });
  });

  describe('server streaming', () => {
    it('sends what the generator yields', async () => {
      const items = await collect(peer.server('/shop.v1.Shop/Count', { from: 3, to: 6, size: 1 }));
      assert.deepEqual(items.map(({ number }) => number), [3, 4, 5]);
    });

    it('fails in the middle with the error, after what was sent', async () => {
      const call = peer.server('/shop.v1.Shop/Count', { from: 11, to: 20 });
      const seen: unknown[] = [];
      call.on('data', ({ number }: Reply) => seen.push(number));
      const [error] = await once(call, 'error') as [grpc.ServiceError];
      assert.deepEqual(seen, [11, 12]);
      const read = errorOf(error, true);
      assert.deepEqual([read.code, read.reason, read.message], ['OUT_OF_RANGE', 'UNLUCKY', 'thirteen']);
    });

    it('ends the generator when the caller gives up', async () => {
      events.take();
      const call = peer.server('/shop.v1.Shop/Count', { from: 98, to: 200 });
      call.on('error', () => {});
      await once(call, 'data');
      call.cancel();
      await events.until('count aborted CANCELLED');
    });

    it('ends the generator by the deadline', async () => {
      events.take();
      for (let deadlineMs = 100, told = ''; told !== 'count aborted DEADLINE_EXCEEDED'; deadlineMs *= 2) {
        let hasBegun = false;
        const call = peer.server('/shop.v1.Shop/Count', { from: 98, to: 200 }, { deadlineMs });
        const taking = async (): Promise<void> => {
          for await (const _item of call) hasBegun = true;
        };
        const error = await failure(taking());
        assert.equal(error.code, grpc.status.DEADLINE_EXCEEDED);
        if (!hasBegun) continue;
        await Promise.race(['DEADLINE_EXCEEDED', 'CANCELLED'].map((code) => events.until(`count aborted ${code}`)));
        told = events.take().find((event) => event.startsWith('count aborted'))!;
        assert.ok(deadlineMs < 10_000, `the generator was told ${told}`);
      }
    });
  });

  describe('client streaming', () => {
    it('gets all requests, in order', async () => {
      const { call, reply } = peer.upload('/shop.v1.Shop/Collect');
      const status = once(call, 'status') as Promise<[grpc.StatusObject]>;
      for (let number = 1; number <= 100; number++) call.write({ number });
      call.end();
      assert.equal((await reply).value, '5050');
      assert.deepEqual((await status)[0].metadata.get('x-count'), ['done']);
    });

    it('may reply before the end', async () => {
      const { call, reply } = peer.upload('/shop.v1.Shop/Collect');
      call.write({ number: 7 });
      call.write({ number: -1 });
      assert.deepEqual((await reply).note, 'enough');
    });

    it('learns that the caller gave up', async () => {
      events.take();
      const { call, reply } = peer.upload('/shop.v1.Shop/Collect');
      call.write({ number: 7 });
      const outcome = failure(reply);
      await events.until('collect got 7');
      call.cancel();
      assert.equal((await outcome).code, grpc.status.CANCELLED);
      await events.until('collect failed CANCELLED');
    });
  });

  describe('bidirectional', () => {
    it('answers while it is asked', async () => {
      const call = peer.bidi('/shop.v1.Shop/Talk');
      const items = call[Symbol.asyncIterator]() as AsyncIterator<Reply>;
      for (let number = 1; number <= 5; number++) {
        call.write({ number });
        assert.equal((await items.next()).value.number, number);
      }
      call.end();
      assert.equal((await items.next()).done, true);
    });

    it('that stops asking goes on answering', async () => {
      shop.talk = async function* (items) {
        for await (const { number } of items) if (number === 2) break;
        yield { number: 10 };
        yield { number: 11 };
      };
      const call = peer.bidi('/shop.v1.Shop/Talk');
      for (const number of [1, 2, 3]) call.write({ number });
      assert.deepEqual((await collect(call)).map(({ number }) => number), [10, 11]);
      shop.talk = undefined;
    });

    it('may return a list, and nothing else that is no iterable', async () => {
      const outcomes: [unknown, unknown][] = [];
      for (const result of [[{ number: 1 }, { number: 2 }], undefined, null, 7, 'text', {}]) {
        shop.talk = () => result as AsyncIterable<Item>;
        const call = peer.bidi('/shop.v1.Shop/Talk');
        call.end();
        outcomes.push(await collect(call).then((items) => [result, items.length] as [unknown, unknown], (error: grpc.ServiceError) => [result, errorOf(error, true).reason] as [unknown, unknown]));
      }
      shop.talk = undefined;
      assert.deepEqual(outcomes.map(([, outcome]) => outcome), [2, ...Array.from({ length: 5 }, () => 'REPLY_UNENCODABLE')]);
    });

    it('ends both ways when the caller gives up', async () => {
      const ended: string[] = [];
      shop.talk = async function* (items, ctx) {
        try {
          for await (const item of items) yield item;
        } finally {
          ended.push(ctx.abortError!.reason);
          events.note('talk ended');
        }
      };
      const call = peer.bidi('/shop.v1.Shop/Talk');
      call.on('error', () => {});
      call.write({ number: 1 });
      await once(call, 'data');
      call.cancel();
      await events.until('talk ended');
      shop.talk = undefined;
      assert.deepEqual(ended, ['ABORTED_BY_CALLER']);
    });
  });

  describe('bad input', () => {
    it('of methods and services that are not there', async () => {
      assert.equal((await failure(peer.unary('/shop.v1.Shop/Unwritten', {}))).code, grpc.status.UNIMPLEMENTED);
      const raw = (path: string): Promise<unknown> => new Promise((resolve, reject) => peer.client.makeUnaryRequest(path, () => Buffer.alloc(0), (bytes) => bytes, {}, (error, reply) => (error ? reject(error) : resolve(reply))));
      for (const path of ['/shop.v1.Nothing/add', '/__proto__/constructor', '/shop.v1.Shop/toString', '/', '/shop.v1.Shop/add/']) {
        assert.equal((await failure(raw(path))).code, grpc.status.UNIMPLEMENTED, path);
      }
    });

    it('that is no message', async () => {
      const garbage = new Promise((resolve, reject) => peer.client.makeUnaryRequest('/shop.v1.Shop/add', () => Buffer.from('ffffffff', 'hex'), (bytes) => bytes, {}, (error, reply) => (error ? reject(error) : resolve(reply))));
      assert.equal((await failure(garbage)).code, grpc.status.INTERNAL);
      assert.equal((await peer.unary('/shop.v1.Shop/add', { a: 1, b: 1 })).value, '2');
    });

    it('that is too large', async () => {
      const { call, reply } = peer.upload('/shop.v1.Shop/Collect');
      call.on('error', () => {});
      call.write({ number: 1, payload: Buffer.alloc(5 * 1024 * 1024) });
      assert.equal((await failure(reply)).code, grpc.status.RESOURCE_EXHAUSTED);
    });

    it('of hrpc: a timeout of 0 is over, garbage is ignored, the smaller deadline counts', async () => {
      const over = await failure(peer.unary('/shop.v1.Shop/add', {}, { metadata: metadata({ hrpc_md_message: '{"server_name":"order","request_timeout":0}' }) }));
      assert.equal(over.code, grpc.status.DEADLINE_EXCEEDED);
      assert.match(over.details, /request_timeout of 0/);
      assert.equal((await peer.unary('/shop.v1.Shop/add', { a: 1, b: 1 }, { metadata: metadata({ hrpc_md_message: 'no json' }) })).value, '2');
      await peer.unary('/shop.v1.Shop/add', { a: 1, b: 1 }, { metadata: metadata({ hrpc_md_message: '{"server_name":"order","request_timeout":200000000}' }), deadlineMs: 5000 });
      assert.equal(shop.seen!.caller, 'order');
      assert.ok(shop.seen!.deadline <= Date.now() + 200);
    });

    it('of callers that are passed on from outside', async () => {
      const error = await failure(peer.unary('/shop.v1.Shop/add', {}, { metadata: metadata({ 'anthill-external': '1' }) }));
      assert.equal(error.code, grpc.status.NOT_FOUND);
    });

    it('of a call that would wait for itself', async () => {
      const chain = JSON.stringify([[app.modules.get('shop')!.id, 'serial', '/x']]);
      assert.equal((await peer.unary('/shop.v1.Shop/add', { a: 1, b: 1 }, { metadata: metadata({ 'anthill-chain': chain }) })).value, '2');
    });
  });

  it('fails calls with the reason of the library, too', async () => {
    const error = await failure(insteadOfAdd(() => {
      throw rpcError('QUEUE_FULL', 'full');
    }));
    assert.equal(error.code, grpc.status.RESOURCE_EXHAUSTED);
  });
});
