import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Handler } from '../../../lib/metadata/handler.decorator.js';
import { Ctx, Payload } from '../../../lib/metadata/params.decorator.js';
import { contractMethod, RpcContract } from '../../../lib/metadata/rpc-contract.decorator.js';
import { RpcErrorClass } from '../../../lib/metadata/rpc-error-class.decorator.js';
import { RpcModule } from '../../../lib/metadata/rpc-module.decorator.js';
import { RpcContext } from '../../../lib/common/call-context.js';
import { untypedConstructor } from '../../../lib/wiring/constructor-types.js';
import { readContract } from '../../../lib/wiring/contract.explorer.js';

class Point {
  marshal(): Uint8Array {
    return new Uint8Array();
  }
  unmarshal(): void {}
}

class Message {
  static encode(): { finish(): Uint8Array } {
    return { finish: () => new Uint8Array() };
  }
  static decode(): Message {
    return new Message();
  }
}

@RpcErrorClass()
class Refused extends Error {}

@RpcContract({ type: 'shapes' })
abstract class Shapes {
  @Handler('/plain')
  plain(_a: string, _b?: number): string {
    return contractMethod();
  }

  @Handler('/typed', { errors: [Refused] })
  typed(_point: Point, @Ctx() _ctx: RpcContext, _message: Message, _text: string): Point {
    return contractMethod();
  }

  @Handler('/declared', { args: ['int', 'long'], returns: 'double' })
  declared(_a: number, _b: bigint): number {
    return contractMethod();
  }

  @Handler('/swapped')
  swapped(@Payload(1) _point: Point, _text: string): Promise<Point> {
    return contractMethod();
  }

  @Handler('/rest')
  rest(..._all: string[]): void {}

  @Handler('/alias-1')
  @Handler('/alias-2')
  aliased(): void {}
}

describe('readContract', () => {
  it('tells paths, arguments and types without an instance', () => {
    const contract = readContract(Shapes);
    assert.equal(contract.type, 'shapes');
    assert.deepEqual(contract.errors, [Refused]);
    assert.deepEqual(contract.methods, [
      { name: 'plain', path: '/plain', arity: 2, argTypes: undefined, returns: undefined },
      { name: 'typed', path: '/typed', arity: 3, argTypes: [Point, Message, undefined], returns: Point },
      { name: 'declared', path: '/declared', arity: 2, argTypes: ['int', 'long'], returns: 'double' },
      { name: 'swapped', path: '/swapped', arity: 2, argTypes: [undefined, Point], returns: undefined },
      { name: 'rest', path: '/rest', arity: undefined, argTypes: undefined, returns: undefined },
      { name: 'aliased', path: '/alias-1', arity: 0, argTypes: undefined, returns: undefined },
    ]);
  });

  it('takes the type of a module, also for what implements a contract', () => {
    @RpcModule({ type: 'better-shapes' })
    class Better extends Shapes {}
    assert.equal(readContract(Better).type, 'better-shapes');
  });

  it('refuses a class that is no service', () => {
    class Plain {}
    assert.throws(() => readContract(Plain), { reason: 'CLIENT_CONTRACT', message: /Plain has neither @RpcModule\(\{ type \}\) nor @RpcContract\(type\)/ });
  });

  it('refuses a service without handlers', () => {
    @RpcContract('empty')
    class Empty {}
    assert.throws(() => readContract(Empty), { reason: 'CLIENT_CONTRACT', message: /no method with @Handler/ });
  });

  it('refuses properties and a method called then', () => {
    @RpcContract('odd')
    class Odd {
      @Handler('/a')
      property!: () => void;
    }
    assert.throws(() => readContract(Odd), { message: /@Handler of Odd\.property is on a property, which has no parameters at run time; write a method/ });
    @RpcContract('thenable')
    class Thenable {
      @Handler('/then')
      then(): void {}
    }
    assert.throws(() => readContract(Thenable), { message: /"then" makes every client look like a promise/ });
  });
});

describe('untypedConstructor', () => {
  it('finds a constructor parameter that Nest could not fill', () => {
    // No decorator: tsc emits no metadata, as tsx and esbuild never do.
    class Undecorated {
      constructor(readonly other: Point) {}
    }
    assert.match(untypedConstructor(Undecorated)?.message ?? '', /Undecorated has a constructor parameter at index \[0\].*add @Injectable\(\).*tsx or esbuild/);
  });

  it('is content with metadata, explicit tokens and no parameters', () => {
    @RpcModule({ type: 'x' })
    class Typed {
      constructor(readonly point: Point) {}
    }
    class Tokens {
      constructor(readonly a: unknown) {}
    }
    Reflect.defineMetadata('self:paramtypes', [{ index: 0, param: 'A' }], Tokens);
    for (const fine of [Typed, Tokens, class {}]) assert.equal(untypedConstructor(fine), undefined);
  });
});
