import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Controller, createParamDecorator, Injectable, type ExecutionContext } from '@nestjs/common';
import { EMPTY, of } from 'rxjs';
import { RpcContext } from '../../../lib/common/call-context.js';
import { Handler } from '../../../lib/metadata/handler.decorator.js';
import { InjectRpc, InjectSettings } from '../../../lib/metadata/inject.decorator.js';
import { Ctx, Meta, Payload } from '../../../lib/metadata/params.decorator.js';
import { RpcModule } from '../../../lib/metadata/rpc-module.decorator.js';
import { serve, type Served } from './handlers.support.js';

const Caller = createParamDecorator((suffix: string, host: ExecutionContext) => host.switchToRpc().getContext<RpcContext>().caller + suffix);

abstract class Inherited {
  @Handler('/inherited')
  inherited(name: string): string {
    return `${this.constructor.name} ${name}`;
  }
}

@Injectable()
class Positions extends Inherited {
  @Handler('/none')
  none(): string {
    return 'none';
  }

  @Handler('/two')
  two(a: string, b: string): unknown[] {
    return [a, b];
  }

  @Handler('/five')
  five(a: number, b: number, c: number, d: number, e: number): number[] {
    return [a, b, c, d, e];
  }

  @Handler('/ctx-last')
  ctxLast(a: string, @Ctx() ctx: RpcContext): unknown[] {
    return [a, ctx instanceof RpcContext, ctx.path];
  }

  @Handler('/ctx-only')
  ctxOnly(@Ctx() ctx: RpcContext): string {
    return ctx.caller;
  }

  @Handler('/ctx-first')
  ctxFirst(@Ctx() ctx: RpcContext, a: string, b: string): unknown[] {
    return [ctx.path, a, b];
  }

  @Handler('/meta')
  meta(@Meta('lang') lang: Meta<string | undefined>, a: string, @Meta() all: Meta): unknown[] {
    return [lang, a, { ...all }];
  }

  @Handler('/swapped')
  swapped(@Payload(1) second: string, first: string): unknown[] {
    return [first, second];
  }

  @Handler('/next')
  next(@Payload() a: string, b: string, @Payload() c: string): unknown[] {
    return [a, b, c];
  }

  @Handler('/property')
  property(@Payload('id') id: string, @Payload('name') name: string, other: number): unknown[] {
    return [id, name, other];
  }

  @Handler('/rest')
  rest(first: string, ...more: number[]): unknown[] {
    return [first, more];
  }

  @Handler('/rest-after-ctx')
  restAfterCtx(@Ctx() ctx: RpcContext, ...all: number[]): unknown[] {
    return [ctx.path, ...all];
  }

  @Handler('/default')
  withDefault(a: string, b = 'b', c = 'c'): unknown[] {
    return [a, b, c];
  }

  @Handler('/optional', { optional: 1 })
  optional(a: string, b?: string): unknown[] {
    return [a, b];
  }

  @Handler('/custom')
  custom(@Caller('!') caller: string, a: string): unknown[] {
    return [caller, a];
  }

  @Handler('/observable')
  observable(): unknown {
    return of(1, 2, 3);
  }

  @Handler('/later-observable')
  async laterObservable(): Promise<unknown> {
    return of('a', 'b');
  }

  @Handler('/empty-observable')
  emptyObservable(): unknown {
    return EMPTY;
  }

  @Handler('/alias-1')
  @Handler('/alias-2')
  aliased(): string {
    return 'aliased';
  }
}

@Controller()
class InController {
  private readonly greeting = 'hello';

  @Handler('/in-controller')
  greet(name: string): string {
    return `${this.greeting} ${name}`;
  }
}

@RpcModule({ type: 'positions', providers: [Positions], controllers: [InController] })
class PositionsModule {
  constructor(
    @InjectRpc() private readonly rpc: unknown,
    @InjectSettings() private readonly settings: unknown,
  ) {}

  @Handler('/in-module')
  own(): unknown[] {
    return [this.rpc, this.settings];
  }
}

describe('binding of handlers', () => {
  let served: Served;
  before(async () => {
    served = await serve([PositionsModule]);
  });
  after(() => served.app.close());

  const cases: [what: string, path: string, args: unknown[], reply: unknown][] = [
    ['no argument', '/none', [], 'none'],
    ['arguments in order', '/two', ['a', 'b'], ['a', 'b']],
    ['many arguments', '/five', [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]],
    ['the context behind', '/ctx-last', ['a'], ['a', true, '/ctx-last']],
    ['the context alone', '/ctx-only', [], 'tester'],
    ['the context in front', '/ctx-first', ['a', 'b'], ['/ctx-first', 'a', 'b']],
    ['an argument said by number', '/swapped', ['first', 'second'], ['first', 'second']],
    ['@Payload() as the next argument', '/next', ['a', 'b', 'c'], ['a', 'b', 'c']],
    ['properties of the first argument', '/property', [{ id: '1', name: 'n' }, 7], ['1', 'n', 7]],
    ['a rest parameter', '/rest', ['a', 1, 2, 3], ['a', [1, 2, 3]]],
    ['an empty rest', '/rest', ['a'], ['a', []]],
    ['a rest behind the context', '/rest-after-ctx', [1, 2], ['/rest-after-ctx', 1, 2]],
    ['defaults', '/default', ['a'], ['a', 'b', 'c']],
    ['some defaults', '/default', ['a', 'x'], ['a', 'x', 'c']],
    ['a declared optional', '/optional', ['a'], ['a', undefined]],
    ['a custom decorator', '/custom', ['a'], ['tester!', 'a']],
    ['an observable', '/observable', [], 3],
    ['an observable inside a promise', '/later-observable', [], 'b'],
    ['an observable of nothing', '/empty-observable', [], undefined],
    ['the first alias', '/alias-1', [], 'aliased'],
    ['the second alias', '/alias-2', [], 'aliased'],
    ['a handler of a base class', '/inherited', ['x'], 'Positions x'],
    ['a handler of a controller', '/in-controller', ['x'], 'hello x'],
    ['a handler of the module class', '/in-module', [], ['rpc of positions', 'settings of positions']],
  ];
  for (const [what, path, args, reply] of cases) {
    it(`gives ${what}`, async () => assert.deepEqual(await served.call(path, ...args), reply));
  }

  it('gives metadata', async () => {
    assert.deepEqual(await served.callWith({ lang: 'de', x: 'y' }, '/meta', 'a'), ['de', 'a', { lang: 'de', x: 'y' }]);
    assert.deepEqual(await served.call('/meta', 'a'), [undefined, 'a', {}]);
  });

  for (const [path, args, wanted] of [
    ['/two', ['a'], '2 argument'],
    ['/two', ['a', 'b', 'c'], '2 argument'],
    ['/default', [], '1 to 3 argument'],
    ['/optional', ['a', 'b', 'c'], '1 to 2 argument'],
    ['/ctx-last', ['a', 'b'], '1 argument'],
    ['/property', [{}], '2 argument'],
  ] as const) {
    it(`refuses ${args.length} argument(s) for ${path}`, () =>
      assert.rejects(served.call(path, ...args), (error: { reason: string; message: string }) => error.reason === 'ARGUMENT_COUNT' && error.message.includes(wanted)));
  }
});
