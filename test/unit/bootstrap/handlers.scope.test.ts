import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { ArgumentsHost, Catch, Controller, ExceptionFilter, Inject, Injectable, Scope, UseFilters, type Type } from '@nestjs/common';
import { ContextIdFactory, REQUEST, type ContextId, type ContextIdStrategy, type HostComponentInfo } from '@nestjs/core';
import { RpcContext } from '../../../lib/common/call-context.js';
import { RpcRequest } from '../../../lib/wiring/enhanced-scope.js';
import { Handler } from '../../../lib/metadata/handler.decorator.js';
import { Ctx } from '../../../lib/metadata/params.decorator.js';
import { RpcModule } from '../../../lib/metadata/rpc-module.decorator.js';
import { serve } from './handlers.support.js';

@Catch()
class Shown implements ExceptionFilter {
  catch(error: Error, host: ArgumentsHost): string {
    return `${error.message} (${host.switchToRpc().getContext<RpcContext>().path})`;
  }
}

@Injectable({ scope: Scope.REQUEST })
class PerRequest {
  readonly seen: string[] = [];
  constructor(@Inject(REQUEST) readonly request: RpcRequest) {
    if (request.data[0] === 'break') throw new Error('constructor failed');
  }
}

abstract class Handlers {
  abstract readonly scoped: PerRequest;

  @Handler('/scoped', { concurrent: true })
  @UseFilters(Shown)
  async remember(text: string, @Ctx() ctx: RpcContext): Promise<unknown> {
    this.scoped.seen.push(text);
    await new Promise((resolve) => setImmediate(resolve));
    const { request } = this.scoped;
    return [this.scoped.seen, request instanceof RpcRequest, request.getPattern(), [...request.getData()], request.getContext() === ctx];
  }
}

@Injectable()
class InProvider extends Handlers {
  constructor(readonly scoped: PerRequest) {
    super();
  }
}
@Controller()
class InController extends Handlers {
  constructor(readonly scoped: PerRequest) {
    super();
  }
}
@RpcModule({ type: 'p', providers: [PerRequest, InProvider] })
class P {}
@RpcModule({ type: 'c', providers: [PerRequest], controllers: [InController] })
class C {}

for (const [kind, module] of [
  ['provider', P],
  ['controller', C],
] as [string, Type][]) {
  describe(`a ${kind} with request-scoped dependencies`, () => {
    it('is made for each call, with the call as REQUEST', async () => {
      const served = await serve([module]);
      const replies = await Promise.all([served.call('/scoped', 'a'), served.call('/scoped', 'b')]);
      assert.deepEqual(replies, [
        [['a'], true, '/scoped', ['a'], true],
        [['b'], true, '/scoped', ['b'], true],
      ]);
      await served.app.close();
    });

    it('shows filters what its construction threw', async () => {
      const served = await serve([module]);
      assert.equal(await served.call('/scoped', 'break'), 'constructor failed (/scoped)');
      assert.deepEqual(((await served.call('/scoped', 'a')) as unknown[])[0], ['a'], 'the next call is not affected');
      await served.app.close();
    });
  });
}

describe('a durable provider', () => {
  class ByTenant implements ContextIdStrategy {
    private readonly tenants = new Map<string, ContextId>();

    attach(contextId: ContextId, request: unknown) {
      const { tenant = 'none' } = (request as RpcRequest).context.metadata;
      const shared = this.tenants.get(tenant) ?? ContextIdFactory.create();
      this.tenants.set(tenant, shared);
      return { resolve: (info: HostComponentInfo) => (info.isTreeDurable ? shared : contextId), payload: { tenant } };
    }
  }
  // The strategy is Nest's one global; leave it as it was.
  const before = (ContextIdFactory as unknown as { strategy?: ContextIdStrategy }).strategy;
  after(() => ContextIdFactory.apply(before as ContextIdStrategy));

  it('lives once per context that the ContextIdStrategy names', async () => {
    let made = 0;
    @Injectable({ scope: Scope.REQUEST, durable: true })
    class Connection {
      readonly number = ++made;
      constructor(@Inject(REQUEST) readonly payload: { tenant: string }) {}
    }
    @Injectable()
    class Uses {
      constructor(private readonly connection: Connection) {}

      @Handler('/connection')
      which(): string {
        return `${this.connection.payload.tenant} ${this.connection.number}`;
      }
    }
    @RpcModule({ type: 'tenants', providers: [Connection, Uses] })
    class Tenants {}
    ContextIdFactory.apply(new ByTenant());
    const served = await serve([Tenants]);
    const replies = [];
    for (const tenant of ['a', 'b', 'a', 'b']) replies.push(await served.callWith({ tenant }, '/connection'));
    assert.deepEqual(replies, ['a 1', 'b 2', 'a 1', 'b 2']);
    await served.app.close();
  });
});
