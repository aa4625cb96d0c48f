import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type CanActivate, Controller, Injectable, Module, UseGuards } from '@nestjs/common';
import type { AppOptions, ModulesOptions } from '../../lib/bootstrap/app-options.js';
import { RpcFactory } from '../../lib/bootstrap/rpc.factory.js';
import { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { RpcContext } from '../../lib/common/call-context.js';
import { hostPort } from '../../lib/common/host-port.js';
import type { AppPart } from '../../lib/common/lifecycle.js';
import { NODE_META } from '../../lib/common/service-node.js';
import type { ConfigSource } from '../../lib/config/config-source.js';
import { APP_PART, AppPartProvider } from '../../lib/metadata/app-part.decorator.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { InjectClient } from '../../lib/metadata/inject-client.decorator.js';
import { InjectRpc, InjectSettings } from '../../lib/metadata/inject.decorator.js';
import { Ctx } from '../../lib/metadata/params.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { consul } from '../../lib/registry/consul/index.js';
import { memory as memoryRegistry, MemoryHub as RegistryHub } from '../../lib/registry/memory.registry.js';
import { Client } from '../../lib/rpc/client-type.js';
import { Rpc } from '../../lib/rpc/rpc.client.js';
import { version } from '../../lib/selector/filters.js';
import { createTestingApp, type TestingAppOptions } from '../../lib/testing/testing-app.js';
import { memoryHub } from '../../lib/transport/memory/memory.hub.js';
import { memory as memoryTransport } from '../../lib/transport/memory/memory.transport.js';
import { isolated, Recorder, recordingRegistry } from './app.support.js';

async function testing(t: TestContext, options: TestingAppOptions): Promise<RpcApplication> {
  const app = await createTestingApp(options);
  t.after(() => app.stop());
  return app;
}

async function created(t: TestContext, options: ModulesOptions): Promise<RpcApplication> {
  const app = await RpcFactory.create({ ...isolated, ...options });
  t.after(() => app.stop());
  return app;
}

/** A server.json. */
const file = (tree: unknown): ConfigSource => ({ name: 'test', load: async () => ({ name: 'server.json', tree }) });

@RpcModule({ type: 'echo', version: '1.2.0', metadata: { zone: 'a' } })
class Echo {
  constructor(
    @InjectRpc() readonly rpc: Rpc,
    @InjectSettings() readonly settings: Record<string, unknown>,
  ) {}
  @Handler('/caller', { concurrent: true })
  caller(@Ctx() ctx: RpcContext): string {
    return ctx.caller;
  }
  @Handler('/who', { concurrent: true })
  who(): string {
    return this.rpc.local!.id;
  }
}

describe('RpcFactory.create', () => {
  it('takes a root module, or a list of modules', async (t) => {
    @Module({ imports: [Echo] })
    class AppModule {}
    const one = await RpcFactory.create(AppModule, isolated);
    t.after(() => one.stop());
    const two = await created(t, { modules: [Echo] });
    for (const app of [one, two]) {
      await app.start();
      assert.equal(await app.rpc.call('echo', '/who'), app.modules.get('echo')!.id);
    }
    assert.notEqual(one.modules.get('echo')!.id, two.modules.get('echo')!.id);
  });

  it('gives each app a container of its own', async (t) => {
    const [one, two] = await Promise.all([created(t, { modules: [Echo] }), created(t, { modules: [Echo] })]);
    assert.notEqual(one.get(Echo), two.get(Echo));
    assert.equal(one.get(Echo), one.get(Echo));
    assert.equal(one.get(RpcApplication), one);
  });

  it('injects the app itself', async (t) => {
    @RpcModule({ type: 'own' })
    class Own {
      constructor(readonly app: RpcApplication) {}
    }
    const app = await created(t, { modules: [Own] });
    assert.equal(app.get(Own).app, app);
  });

  it('takes the node id from the decorator, and rather from config; else it is random', async (t) => {
    @RpcModule({ type: 'named', id: 'n1' })
    class Named {}
    const app = await created(t, { modules: [Named, Echo] });
    assert.equal(app.modules.get('named')!.id, 'named@n1');
    assert.match(app.modules.get('echo')!.id, /^echo@[0-9a-f]{16}$/);
    const other = await created(t, { modules: [Named], sources: [file({ Anthill: { modules: { named: { nodeId: 'n2' } } } })] });
    assert.equal(other.modules.get('named')!.id, 'named@n2');
  });

  it('publishes version and metadata of the decorator and of config', async (t) => {
    const app = await created(t, { modules: [Echo] });
    await app.start();
    const { node } = app.modules.get('echo')!;
    assert.equal(node?.version, '1.2.0');
    assert.equal(node.metadata['zone'], 'a');
    assert.equal(node.metadata['pid'], String(process.pid));
    assert.ok(node.metadata['hostname']);
    const other = await created(t, { modules: [Echo], sources: [file({ Anthill: { modules: { echo: { version: '2.0.0', metadata: { zone: 'b', weight: 3 } } } } })] });
    await other.start();
    assert.equal(other.modules.get('echo')!.node?.version, '2.0.0');
    assert.deepEqual(['zone', 'weight'].map((key) => other.modules.get('echo')!.node?.metadata[key]), ['b', '3']);
  });

  it('registers each module with its own times: config, decorator, app, defaults', async (t) => {
    @RpcModule({ type: 'plain' })
    class Plain {}
    @RpcModule({ type: 'decorated', ttlMs: 9000, intervalMs: 2000 })
    class Decorated {}
    @RpcModule({ type: 'short', ttlMs: 3000 })
    class Short {}
    @RpcModule({ type: 'long', ttlMs: 90_000 })
    class Long {}
    @RpcModule({ type: 'configured', ttlMs: 9000, intervalMs: 2000 })
    class Configured {}
    const modules = [Plain, Decorated, Short, Long, Configured];
    const times = async (options: AppOptions): Promise<Record<string, number[]>> => {
      const registry = recordingRegistry(new Recorder());
      const app = await created(t, { modules, registry, ...options });
      await app.start();
      return Object.fromEntries([...registry.timings].map(([type, { ttlMs, intervalMs }]) => [type, [ttlMs, intervalMs]]));
    };
    const fixed = { decorated: [9000, 2000], short: [3000, 1500], configured: [5000, 1000] };
    const sources = [file({ Anthill: { modules: { configured: { ttlMs: 5000, intervalMs: 1000 } } } })];
    assert.deepEqual(await times({ sources }), { plain: [20_000, 10_000], ...fixed, long: [90_000, 10_000] });
    assert.deepEqual(await times({ sources, registration: { ttlMs: 60_000, intervalMs: 5000 } }), { plain: [60_000, 5000], ...fixed, long: [90_000, 5000] });
  });

  it('refuses times that cannot work before anything starts', async (t) => {
    @RpcModule({ type: 'slow', intervalMs: 30_000 })
    class Slow {}
    await assert.rejects(created(t, { modules: [Slow] }), /node slow@\w+: ttlMs 20000 and intervalMs 30000 cannot keep it registered/);
  });
});

describe('what modules are given', () => {
  it('a client whose calls name the node of the module as caller', async (t) => {
    @RpcModule({ type: 'asker' })
    class Asker {
      constructor(
        @InjectRpc() readonly rpc: Rpc,
        @InjectClient(Echo) readonly echo: Client<Echo>,
      ) {}
      @Handler('/ask')
      ask(): Promise<string> {
        return this.echo.caller();
      }
    }
    const app = await testing(t, { modules: [Echo, Asker], processName: 'shop' });
    const asker = app.get(Asker);
    assert.equal(await asker.rpc.call('echo', '/caller'), app.modules.get('asker')!.id);
    assert.equal(await asker.rpc.with({ timeoutMs: 100 }).call('echo', '/caller'), app.modules.get('asker')!.id);
    assert.equal(await app.rpc.call('asker', '/ask'), app.modules.get('asker')!.id);
    assert.equal(await app.rpc.call('echo', '/caller'), 'shop');
    assert.equal(await app.rpc.call('echo', '/caller', [], { caller: 'me' }), 'me');
    assert.equal(app.rpc.local, undefined);
  });

  it('settings of their own, in providers and controllers too', async (t) => {
    @Injectable()
    class Provider {
      constructor(@InjectSettings() readonly settings: unknown, @InjectRpc() readonly rpc: Rpc) {}
    }
    @Controller()
    class Some {
      constructor(@InjectSettings() readonly settings: unknown, @InjectRpc() readonly rpc: Rpc) {}
    }
    @RpcModule({ type: 'one', providers: [Provider], controllers: [Some] })
    class One {
      constructor(@InjectSettings() readonly settings: unknown) {}
    }
    @RpcModule({ type: 'two' })
    class Two {
      constructor(@InjectSettings() readonly settings: { list: unknown[] }) {}
    }
    const entry = (settings: object) => [{ ProcessID: 'development', Settings: settings }];
    const app = await created(t, { modules: [One, Two], sources: [file({ Module: { one: entry({ Name: 'one' }), two: entry({ list: [{ a: 1 }] }) } })] });
    for (const type of [One, Provider, Some]) assert.deepEqual(app.get<{ settings: unknown }>(type).settings, { Name: 'one' });
    assert.equal(app.get(Provider).rpc.local?.id, app.modules.get('one')!.id);
    assert.equal(app.get(Some).rpc.local?.id, app.modules.get('one')!.id);
    assert.deepEqual(app.get(Two).settings, { list: [{ a: 1 }] });
    assert.throws(() => app.get(Two).settings.list.push(1), TypeError);
  });

  it('their node, whose metadata can be changed at once for all to see', async (t) => {
    const plugs = () => ({ transport: memoryTransport(hub), registry: memoryRegistry(registryHub) });
    const [hub, registryHub] = [memoryHub(), new RegistryHub()];
    const callee = await created(t, { modules: [Echo], ...plugs() });
    const local = callee.get(Echo).rpc.local!;
    await assert.rejects(local.setMetadata({ zone: 'b' }), /is not advertised yet: set metadata from run\(\), or in @RpcModule\(\{ metadata \}\)/);
    await callee.start();
    const other = await testing(t, { modules: [], ...plugs() });
    const zones = async () => (await other.rpc.nodes('echo')).map(({ metadata }) => metadata['zone']);
    assert.deepEqual(await zones(), ['a']);
    await local.setMetadata({ zone: 'b', extra: 'x' });
    assert.deepEqual(await zones(), ['b']);
    assert.equal(local.node?.metadata['extra'], 'x');
    await Promise.all([local.setMetadata({ zone: 'c' }), local.setMetadata({ extra: undefined })]);
    const [node] = await other.rpc.nodes('echo');
    assert.deepEqual([node!.metadata['zone'], 'extra' in node!.metadata], ['c', false]);
    await local.setMetadata({ state: 'forbidden' });
    await assert.rejects(other.rpc.call('echo', '/who'), { code: 'UNAVAILABLE', reason: 'NO_NODE_MATCHES' });
    assert.equal(await other.rpc.call(local.id, '/who'), local.id);
  });
});

describe('app.rpc', () => {
  it('knows nodes by type and by id, and calls type@id', async (t) => {
    const plugs = () => ({ transport: memoryTransport(hub), registry: memoryRegistry(registryHub) });
    const [hub, registryHub] = [memoryHub(), new RegistryHub()];
    const [one, two] = await Promise.all([testing(t, { modules: [Echo], ...plugs() }), testing(t, { modules: [Echo], ...plugs() })]);
    const ids = [one, two].map((app) => app.modules.get('echo')!.id);
    assert.deepEqual((await one.rpc.nodes('echo')).map(({ id }) => id), ids.toSorted());
    assert.deepEqual(await one.rpc.nodes('nobody'), []);
    for (const id of ids) {
      assert.equal(await one.rpc.call(id, '/who'), id);
      assert.equal((await one.rpc.node(id)).id, id);
    }
    await assert.rejects(one.rpc.node('echo@nobody'), { code: 'NOT_FOUND', reason: 'NODE_NOT_FOUND' });
    const session = await one.rpc.session('echo');
    for (let i = 0; i < 4; i++) assert.equal(await session.call('/who'), session.node.id);
  });

  it('applies filters, selector, defaults and interceptors of the app', async (t) => {
    const seen: string[] = [];
    const app = await testing(t, {
      modules: [Echo],
      filters: [version('1.2.0')],
      calls: { metadata: { from: 'defaults' } },
      selector: { name: 'mine', pick: (candidates) => (seen.push('pick'), candidates[0]) },
      interceptors: {
        client: [(call, next) => (seen.push(`client ${call.path} ${call.metadata['from']}`), next())],
        server: [(call, next) => (seen.push(`server ${call.path}`), next())],
      },
      mapRoute: (target) => (target === 'alias' ? 'echo' : target),
    });
    await app.rpc.call('alias', '/who');
    assert.deepEqual(seen, ['client /who defaults', 'pick', 'server /who']);
    const strict = await testing(t, { modules: [Echo], filters: [version('9.0.0')] });
    await assert.rejects(strict.rpc.call('echo', '/who'), { reason: 'NO_NODE_MATCHES' });
  });
});

describe('createTestingApp', () => {
  @Injectable()
  class Greeter {
    greet(name: string): string {
      return `hello ${name}`;
    }
  }
  @Injectable()
  class Closed implements CanActivate {
    canActivate(): boolean {
      return false;
    }
  }
  @RpcModule({ type: 'hello', providers: [Greeter] })
  class Hello {
    constructor(private readonly greeter: Greeter) {}
    @Handler('/hi')
    hi(name: string): string {
      return this.greeter.greet(name);
    }
    @Handler('/guarded')
    @UseGuards(Closed)
    guarded(): string {
      return 'in';
    }
  }

  it('is the app, started', async (t) => {
    const app = await testing(t, { modules: [Hello] });
    assert.equal(app.state, 'ready');
    assert.equal(app.health().ready, true);
    assert.equal(await app.rpc.call('hello', '/hi', ['x']), 'hello x');
    await assert.rejects(app.rpc.call('hello', '/guarded'), { code: 'PERMISSION_DENIED' });
  });

  it('replaces providers and guards by value, class and factory', async (t) => {
    const overrides: TestingAppOptions['overrides'] = [{ provide: Greeter, useValue: { greet: () => 'value' } }, { provide: Closed, useValue: { canActivate: () => true } }];
    const app = await testing(t, { modules: [Hello], overrides });
    assert.equal(await app.rpc.call('hello', '/hi', ['x']), 'value');
    assert.equal(await app.rpc.call('hello', '/guarded'), 'in');
    class Other {
      greet(): string {
        return 'class';
      }
    }
    assert.equal(await (await testing(t, { modules: [Hello], overrides: [{ provide: Greeter, useClass: Other }] })).rpc.call('hello', '/hi', ['x']), 'class');
    const factory = { provide: Greeter, useFactory: (app: RpcApplication) => ({ greet: () => `factory ${app.config.processId}` }), inject: [RpcApplication] };
    assert.equal(await (await testing(t, { modules: [Hello], overrides: [factory] })).rpc.call('hello', '/hi', ['x']), 'factory development');
  });

  it('reads nothing of the machine', async (t) => {
    process.env['ANTHILL_RPC__TIMEOUT_MS'] = '77';
    t.after(() => delete process.env['ANTHILL_RPC__TIMEOUT_MS']);
    const app = await testing(t, { modules: [Hello] });
    assert.deepEqual([app.config.rpc.timeoutMs, app.config.configFile, app.config.processId], [10_000, undefined, 'development']);
    // Unless it is told to.
    assert.equal((await testing(t, { modules: [Hello], env: { ANTHILL_RPC__TIMEOUT_MS: '78' } })).config.rpc.timeoutMs, 78);
  });

  it('shares hubs with other apps', async (t) => {
    const [hub, registryHub] = [memoryHub(), new RegistryHub()];
    const plugs = () => ({ transport: memoryTransport(hub), registry: memoryRegistry(registryHub) });
    await testing(t, { modules: [Hello], ...plugs() });
    const caller = await testing(t, { modules: [], ...plugs() });
    assert.equal(await caller.rpc.call('hello', '/hi', ['far']), 'hello far');
    // Without, nobody else is there.
    await assert.rejects((await testing(t, { modules: [] })).rpc.call('hello', '/hi', ['x']), { reason: 'SERVICE_NOT_FOUND' });
  });

  it('fails as create and start do', async () => {
    await assert.rejects(createTestingApp({ modules: [Hello], parts: [{ name: 'p', phase: 'resource', start: () => Promise.reject(new Error('part is broken')) }] }), /part is broken/);
    await assert.rejects(createTestingApp({ modules: [Hello, class Odd {}], overrides: [{ provide: Greeter, useValue: {} }], wires: ['morse'] }), /config names the wire 'morse'/);
  });
});

describe('parts of the app', () => {
  it('are found in the container, started and stopped in their phase, shown in health', async (t) => {
    const recorder = new Recorder();
    let status: 'up' | 'down' = 'up';
    @AppPartProvider()
    @Injectable()
    class Gateway {
      readonly name = 'gateway';
      readonly phase = 'ingress';
      constructor(@InjectRpc() readonly rpc: Rpc) {}
      async start(): Promise<void> {
        recorder.note(`gateway starts, ${await this.rpc.call<string>('hi', '/hi')}`);
      }
      async stop(): Promise<void> {
        recorder.note(`gateway stops, ${await this.rpc.call<string>('hi', '/hi')}`);
      }
      health(): { status: 'up' | 'down'; detail?: string } {
        return status === 'up' ? { status } : { status, detail: 'port closed' };
      }
    }
    @AppPartProvider()
    class Store {
      readonly name = 'store';
      readonly phase = 'resource';
      start = (): void => recorder.note('store starts');
      stop = (): void => recorder.note('store stops');
      health(): never {
        if (status === 'up') return { status: 'up' } as never;
        throw new Error('who knows');
      }
    }
    @RpcModule({ type: 'hi', providers: [Gateway, { provide: 'store', useFactory: () => new Store() }, { provide: 'alias', useExisting: 'store' }] })
    class Hi {
      @Handler('/hi', { concurrent: true })
      hi(): string {
        return 'hi';
      }
    }
    const app = await created(t, { modules: [Hi] });
    assert.deepEqual(app.health(), { state: 'created', ready: false, serving: false, parts: [] });
    await app.start();
    const healthy = app.health();
    assert.equal(healthy.ready, true);
    assert.deepEqual(healthy.parts.map(({ name }) => name), ['transport memory', 'registry memory', 'registration', 'store', 'gateway']);
    status = 'down';
    assert.deepEqual(app.health().parts.slice(-2), [{ name: 'store', status: 'down', detail: 'its health() threw: who knows' }, { name: 'gateway', status: 'down', detail: 'port closed' }]);
    assert.equal(app.health().ready, false);
    await app.stop();
    assert.deepEqual(recorder.log, ['store starts', 'gateway starts, hi', 'gateway stops, hi', 'store stops']);
  });

  it('give nodes more ways in, which the registry has from the first moment; metadata of the module win', async (t) => {
    let isOpen = false;
    const gate: AppPart = {
      name: 'gate',
      phase: 'transport',
      start: () => void (isOpen = true),
      endpoints: ({ type, host }) => (type === 'bare' || !isOpen ? {} : { [NODE_META.grpc]: hostPort(host, 8888) }),
    };
    @RpcModule({ type: 'open', metadata: { zone: 'a' } })
    class Open {}
    @RpcModule({ type: 'proxied', metadata: { [NODE_META.grpc]: 'proxy:1' } })
    class Proxied {}
    @RpcModule({ type: 'bare' })
    class Bare {}
    const app = await created(t, { modules: [Open, Proxied, Bare], parts: [gate], advertise: { host: '10.9.8.7' } });
    await app.start();
    await app.serve({ type: 'late' }, []);
    const shown = async (type: string) => (await app.registry.get(type)).nodes.map(({ metadata }) => [metadata['anthill.grpc'], metadata['zone']]);
    assert.deepEqual(await shown('open'), [['10.9.8.7:8888', 'a']]);
    assert.deepEqual(await shown('proxied'), [['proxy:1', undefined]]);
    assert.deepEqual(await shown('bare'), [[undefined, undefined]]);
    assert.deepEqual(await shown('late'), [['10.9.8.7:8888', undefined]]);
  });

  it('tell the registry how a module wants to be written, config before code; a choice that it does not know is a mistake', async (t) => {
    const recorder = new Recorder();
    const registry = recordingRegistry(recorder);
    const asked: [string, unknown][] = [];
    registry.checkRegistration = (nodeId, record) => void asked.push([nodeId, record]);
    @RpcModule({ type: 'coded', id: '1', registration: ['mqant', 'grpc'] })
    class Coded {}
    @RpcModule({ type: 'configured', id: '1', registration: 'grpc' })
    class Configured {}
    const sources = [file({ Anthill: { environment: 'production', modules: { configured: { registration: [{ name: 'grpc', prefix: 'p.' }, 'hrpc'] } } } })];
    const app = await created(t, { modules: [Coded, Configured], registry, sources });
    const expected = [['coded@1', ['mqant', 'grpc']], ['configured@1', [{ name: 'grpc', prefix: 'p.' }, { name: 'hrpc' }]]];
    assert.deepEqual(asked, expected);
    await app.start();
    assert.deepEqual([...registry.timings].map(([type, { record }]) => [`${type}@1`, record]), expected);
    assert.equal((await app.registry.get('coded')).nodes[0]!.metadata['anthill.env'], 'production');
    await assert.rejects(created(t, { modules: [Coded], registry: consul({ record: 'grpc' }), sources: [file({ Anthill: { modules: { coded: { registration: 'grcp' } } } })] }), {
      reason: 'CONSUL_OPTIONS',
      message: /registration of coded@1: 'grcp' is no record of Consul \(did you mean "grpc"\?\)/,
    });
  });

  it('whose endpoints are no texts keep the app from starting, and nothing stays registered', async (t) => {
    @RpcModule({ type: 'x' })
    class X {}
    const hub = new RegistryHub();
    const app = await created(t, { modules: [X], registry: memoryRegistry(hub), parts: [{ name: 'gate', phase: 'transport', endpoints: () => ({ 'anthill.grpc': 8888 as never }) }] });
    await assert.rejects(app.start(), { reason: 'APP_PART', message: /part 'gate': endpoints\(\) gave anthill\.grpc the value 8888/ });
    assert.deepEqual(hub.nodes('x'), []);
  });

  it('whose phase is none are a mistake that is told', async (t) => {
    @AppPartProvider()
    class Typo {
      readonly name = 'typo';
      readonly phase = 'ingres';
    }
    assert.equal(APP_PART.own(Typo), true);
    @RpcModule({ type: 'x', providers: [Typo] })
    class X {}
    await assert.rejects(created(t, { modules: [X] }), /part 'typo' \(@AppPartProvider Typo\) has the phase 'ingres' \(did you mean "ingress"\?\); the phases are probe, registry, resource, transport, ingress/);
    await assert.rejects(created(t, { modules: [], parts: [{ name: 'p', phase: undefined as never }] }), /part 'p' \(option parts\[0\]\) has the phase 'undefined'/);
  });
});
