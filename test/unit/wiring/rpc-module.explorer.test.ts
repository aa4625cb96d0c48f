import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Body, Controller, Headers, Inject, Injectable, Module, Param, Query, Scope, UseGuards, type DynamicModule, type Type } from '@nestjs/common';
import { ModulesContainer, NestFactory, REQUEST } from '@nestjs/core';
import { Ctx as NestCtx, Payload as NestPayload } from '@nestjs/microservices';
import type { HandlerOptions } from '../../../lib/common/handler-options.js';
import { Handler } from '../../../lib/metadata/handler.decorator.js';
import { contractMethod, RpcContract } from '../../../lib/metadata/rpc-contract.decorator.js';
import { RpcModule, type RpcModuleOptions } from '../../../lib/metadata/rpc-module.decorator.js';
import { APP_HANDLE } from '../../../lib/metadata/tokens.js';
import { exploreRpcModules, type RpcModuleDescriptor } from '../../../lib/wiring/rpc-module.explorer.js';

@Module({ providers: [{ provide: APP_HANDLE, useValue: { rpcOf() {}, settingsOf() {}, clientOf() {} } }], exports: [APP_HANDLE] })
class Core {}

async function explore(...imports: (Type | DynamicModule)[]): Promise<readonly RpcModuleDescriptor[]> {
  const app = await NestFactory.createApplicationContext({ module: class Root {}, imports: [{ module: Core, global: true }, ...imports] }, { logger: false, abortOnError: false });
  try {
    return exploreRpcModules(app.get(ModulesContainer));
  } finally {
    await app.close();
  }
}

async function refused(reason: string, pattern: RegExp, ...imports: (Type | DynamicModule)[]): Promise<void> {
  await assert.rejects(explore(...imports), (error: Error & { reason?: string }) => {
    assert.equal(error.reason, reason, error.message);
    assert.match(error.message, pattern);
    return true;
  });
}

/** A module class with the given options. */
function withOptions(options: unknown): Type {
  @RpcModule(options as RpcModuleOptions)
  class Odd {}
  return Odd;
}

/** A module with a handler of the given path and options. */
function withHandler(path: unknown, options?: unknown): Type {
  @RpcModule({ type: 'odd' })
  class Odd {
    @Handler(path as string, options as HandlerOptions)
    go(_a: string): void {}
  }
  return Odd;
}

@Injectable()
class InProvider {
  @Handler('/provider', { queue: 5 })
  go(): void {}
}
@Controller()
class InController {
  @Handler('/controller', { concurrent: true })
  go(): void {}
}
@RpcModule({ type: 'all', defaults: { queue: 7, public: true }, providers: [InProvider, { provide: 'ALIAS', useExisting: InProvider }], controllers: [InController] })
class All {
  @Handler('/module')
  go(): void {}
}

describe('exploreRpcModules', () => {
  it('finds handlers on the module class, its providers and its controllers, once each', async () => {
    const [service, ...others] = await explore(All);
    assert.deepEqual(others, []);
    assert.equal(service!.type, 'all');
    assert.deepEqual(
      service!.handlers.map(({ path, kind, origin, options }) => [path, kind, origin, options]),
      [
        ['/module', 'module', 'All.go', { queue: 7, public: true }],
        ['/provider', 'provider', 'InProvider.go', { queue: 5, public: true }],
        ['/controller', 'controller', 'InController.go', { queue: 7, public: true, concurrent: true }],
      ],
    );
    assert.ok(Object.isFrozen(service) && Object.isFrozen(service!.handlers) && Object.isFrozen(service!.handlers[0]));
  });

  it('finds the handlers of instances that factories and values give', async () => {
    @RpcModule({ type: 'made', providers: [{ provide: 'A', useFactory: () => new InProvider() }] })
    class Made {}
    assert.deepEqual((await explore(Made))[0]!.handlers.map(({ origin }) => origin), ['InProvider.go']);
  });

  it('finds what implements a contract', async () => {
    @RpcContract('hello')
    abstract class Contract {
      @Handler('/hi')
      hi(_name: string): string {
        return contractMethod();
      }
    }
    @RpcModule({ type: 'hello' })
    class Hello extends Contract {
      override hi(name: string): string {
        return name;
      }
    }
    assert.deepEqual((await explore(Hello))[0]!.handlers.map(({ path, origin, arity }) => [path, origin, arity]), [['/hi', 'Hello.hi', { min: 1, max: 1 }]]);

    @RpcModule({ type: 'lazy' })
    class Lazy extends Contract {}
    await refused('HANDLER_TARGET', /Lazy extends the contract Contract but does not implement Lazy\.hi; write the method/, Lazy);
  });
});

describe('exploreRpcModules refuses', () => {
  it('two handlers of one path, naming both', async () => {
    @RpcModule({ type: 'twice', providers: [InProvider] })
    class Twice {
      @Handler('/provider')
      own(): void {}
    }
    await refused('DUPLICATE_HANDLER', /two handlers of Twice share the path '\/provider': Twice\.own and InProvider\.go; rename one/, Twice);
  });

  it('two modules of one type', async () => {
    @RpcModule({ type: 'all' })
    class Again {}
    await refused('DUPLICATE_MODULE', /All and Again are both of type 'all'/, All, Again);
  });

  it('one module class twice', async () => {
    await refused('DUPLICATE_MODULE', /All is in the app twice/, { module: All, providers: [{ provide: 1 as never, useValue: 1 }] }, { module: All, providers: [{ provide: 2 as never, useValue: 2 }] });
  });

  it('handlers outside of any service', async () => {
    @Module({ providers: [InProvider] })
    class Plain {}
    await refused('HANDLER_HOST', /@Handler on InProvider\.go belongs to no service: it is a provider of Plain, which is no @RpcModule; put it in the providers of an @RpcModule/, Plain);

    @Module({})
    class Undecorated {
      @Handler('/x')
      go(): void {}
    }
    await refused('HANDLER_HOST', /make Undecorated an @RpcModule\(\{ type \}\)/, Undecorated);
  });

  it('handlers on what is no method', async () => {
    @RpcModule({ type: 'odd' })
    class Odd {
      @Handler('/static')
      static onStatic(): void {}

      @Handler('/getter')
      get getter(): string {
        return '';
      }

      @Handler('/property')
      property = () => 1;
    }
    await refused('BOOT_FAILED', /@Handler of Odd\.getter is on a getter[\s\S]*@Handler of Odd\.property is on a property[\s\S]*@Handler of Odd\.onStatic is on a static method/, Odd);
  });

  it('a request-scoped module class', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {
      constructor(@Inject(REQUEST) readonly request: unknown) {}
    }
    @RpcModule({ type: 'scoped', providers: [PerRequest] })
    class Scoped {
      constructor(readonly perRequest: PerRequest) {}

      @Handler('/x')
      go(): void {}
    }
    await refused('MODULE_SCOPE', /Scoped has handlers and is request-scoped.*move the handlers/, Scoped);
  });

  it('a transient host', async () => {
    @Injectable({ scope: Scope.TRANSIENT })
    class Transient {
      @Handler('/x')
      go(): void {}
    }
    @RpcModule({ type: 'transient', providers: [Transient] })
    class WithTransient {}
    await refused('HANDLER_HOST', /Transient has handlers and is transient.*drop \{ scope: Scope\.TRANSIENT \}/, WithTransient);
  });

  it('an override that loses a guard', async () => {
    class Base {
      @Handler('/x')
      @UseGuards({ canActivate: () => false })
      go(): void {}
    }
    @RpcModule({ type: 'sub' })
    class Sub extends Base {
      override go(): void {}
    }
    await refused('ENHANCER_LOST', /Sub\.go overrides a handler of Base that has @UseGuards, and would run without it; repeat @UseGuards\(\)/, Sub);

    @RpcModule({ type: 'said' })
    class Said extends Base {
      @UseGuards()
      override go(): void {}
    }
    assert.equal((await explore(Said))[0]!.handlers.length, 1);
  });

  it('decorators of HTTP handlers', async () => {
    @RpcModule({ type: 'http' })
    class Http {
      @Handler('/x')
      go(_a: string, @Body() _body: unknown): void {}
    }
    // @Body() has the number of @Payload() in Nest's metadata: both mean the payload.
    assert.equal((await explore(Http))[0]!.handlers.length, 1);
    @RpcModule({ type: 'http' })
    class WithParam {
      @Handler('/x')
      go(@Param('id') _id: string): void {}
    }
    await refused('HANDLER_PARAM', /WithParam\.go has a decorator of HTTP handlers on parameter 0/, WithParam);
    @RpcModule({ type: 'http' })
    class WithQuery {
      @Handler('/x')
      go(@Query('q') _q: string, @Headers('x') _x: string): void {}
    }
    await refused('BOOT_FAILED', /WithQuery\.go has a decorator of HTTP handlers on parameter 0[\s\S]*on parameter 1/, WithQuery);
  });

  it('decorators of @nestjs/microservices mean the same here', async () => {
    @RpcModule({ type: 'nest' })
    class Micro {
      @Handler('/x')
      go(@NestPayload() _a: string, @NestCtx() _ctx: unknown, @NestPayload('city') _city: string): void {}
    }
    const [handler] = (await explore(Micro))[0]!.handlers;
    assert.deepEqual(handler!.params.map(({ source }) => source.from), ['arg', 'ctx', 'property']);
  });

  const wrongOptions: [what: string, options: unknown, pattern: RegExp][] = [
    ['no type', {}, /@RpcModule of Odd: type undefined is no service name/],
    ['a type with @', { type: 'a@b' }, /type 'a@b' is no service name; use letters/],
    ['a type with /', { type: 'a/b' }, /type 'a\/b'/],
    ['an empty type', { type: '' }, /type ''/],
    ['an id with @', { type: 'a', id: 'a@1' }, /id 'a@1' is no node id/],
    ['an unknown option', { type: 'a', verson: '1' }, /there is no option "verson" \(did you mean "version"\?\)/],
    ['a wrong default', { type: 'a', defaults: { concurrent: -1 } }, /defaults: concurrent -1 must be/],
    ['an unknown default', { type: 'a', defaults: { concurent: true } }, /defaults: there is no option "concurent" \(did you mean "concurrent"\?\)/],
    ['a ttl that is no number', { type: 'a', ttlMs: '20' }, /ttlMs '20' must be a number/],
    ['an interval past the ttl', { type: 'a', ttlMs: 1000, intervalMs: 1000 }, /intervalMs 1000 is not below ttlMs 1000/],
    ['metadata that is no text', { type: 'a', metadata: { weight: 1 } }, /metadata\.weight 1 must be a string/],
    ['an empty version', { type: 'a', version: '' }, /version '' must be a text/],
  ];
  for (const [what, options, pattern] of wrongOptions) it(what, () => refused('RPC_MODULE_OPTIONS', pattern, withOptions(options)));

  const wrongHandlers: [what: string, path: unknown, options: unknown, pattern: RegExp][] = [
    ['an empty path', '', {}, /@Handler of Odd\.go: the path '' must be a text/],
    ['no path', undefined, {}, /the path undefined/],
    ['an unknown handler option', '/x', { lanes: 'a' }, /there is no option "lanes" \(did you mean "lane"\?\)/],
    ['a wrong number of optional arguments', '/x', { optional: -1 }, /optional -1 must be/],
    ['more optional arguments than there are', '/x', { optional: 2 }, /optional 2 is more than the 1 argument\(s\)/],
    ['a wrong concurrency', '/x', { concurrent: 0 }, /concurrent 0 must be true, false or a whole number from 1/],
    ['a lane that is no name', '/x', { lane: 5 }, /lane 5 must be a name/],
    ['a negative queue', '/x', { queue: -1 }, /queue -1 must be a whole number from 0/],
    ['patience below nothing', '/x', { abandonMs: -1 }, /abandonMs -1 must be a number of milliseconds/],
    ['types of JavaScript', '/x', { args: [String] }, /is no type of the wire/],
    ['a public that is no boolean', '/x', { public: 'yes' }, /public 'yes' must be true or false/],
    ['more types than arguments', '/x', { args: ['int', 'int'] }, /args declares 2 types, but the method takes 1 argument/],
  ];
  for (const [what, path, options, pattern] of wrongHandlers) it(what, () => refused('HANDLER_OPTIONS', pattern, withHandler(path, options)));

  it('all mistakes together', () => refused('BOOT_FAILED', /2 mistakes keep the app from starting:\n {2}1\. .*type 'a@b'[\s\S]*\n {2}2\. .*the path ''/, withOptions({ type: 'a@b' }), withHandler('')));
});
