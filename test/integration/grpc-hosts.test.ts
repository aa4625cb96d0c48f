import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import {
  type ArgumentMetadata,
  type CallHandler,
  type CanActivate,
  Catch,
  Controller,
  ConflictException,
  type ExceptionFilter,
  type ExecutionContext,
  Inject,
  Injectable,
  Module,
  type NestInterceptor,
  type PipeTransform,
  Scope,
  type Type,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
} from '@nestjs/common';
import { APP_GUARD, REQUEST } from '@nestjs/core';
import * as grpc from '@grpc/grpc-js';
import { map, type Observable } from 'rxjs';
import { currentContext } from '../../lib/common/call-context.js';
import { GrpcContext } from '../../lib/grpc/grpc.context.js';
import { GrpcHandler, GrpcService } from '../../lib/grpc/grpc.decorators.js';
import { errorOf } from '../../lib/grpc/grpc.status.js';
import { Ctx } from '../../lib/metadata/params.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { createTestingApp, type TestingAppOptions } from '../../lib/testing/testing-app.js';
import { RpcRequest } from '../../lib/wiring/enhanced-scope.js';
import { collect, failure, metadata, Peer, portOf, SHOP_PROTO } from './grpc.support.js';

interface Item {
  number: number;
}

@Injectable()
class KeyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    assert.equal(context.getType(), 'rpc');
    return context.switchToRpc().getContext<GrpcContext>().metadata['x-key'] === 'let-me-in';
  }
}

@Injectable()
class PositivePipe implements PipeTransform {
  transform(value: unknown, { type }: ArgumentMetadata): unknown {
    if (type === 'body' && typeof value === 'object' && value !== null && 'a' in value && Number(value.a) < 0) throw new ConflictException('a is negative');
    return value;
  }
}

@Injectable()
class Doubling implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((result) => (Symbol.asyncIterator in (result as object) ? doubled(result as AsyncIterable<Item>) : { ...(result as object), note: 'doubled' })));
  }
}

async function* doubled(items: AsyncIterable<Item>): AsyncGenerator<Item> {
  for await (const { number } of items) yield { number: number * 2 };
}

class Boom extends Error {}

@Catch(Boom)
class BoomFilter implements ExceptionFilter {
  catch(error: Boom): never {
    throw new ConflictException(`filtered: ${error.message}`);
  }
}

/** The same methods for a module class, a provider and a controller. */
function methods(): Type {
  @UseGuards(KeyGuard)
  @UsePipes(PositivePipe)
  @UseInterceptors(Doubling)
  @UseFilters(BoomFilter)
  class Methods {
    @GrpcHandler()
    add({ a, b }: { a: string; b: string }): object {
      if (a === '13') throw new Boom('add');
      return { value: Number(a) + Number(b) };
    }

    @GrpcHandler()
    async *count({ from: first, to }: { from: number; to: number }): AsyncGenerator<Item> {
      for (let number = first; number < to; number++) {
        if (number === 13) throw new Boom('count');
        yield { number };
      }
    }

    @GrpcHandler()
    async collect(items: AsyncIterable<Item>): Promise<object> {
      let value = 0;
      for await (const { number } of items) value += number;
      return { value };
    }

    @GrpcHandler()
    async *talk(items: AsyncIterable<Item>): AsyncGenerator<Item> {
      for await (const item of items) yield item;
    }
  }
  return Methods;
}

const hosts: Record<string, () => Type> = {
  'module class': () => {
    const Methods = methods();
    GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })(Methods);
    RpcModule({ type: 'shop' })(Methods);
    return Methods;
  },
  provider: () => {
    const Methods = methods();
    Injectable()(Methods);
    GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })(Methods);
    @RpcModule({ type: 'shop', providers: [Methods] })
    class Shop {}
    return Shop;
  },
  controller: () => {
    const Methods = methods();
    Controller()(Methods);
    GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })(Methods);
    @RpcModule({ type: 'shop', controllers: [Methods] })
    class Shop {}
    return Shop;
  },
};

async function served(t: TestContext, modules: readonly Type[], options: Partial<TestingAppOptions> = {}): Promise<Peer> {
  const app = await createTestingApp({ modules, ...options });
  const peer = new Peer(portOf(app));
  t.after(async () => {
    peer.close();
    await app.stop();
  });
  return peer;
}

const KEY = { metadata: metadata({ 'x-key': 'let-me-in' }) };

for (const [kind, make] of Object.entries(hosts)) {
  describe(`gRPC methods on a ${kind}`, () => {
    it('run behind guards, pipes and interceptors, inside of filters', async (t) => {
      const peer = await served(t, [make()]);
      const refused = await failure(peer.unary('/shop.v1.Shop/add', { a: 1, b: 2 }));
      assert.equal(refused.code, grpc.status.PERMISSION_DENIED);
      assert.deepEqual(await peer.unary('/shop.v1.Shop/add', { a: 1, b: 2 }, KEY), { value: '3', note: 'doubled', itemNames: {} });
      const piped = await failure(peer.unary('/shop.v1.Shop/add', { a: -1, b: 2 }, KEY));
      assert.deepEqual([piped.code, piped.details], [grpc.status.ALREADY_EXISTS, 'a is negative']);
      const filtered = await failure(peer.unary('/shop.v1.Shop/add', { a: 13, b: 2 }, KEY));
      assert.deepEqual([filtered.code, filtered.details], [grpc.status.ALREADY_EXISTS, 'filtered: add']);
    });

    it('do so as streams: what fails in the middle goes through the filter', async (t) => {
      const peer = await served(t, [make()]);
      assert.equal((await failure(collect(peer.server('/shop.v1.Shop/Count', { from: 1, to: 3 })))).code, grpc.status.PERMISSION_DENIED);
      assert.deepEqual((await collect(peer.server('/shop.v1.Shop/Count', { from: 1, to: 4 }, KEY))).map(({ number }) => number), [2, 4, 6]);
      const filtered = await failure(collect(peer.server('/shop.v1.Shop/Count', { from: 12, to: 15 }, KEY)));
      assert.deepEqual([filtered.code, filtered.details], [grpc.status.ALREADY_EXISTS, 'filtered: count']);

      const refused = peer.upload('/shop.v1.Shop/Collect');
      assert.equal((await failure(refused.reply)).code, grpc.status.PERMISSION_DENIED);
      const { call, reply } = peer.upload('/shop.v1.Shop/Collect', KEY);
      call.write({ number: 5 });
      call.end();
      assert.deepEqual(await reply, { value: '5', note: 'doubled', itemNames: {} });

      const talk = peer.bidi('/shop.v1.Shop/Talk', KEY);
      talk.write({ number: 4 });
      talk.end();
      assert.deepEqual((await collect(talk)).map(({ number }) => number), [8]);
    });
  });
}

describe('gRPC methods and the container', () => {
  it('have a host of their own for each call where it is request-scoped', async (t) => {
    const made: unknown[] = [];
    @GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })
    @Injectable({ scope: Scope.REQUEST })
    class Scoped {
      constructor(@Inject(REQUEST) private readonly request: RpcRequest) {
        made.push(this);
      }
      @GrpcHandler()
      add(_sum: object, @Ctx() ctx: GrpcContext): object {
        assert.equal(this.request.getContext(), ctx);
        assert.equal(currentContext(), ctx);
        return { note: this.request.getPattern() };
      }
      @GrpcHandler()
      async *count(): AsyncGenerator<Item> {
        yield { number: (this.request.getData()[0] as { from: number }).from };
      }
    }
    @RpcModule({ type: 'shop', providers: [Scoped] })
    class Shop {}
    const peer = await served(t, [Shop]);
    assert.equal((await peer.unary('/shop.v1.Shop/add', {})).note, '/shop.v1.Shop/add');
    assert.deepEqual((await collect(peer.server('/shop.v1.Shop/Count', { from: 7 }))).map(({ number }) => number), [7]);
    assert.equal(new Set(made).size, 2);
  });

  it('run behind global guards', async (t) => {
    @Module({ providers: [{ provide: APP_GUARD, useClass: KeyGuard }] })
    class Globals {}
    const Plain = (() => {
      @GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })
      @RpcModule({ type: 'shop', imports: [Globals] })
      class Shop {
        @GrpcHandler()
        ping(): void {}
      }
      return Shop;
    })();
    const peer = await served(t, [Plain]);
    assert.equal((await failure(peer.unary('/shop.v1.Shop/Ping', {}))).code, grpc.status.PERMISSION_DENIED);
    assert.deepEqual(await peer.unary('/shop.v1.Shop/Ping', {}, KEY), {});
  });

  it('are seen by interceptors and hooks of the app, as all handlers', async (t) => {
    const seen: string[] = [];
    @GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })
    @RpcModule({ type: 'shop' })
    class Shop {
      @GrpcHandler()
      add({ a }: { a: string }): object {
        return { value: a };
      }
      @GrpcHandler()
      count(): Item[] {
        return [{ number: 1 }, { number: 2 }];
      }
    }
    const peer = await served(t, [Shop], {
      interceptors: {
        server: [
          async (call, next) => {
            seen.push(`> ${call.path}`);
            const result = await next();
            seen.push(`< ${call.path}`);
            return result;
          },
        ],
      },
      serverHooks: { complete: ({ path, context }) => void seen.push(`= ${path} ${context.wire}`) },
    });
    await peer.unary('/shop.v1.Shop/add', { a: 1 });
    await collect(peer.server('/shop.v1.Shop/Count', {}));
    assert.deepEqual(seen, ['/shop.v1.Shop/add', '/shop.v1.Shop/Count'].flatMap((path) => [`> ${path}`, `< ${path}`, `= ${path} grpc`]));
  });

  it('share a lane where they say so, and refuse what is too much', async (t) => {
    let release: () => void = () => {};
    let running = 0;
    @GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })
    @RpcModule({ type: 'shop' })
    class Shop {
      @GrpcHandler({ concurrent: false, queue: 1 })
      async add(): Promise<object> {
        running++;
        await new Promise<void>((resolve) => (release = resolve));
        running--;
        return {};
      }
    }
    const peer = await served(t, [Shop]);
    const calls = [1, 2, 3].map((a) => peer.unary('/shop.v1.Shop/add', { a }).then(() => 'done', (error: grpc.ServiceError) => errorOf(error, true).reason));
    assert.equal(await Promise.race(calls), 'QUEUE_FULL');
    assert.equal(running, 1);
    release();
    while ((await Promise.race([Promise.all(calls), new Promise((resolve) => setImmediate(resolve, undefined))])) === undefined) release();
    assert.deepEqual((await Promise.all(calls)).toSorted(), ['QUEUE_FULL', 'done', 'done']);
  });

  it('of one service may stand in several classes', async (t) => {
    @GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })
    @Injectable()
    class Adding {
      @GrpcHandler()
      add(): object {
        return { note: 'adding' };
      }
    }
    @GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })
    @RpcModule({ type: 'shop', providers: [Adding] })
    class Shop {
      @GrpcHandler()
      ping(): void {}
    }
    const peer = await served(t, [Shop]);
    assert.equal((await peer.unary('/shop.v1.Shop/add', {})).note, 'adding');
    assert.deepEqual(await peer.unary('/shop.v1.Shop/Ping', {}), {});
  });
});
