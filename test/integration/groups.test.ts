import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type DynamicModule, forwardRef, Injectable, Module, type Type } from '@nestjs/common';
import type { AppOptions } from '../../lib/bootstrap/app-options.js';
import { RpcFactory } from '../../lib/bootstrap/rpc.factory.js';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { BootError } from '../../lib/common/boot-error.js';
import type { AppConfig } from '../../lib/config/app-config.js';
import type { ConfigSource } from '../../lib/config/config-source.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { InjectClient } from '../../lib/metadata/inject-client.decorator.js';
import { InjectSettings } from '../../lib/metadata/inject.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { memory as memoryRegistry, MemoryHub as RegistryHub } from '../../lib/registry/memory.registry.js';
import { Client } from '../../lib/rpc/client-type.js';
import { memoryHub } from '../../lib/transport/memory/memory.hub.js';
import { memory as memoryTransport } from '../../lib/transport/memory/memory.transport.js';
import { isolated, Lines } from './app.support.js';

/** A config with a section `Module`: type to process groups. */
function groups(of: Record<string, readonly string[]>, settings: Record<string, unknown> = {}): ConfigSource {
  const module = Object.fromEntries(Object.entries(of).map(([type, ids]) => [type, ids.map((id) => ({ Id: `${type}-${id}`, ProcessID: id, Settings: settings }))]));
  return { name: 'test', load: async () => ({ name: 'server.json', tree: { Module: module } }) };
}

async function create(t: TestContext, root: Type, processId: string, source: ConfigSource | undefined, options: AppOptions = {}): Promise<RpcApplication> {
  const app = await RpcFactory.create(root, { ...isolated, processId, ...(source && { sources: [source] }), ...options });
  t.after(() => app.stop());
  return app;
}

const typesOf = (app: RpcApplication): string[] => [...app.modules.keys()].sort();

@RpcModule({ type: 'back' })
class Back {
  @Handler('/who', { concurrent: true })
  who(name: string): string {
    return `back of ${name}`;
  }
}

@RpcModule({ type: 'front' })
class Front {
  constructor(
    @InjectClient(Back) private readonly back: Client<Back>,
    @InjectSettings() readonly settings: { readonly n?: number },
  ) {}
  @Handler('/ask', { concurrent: true })
  ask(name: string): Promise<string> {
    return this.back.who(name);
  }
}

@Module({ imports: [Front, Back] })
class AppModule {}

describe('process groups', () => {
  it('without a Module section all modules run', async (t) => {
    assert.deepEqual(typesOf(await create(t, AppModule, 'anything', undefined)), ['back', 'front']);
  });

  it('with one exactly those with an entry of this group run, and the others are named', async (t) => {
    const lines = new Lines();
    const app = await create(t, AppModule, 'web', groups({ front: ['web', 'all'], back: ['data', 'all'] }), { logger: lines });
    assert.deepEqual(typesOf(app), ['front']);
    assert.ok(lines.of('log').includes("process group 'web' runs without: back"), lines.lines.join('\n'));
    assert.throws(() => app.get(Back));
    assert.deepEqual(typesOf(await create(t, AppModule, 'all', groups({ front: ['web', 'all'], back: ['data', 'all'] }))), ['back', 'front']);
    // No entry at all is no entry of this group.
    assert.deepEqual(typesOf(await create(t, AppModule, 'web', groups({ front: ['web'] }))), ['front']);
  });

  it('the default group is "development"', async (t) => {
    const app = await RpcFactory.create(AppModule, { ...isolated, sources: [groups({ front: ['development'], back: ['other'] })] });
    t.after(() => app.stop());
    assert.equal(app.config.processId, 'development');
    assert.deepEqual(typesOf(app), ['front']);
  });

  it('a group that nobody has runs nothing, with a warning and a hint', async (t) => {
    const lines = new Lines();
    const app = await create(t, AppModule, 'bakc', groups({ back: ['back'], front: ['front'] }), { logger: lines });
    await app.start();
    assert.deepEqual(typesOf(app), []);
    assert.match(lines.of('warn').join('\n'), /no entry of Module has ProcessID "bakc" \(did you mean "back"\?\)/);
  });

  it('two groups of the same AppModule live in one process at the same time, and call each other', async (t) => {
    const plugs = () => ({ transport: memoryTransport(hub), registry: memoryRegistry(registryHub) });
    const [hub, registryHub] = [memoryHub(), new RegistryHub()];
    const source = groups({ front: ['web'], back: ['data'] }, { n: 7 });
    const before = ['imports', 'exports', 'providers'].map((key) => Reflect.getMetadata(key, AppModule) as unknown[] | undefined).map((list) => list && [...list]);
    const [web, data] = await Promise.all([create(t, AppModule, 'web', source, plugs()), create(t, AppModule, 'data', source, plugs())]);
    await Promise.all([web.start(), data.start()]);
    assert.deepEqual([typesOf(web), typesOf(data)], [['front'], ['back']]);
    assert.equal(await web.rpc.call('front', '/ask', ['x']), 'back of x');
    assert.equal(await data.rpc.call('front', '/ask', ['y']), 'back of y');
    assert.deepEqual({ ...web.get(Front).settings }, { n: 7 });
    assert.deepEqual(['imports', 'exports', 'providers'].map((key) => Reflect.getMetadata(key, AppModule) as unknown[] | undefined), before);
    // The class is what it was: a third app runs all of it.
    assert.deepEqual(typesOf(await create(t, AppModule, 'x', undefined)), ['back', 'front']);
    assert.equal(web.get(AppModule) instanceof AppModule, true);
  });

  it('takes modules out of plain modules, dynamic modules, promises and forward references', async (t) => {
    @Injectable()
    class Tool {}
    @Module({ imports: [forwardRef(() => Back)], providers: [Tool], exports: [Tool, Back] })
    class Shared {}
    @RpcModule({ type: 'user', imports: [Shared] })
    class User {
      constructor(readonly tool: Tool) {}
      @Handler('/tool')
      hasTool(): boolean {
        return this.tool instanceof Tool;
      }
    }
    @Module({ imports: [{ module: class Wrapper {}, imports: [User, Shared] }, Promise.resolve<DynamicModule>({ module: class Later {}, imports: [Back, Shared] }), forwardRef(() => Back)] })
    class Root {}
    const app = await create(t, Root, 'here', groups({ user: ['here'], back: ['there'] }));
    await app.start();
    assert.deepEqual(typesOf(app), ['user']);
    assert.equal(await app.rpc.call('user', '/tool'), true);
    assert.ok(app.get(User) instanceof User);
    assert.equal(app.get(User).tool, app.get(Tool));
    assert.throws(() => app.get(Back));
  });

  it('a module that only a module of another group imports runs with its handlers', async (t) => {
    @RpcModule({ type: 'importer', imports: [Back] })
    class Importer {}
    @Module({ imports: [Importer] })
    class Root {}
    const app = await create(t, Root, 'data', groups({ importer: ['web'], back: ['data'] }));
    await app.start();
    assert.deepEqual(typesOf(app), ['back']);
    assert.equal(await app.rpc.call('back', '/who', ['x']), 'back of x');
  });

  it('a module that imports one of another group is a boot error that suggests a client; all of them are told', async (t) => {
    @RpcModule({ type: 'importer', imports: [Back, Front] })
    class Importer {}
    @Module({ imports: [Importer] })
    class Root {}
    const source = groups({ importer: ['web'], back: ['data'], front: ['data'] });
    await assert.rejects(create(t, Root, 'web', source), (error: BootError) => {
      assert.ok(error instanceof BootError);
      assert.deepEqual(error.mistakes.map(({ reason }) => reason), ['MODULE_OUT_OF_GROUP', 'MODULE_OUT_OF_GROUP']);
      assert.match(error.message, /Importer imports Back \('back'\), which does not run in process group 'web'; call it instead: take it out of imports and write @InjectClient\(Back\)/);
      return true;
    });
  });

  it('reads the config for modules of other groups too, after the hook of the app', async (t) => {
    const seen: string[] = [];
    @RpcModule({ type: 'near' })
    class Near {
      static onAppConfigurationLoaded(config: AppConfig): void {
        seen.push(`near ${config.processId}`);
      }
    }
    @RpcModule({ type: 'far' })
    class Far {
      static async onAppConfigurationLoaded(config: AppConfig): Promise<void> {
        await new Promise(setImmediate);
        seen.push(`far ${config.processId}`);
      }
    }
    @Module({ imports: [Far, Near] })
    class Root {}
    const app = await create(t, Root, 'here', groups({ near: ['here'], far: ['there'] }), { hooks: { onConfigurationLoaded: ({ processId }) => void seen.push(`app ${processId}`) } });
    assert.deepEqual(seen, ['app here', 'far here', 'near here']);
    assert.deepEqual(typesOf(app), ['near']);
  });

  it('what a module says no to when it reads the config fails create', async (t) => {
    @RpcModule({ type: 'strict' })
    class Strict {
      static onAppConfigurationLoaded(): void {
        throw new Error('Settings.port is missing');
      }
    }
    await assert.rejects(create(t, Strict, 'x', undefined), /Settings\.port is missing/);
  });

  it('warns of an entry for a type that no class has', async (t) => {
    const lines = new Lines();
    await create(t, AppModule, 'web', groups({ front: ['web'], bakc: ['web'] }), { logger: lines });
    assert.match(lines.of('warn').join('\n'), /no class has the module type "bakc" \(did you mean "back"\?\); the entry has no effect/);
  });
});
