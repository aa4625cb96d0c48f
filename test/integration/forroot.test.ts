import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Controller, Injectable, Module, type DynamicModule, type INestApplicationContext, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AnthillModule, type AnthillModuleOptions } from '../../lib/bootstrap/anthill.module.js';
import { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { BootError } from '../../lib/common/boot-error.js';
import { RpcContext } from '../../lib/common/call-context.js';
import { RpcError } from '../../lib/common/rpc-error.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { InjectClient } from '../../lib/metadata/inject-client.decorator.js';
import { InjectRpc, InjectSettings } from '../../lib/metadata/inject.decorator.js';
import { Ctx } from '../../lib/metadata/params.decorator.js';
import { contractMethod, RpcContract } from '../../lib/metadata/rpc-contract.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { memory as memoryRegistry, MemoryHub as RegistryHub } from '../../lib/registry/memory.registry.js';
import { Client } from '../../lib/rpc/client-type.js';
import { Rpc } from '../../lib/rpc/rpc.client.js';
import { memoryHub } from '../../lib/transport/memory/memory.hub.js';
import { memory as memoryTransport } from '../../lib/transport/memory/memory.transport.js';
import { isolated, Lines, Recorder, recordingRegistry, recordingTransport } from './app.support.js';

@RpcModule({ type: 'hello' })
class Hello {
  constructor(
    @InjectRpc() readonly rpc: Rpc,
    @InjectSettings() readonly settings: Record<string, unknown>,
  ) {}
  @Handler('/say/hi', { concurrent: true })
  hi(name: string): string {
    return `hi ${name}`;
  }
  @Handler('/wait', { concurrent: true })
  wait(@Ctx() ctx: RpcContext): Promise<void> {
    return new Promise((resolve) => ctx.signal.addEventListener('abort', () => resolve(), { once: true }));
  }
}

/** A Nest app of the user's. */
async function nest(t: TestContext, imports: Module[], parts: { providers?: Type[]; controllers?: Type[] } = {}): Promise<INestApplicationContext> {
  const app = await NestFactory.createApplicationContext({ module: class UserApp {}, imports: imports as DynamicModule['imports'] & object, ...parts }, { logger: false, abortOnError: false });
  t.after(() => app.close());
  return app;
}
type Module = Type | DynamicModule | Promise<DynamicModule>;

const forRoot = (options: AnthillModuleOptions): Promise<DynamicModule> => AnthillModule.forRoot({ ...isolated, ...options });

describe('AnthillModule.forRoot', () => {
  it('starts after all bootstrap hooks, drains before the first destroy hook, closes after the last', async (t) => {
    const recorder = new Recorder();
    const { note } = recorder;
    const noted = (name: string, imports: Type[] = []): Type => {
      @Module({ imports })
      class Noted {
        onModuleInit = (): void => note(`${name} init`);
        onApplicationBootstrap = (): void => note(`${name} bootstrap`);
        onModuleDestroy = (): void => note(`${name} destroy`);
        beforeApplicationShutdown = (): void => note(`${name} beforeShutdown`);
        onApplicationShutdown = (): void => note(`${name} shutdown`);
      }
      return Noted;
    };
    const deep = noted('deep');
    const app = await nest(t, [
      noted('first', [deep]),
      forRoot({
        modules: [Hello],
        transport: recordingTransport(recorder),
        registry: recordingRegistry(recorder),
        hooks: { beforeStart: () => note('hook beforeStart'), beforeStop: () => note('hook beforeStop'), onExit: () => note('hook onExit') },
      }),
      { module: noted('second'), global: true },
    ]);
    assert.deepEqual(recorder.take(), [
      'registry connect', 'second init', 'deep init', 'first init', 'second bootstrap', 'deep bootstrap', 'first bootstrap',
      'hook beforeStart', 'transport connect', 'transport subscribe process', 'transport subscribe process', 'transport subscribe node hello', 'registry register hello',
    ]);
    assert.equal(app.get(RpcApplication).state, 'ready');
    await app.close();
    assert.deepEqual(recorder.take(), [
      'hook beforeStop', 'registry deregister hello', 'first destroy', 'deep destroy', 'second destroy', 'first beforeShutdown', 'deep beforeShutdown', 'second beforeShutdown',
      'first shutdown', 'deep shutdown', 'second shutdown', 'transport close', 'registry close', 'hook onExit',
    ]);
    assert.equal(app.get(RpcApplication).state, 'stopped');
  });

  it('injects the app, its client and typed clients into any class of the app', async (t) => {
    const short = { timeoutMs: 20 };
    @RpcContract('hello')
    abstract class HelloContract {
      @Handler('/say/hi')
      hi(_name: string): string {
        return contractMethod();
      }
    }
    @Injectable()
    class Provider {
      constructor(
        readonly app: RpcApplication,
        @InjectRpc() readonly rpc: Rpc,
        @InjectClient(Hello) readonly hello: Client<Hello>,
        @InjectClient(() => Hello) readonly later: Client<Hello>,
        @InjectClient(Hello, short) readonly hasty: Client<Hello>,
        @InjectClient(() => HelloContract) readonly contract: Client<HelloContract>,
      ) {}
    }
    @Controller()
    class Some {
      @InjectClient(Hello) readonly hello!: Client<Hello>;
    }
    // HelloContract is known to nobody but its consumer, which forRoot does not see.
    const app = await nest(t, [forRoot({ modules: [Hello], clients: [HelloContract] })], { providers: [Provider], controllers: [Some] });
    const provider = app.get(Provider);
    assert.equal(provider.app, app.get(RpcApplication));
    assert.equal(provider.rpc, provider.app.rpc);
    assert.equal(await provider.rpc.call('hello', '/say/hi', ['raw']), 'hi raw');
    assert.equal(await provider.hello.hi('typed'), 'hi typed');
    assert.equal(await provider.later.hi('later'), 'hi later');
    assert.equal(await provider.hasty.hi('hasty'), 'hi hasty');
    assert.equal(await provider.contract.hi('contract'), 'hi contract');
    assert.equal(await app.get(Some).hello.hi('controller'), 'hi controller');
    await assert.rejects(provider.hasty.wait(), { code: 'DEADLINE_EXCEEDED' });
  });

  it('says what to do about a client that is not listed', async (t) => {
    @RpcContract('stranger')
    abstract class Stranger {
      @Handler('/x')
      x(): string {
        return contractMethod();
      }
    }
    @Injectable()
    class Provider {
      constructor(@InjectClient(Stranger) readonly stranger: Client<Stranger>) {}
    }
    await assert.rejects(nest(t, [forRoot({ modules: [Hello] })], { providers: [Provider] }), (error: Error) => {
      assert.match(error.message, /Provider/);
      assert.match(error.message, /list it: AnthillModule\.forRoot\(\{ clients: \[Stranger\] \}\)/);
      return true;
    });
  });

  it('says what to do about options of a client behind a function, which it cannot see', async (t) => {
    @Injectable()
    class Provider {
      constructor(@InjectClient(() => Hello, { timeoutMs: 1000 }) readonly hello: Client<Hello>) {}
    }
    await assert.rejects(nest(t, [forRoot({ modules: [Hello] })], { providers: [Provider] }), /Provider wants a client of Hello with options, behind a function.*write @InjectClient\(Hello, options\)/);
  });

  it('gives modules their own client and settings', async (t) => {
    const app = await nest(t, [forRoot({ modules: [Hello], env: { ANTHILL_MODULES__HELLO__SETTINGS: '{"greeting":"hi"}' } })]);
    const hello = app.get(Hello);
    assert.equal(hello.rpc.local?.id, app.get(RpcApplication).modules.get('hello')!.id);
    assert.deepEqual({ ...hello.settings }, { greeting: 'hi' });
  });

  it('applies process groups to the modules it lists, and to no others', async (t) => {
    const source = { name: 'test', load: async () => ({ name: 'test', tree: { Module: { here: [{ ProcessID: 'development' }], there: [{ ProcessID: 'other' }] } } }) };
    @RpcModule({ type: 'here' })
    class Here {}
    @RpcModule({ type: 'there' })
    class There {}
    const registry = memoryRegistry();
    const app = await nest(t, [Hello, forRoot({ modules: [Here, There], clients: [Hello], sources: [source], registry })]);
    const rpc = app.get(RpcApplication);
    assert.deepEqual([...rpc.modules.keys()].sort(), ['hello', 'here']);
    assert.deepEqual(await registry.list(), ['hello', 'here']);
    assert.equal(await rpc.rpc.call('hello', '/say/hi', ['you']), 'hi you');
    assert.equal(app.get(Hello).rpc.local?.id, rpc.modules.get('hello')!.id);
    assert.throws(() => app.get(There));
  });

  it('fails the app when it cannot start, and leaves nothing open', async (t) => {
    const recorder = new Recorder();
    const transport = recordingTransport(recorder, memoryHub(), { connect: () => Promise.reject(new Error('no bus here')) });
    await assert.rejects(nest(t, [forRoot({ modules: [Hello], transport, registry: recordingRegistry(recorder), start: { failFast: true } })]), /no bus here/);
    assert.deepEqual(recorder.log.slice(-2), ['transport close', 'registry close']);
  });

  it('rejects config mistakes once, to Nest', async (t) => {
    const unhandled: unknown[] = [];
    const keep = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', keep);
    t.after(() => process.off('unhandledRejection', keep));
    const module = forRoot({ modules: [Hello], transport: 'memry' as never, rpc: { timeoutMs: -1 } });
    await new Promise(setImmediate);
    await assert.rejects(nest(t, [module]), BootError);
    assert.deepEqual(unhandled, []);
  });

  it('can be imported once', async (t) => {
    await assert.rejects(nest(t, [forRoot({ modules: [Hello] }), forRoot({})]), /AnthillModule\.forRoot is imported more than once/);
  });

  it('may be stopped before the Nest app is closed', async (t) => {
    const app = await nest(t, [forRoot({ modules: [Hello] })]);
    await app.get(RpcApplication).stop();
    await app.close();
    assert.equal(app.get(RpcApplication).state, 'stopped');
  });

  it('needs no modules: a client of services elsewhere', async (t) => {
    const [hub, registryHub] = [memoryHub(), new RegistryHub()];
    const plugs = () => ({ transport: memoryTransport(hub), registry: memoryRegistry(registryHub) });
    await nest(t, [forRoot({ modules: [Hello], ...plugs() })]);
    @Injectable()
    class Provider {
      constructor(@InjectClient(Hello) readonly hello: Client<Hello>) {}
    }
    const app = await nest(t, [forRoot({ clients: [Hello], ...plugs() })], { providers: [Provider] });
    assert.equal(await app.get(Provider).hello.hi('far'), 'hi far');
  });
});

describe('AnthillModule.forRootAsync', () => {
  @Injectable()
  class Settings {
    readonly hub = memoryHub();
    readonly timeoutMs = 30;
  }
  @Module({ providers: [Settings], exports: [Settings] })
  class SettingsModule {}

  it('takes from its factory what forRoot takes directly: plug-ins, names, times, hooks', async (t) => {
    const recorder = new Recorder();
    const lines = new Lines();
    const app = await nest(t, [
      AnthillModule.forRootAsync({
        modules: [Hello],
        env: {},
        configFile: false,
        imports: [SettingsModule],
        inject: [Settings],
        useFactory: async (settings: Settings) => ({
          transport: memoryTransport(settings.hub),
          registry: 'memory',
          selector: { name: 'round-robin' },
          rpc: { timeoutMs: settings.timeoutMs, log: true },
          graceMs: 0,
          killWaitMs: 1234,
          settings: { from: 'factory' },
          logger: lines,
          hooks: { onConfigurationLoaded: (config) => recorder.note(`config ${config.rpc.timeoutMs}`), afterStart: () => recorder.note('started') },
        }),
      }),
    ]);
    const { config, rpc } = app.get(RpcApplication);
    assert.deepEqual([config.rpc.timeoutMs, config.graceMs, config.killWaitMs, config.settings, config.selector.name, config.registry.name], [30, 0, 1234, { from: 'factory' }, 'round-robin', 'memory']);
    assert.deepEqual(recorder.log, ['config 30', 'started']);
    await assert.rejects(rpc.call('hello', '/wait'), (error: RpcError) => error.code === 'DEADLINE_EXCEEDED');
    assert.ok(lines.of('log').some((line) => /^rpc server/.test(line)) || lines.of('warn').some((line) => /^rpc client failed target=hello@\w+ path=\/wait/.test(line)), lines.lines.join('\n'));
  });

  it('an unknown name in what the factory returns is a mistake, not a default', async (t) => {
    const module = AnthillModule.forRootAsync({ env: {}, configFile: false, useFactory: () => ({ logger: false, transport: 'natz' }) });
    await assert.rejects(nest(t, [module]), /config names the transport 'natz', which does not exist \(did you mean "nats"\?\)/);
  });

  it('says which options belong beside the factory', async (t) => {
    const module = AnthillModule.forRootAsync({ env: {}, configFile: false, useFactory: () => ({ logger: false, processId: 'x', clients: [] }) as never });
    await assert.rejects(nest(t, [module]), /forRootAsync: processId, clients must be known before the container exists; put it beside useFactory/);
  });

  it('passes on what the factory throws', async (t) => {
    const module = AnthillModule.forRootAsync({ env: {}, configFile: false, useFactory: () => Promise.reject(new Error('no settings')) });
    await assert.rejects(nest(t, [module]), /no settings/);
  });
});
