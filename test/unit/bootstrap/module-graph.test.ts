import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DynamicModule, forwardRef, Global, Injectable, Module } from '@nestjs/common';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import { clientTokens, readGraph, type ModuleDefinition } from '../../../lib/bootstrap/module-graph.js';
import { pruneGraph } from '../../../lib/bootstrap/prune-graph.js';
import { Handler } from '../../../lib/metadata/handler.decorator.js';
import { InjectClient } from '../../../lib/metadata/inject-client.decorator.js';
import { RPC_MODULE, RpcModule } from '../../../lib/metadata/rpc-module.decorator.js';
import { APP_HANDLE } from '../../../lib/metadata/tokens.js';

@RpcModule({ type: 'near' })
class Near {}

@RpcModule({ type: 'far' })
class Far {}

/** Prunes and lets Nest build what is left. Returns the class names of its modules, without Nest's own. */
async function boot(root: ModuleDefinition, ...types: string[]): Promise<string[]> {
  const graph = await readGraph(root);
  const pruned = pruneGraph(graph, ({ options }) => types.includes(options.type));
  @Global()
  @Module({ providers: [{ provide: APP_HANDLE, useValue: { rpcOf: () => null, settingsOf: () => null, clientOf: () => null } }], exports: [APP_HANDLE] })
  class TestCore {}
  @Module({ imports: [TestCore, pruned] })
  class TestRoot {}
  const context = await NestFactory.createApplicationContext(TestRoot, { logger: false, abortOnError: false });
  const names = [...context.get(ModulesContainer).values()].map(({ metatype }) => metatype.name);
  await context.close();
  return names.filter((name) => !['InternalCoreModule', 'TestRoot', 'TestCore'].includes(name)).sort();
}

const typesOf = async (root: ModuleDefinition) => (await readGraph(root)).rpcModules.map(({ options }) => options.type).sort();

describe('module graph', () => {
  it('finds RpcModules behind classes, dynamic modules, promises and forward references', async () => {
    @RpcModule({ type: 'deep' })
    class Deep {}
    @Module({ imports: [forwardRef(() => Deep)] })
    class Plain {}
    class Dynamic {}
    @Module({ imports: [Near, { module: Dynamic, imports: [Plain] }, Promise.resolve<DynamicModule>({ module: Far })] })
    class App {}
    assert.deepEqual(await typesOf(App), ['deep', 'far', 'near']);
  });

  it('reads imports of the class behind a dynamic module, and those the dynamic module adds', async () => {
    @Module({ imports: [Near] })
    class Both {}
    assert.deepEqual(await typesOf({ module: Both, imports: [Far] }), ['far', 'near']);
  });

  it('ends in a circle', async () => {
    @Module({ imports: [forwardRef(() => Right), Near] })
    class Left {}
    @Module({ imports: [forwardRef(() => Left), Far] })
    class Right {}
    assert.deepEqual(await typesOf(Left), ['far', 'near']);
  });

  it('leaves an undefined import to Nest', async () => {
    @Module({})
    class App {}
    Reflect.defineMetadata('imports', [undefined, Near], App);
    assert.deepEqual(await typesOf(App), ['near']);
    await assert.rejects(boot(App, 'near'), /UndefinedModule|cannot create the App instance|undefined/i);
  });

  it('names each import between two RpcModules once', async () => {
    @RpcModule({ type: 'importer', imports: [Near, forwardRef(() => Near), Far] })
    class Importer {}
    @Module({ imports: [Importer, forwardRef(() => Importer)] })
    class App {}
    const { imports } = await readGraph(App);
    assert.deepEqual(imports.map(({ from, to }) => `${from.options.type}>${to.options.type}`), ['importer>near', 'importer>far']);
  });

  it('lists a client that is named behind a function, with its options', async () => {
    @RpcModule({ type: 'called' })
    class Called {
      @Handler('/x')
      x(): number {
        return 1;
      }
    }
    const options = { timeoutMs: 5 };
    @Injectable()
    class User {
      constructor(@InjectClient(() => Called, options) readonly client: object) {}
    }
    @Module({ providers: [User] })
    class App {}
    const { clients } = await readGraph(App);
    assert.deepEqual([...clients], [Called]);
    assert.deepEqual(new Set(clientTokens(clients).map(({ variant }) => variant.options)), new Set([undefined, options]));
  });
});

describe('pruning', () => {
  it('keeps the very same objects where nothing is taken out', async () => {
    const dynamic = { module: class Dynamic {}, imports: [Near] };
    const promise = Promise.resolve<DynamicModule>({ module: class Promised {} });
    @Module({ imports: [dynamic, promise, Far] })
    class App {}
    assert.equal(pruneGraph(await readGraph(App), () => true), App);
  });

  it('takes a module out of the root, of plain modules, dynamic ones, promises and forward references', async () => {
    @Module({ imports: [Near, Far] })
    class Shared {}
    class Dynamic {}
    @Module({ imports: [Shared, { module: Dynamic, imports: [Far, Near] }, Promise.resolve<DynamicModule>({ module: class Promised {}, imports: [Far] }), forwardRef(() => Far), Far] })
    class App {}
    assert.deepEqual(await boot(App, 'near'), ['App', 'Dynamic', 'Near', 'Promised', 'Shared']);
    assert.deepEqual(await boot(App, 'far'), ['App', 'Dynamic', 'Far', 'Promised', 'Shared']);
    assert.deepEqual(await boot(App), ['App', 'Dynamic', 'Promised', 'Shared']);
  });

  it('replaces a module once, however it is imported', async () => {
    let made = 0;
    @Module({ imports: [Far] })
    class Shared {
      constructor() {
        made++;
      }
    }
    @Module({ imports: [Shared, forwardRef(() => Shared)] })
    class Other {}
    @Module({ imports: [forwardRef(() => Shared), Other, Shared] })
    class App {}
    assert.deepEqual(await boot(App), ['App', 'Other', 'Shared']);
    assert.equal(made, 1);
  });

  it('replaces modules of a circle once', async () => {
    const made: string[] = [];
    @Module({ imports: [forwardRef(() => Right), Far] })
    class Left {
      constructor() {
        made.push('Left');
      }
    }
    @Module({ imports: [forwardRef(() => Left), Near] })
    class Right {
      constructor() {
        made.push('Right');
      }
    }
    @Module({ imports: [Left, Right] })
    class App {}
    assert.deepEqual(await boot(App, 'near'), ['App', 'Left', 'Near', 'Right']);
    assert.deepEqual(made.sort(), ['Left', 'Right']);
  });

  it('takes a module out of exports too, and keeps the others exported', async () => {
    @RpcModule({ type: 'exporting' })
    class Exporting {}
    @Module({ imports: [Far, Near, Exporting], exports: [Far, Near, Exporting] })
    class Shared {}
    @Module({ imports: [Shared], exports: [Shared] })
    class Outer {}
    @Module({ imports: [Outer] })
    class App {}
    assert.deepEqual(await boot(App, 'near'), ['App', 'Near', 'Outer', 'Shared']);
  });

  it('takes a module out of the exports of a dynamic module', async () => {
    class Dynamic {}
    assert.deepEqual(await boot({ module: Dynamic, imports: [Far, Near], exports: [Far, Near] }, 'near'), ['Dynamic', 'Near']);
  });

  it('keeps constructor, providers, exports and globality of a replaced module, under its old name too', async () => {
    @Injectable()
    class Tool {}
    @Global()
    @Module({ imports: [Far], providers: [Tool], exports: [Tool] })
    class Toolbox {
      constructor(readonly tool: Tool) {}
    }
    @RpcModule({ type: 'user', imports: [{ module: class Aside {}, imports: [Far] }] })
    class User {
      constructor(readonly tool: Tool) {}
    }
    // What a decorator cannot say of its own class: it is exported, and listed among the providers.
    Reflect.defineMetadata('exports', [Tool, Toolbox], Toolbox);
    Reflect.defineMetadata('providers', [Tool, Toolbox], Toolbox);
    Reflect.defineMetadata('exports', [User], User);
    let seen: unknown[] = [];
    @Module({ imports: [Toolbox, User] })
    class App {
      constructor(toolbox: Toolbox, user: User) {
        seen = [toolbox, user];
      }
    }
    await boot(App, 'user');
    const [toolbox, user] = seen;
    assert.ok(toolbox instanceof Toolbox && toolbox.tool instanceof Tool);
    assert.ok(user instanceof User && user.tool === toolbox.tool);
  });

  it('changes no metadata of the classes', async () => {
    @Module({ imports: [Near, Far], exports: [Far] })
    class Shared {}
    @RpcModule({ type: 'changed', imports: [Shared] })
    class Changed {}
    @Module({ imports: [Changed, Far] })
    class App {}
    const snapshot = () => [App, Shared, Changed, Near, Far].map((type) => ['imports', 'exports', 'providers'].map((key) => [...((Reflect.getMetadata(key, type) as unknown[] | undefined) ?? [])]));
    const before = snapshot();
    await boot(App, 'changed');
    assert.deepEqual(snapshot(), before);
    assert.equal(RPC_MODULE.own(Changed)?.type, 'changed');
  });

  it('keeps a module that only modules of other groups import', async () => {
    @RpcModule({ type: 'inner', imports: [Near] })
    class Inner {}
    @RpcModule({ type: 'outer', imports: [Inner] })
    class Outer {}
    @Module({ imports: [Outer] })
    class App {}
    assert.deepEqual(await boot(App, 'inner', 'near'), ['App', 'Inner', 'Near', 'PrunedRoot']);
    assert.deepEqual(await boot(App, 'near'), ['App', 'Near', 'PrunedRoot']);
    // The root itself may be of another group.
    assert.deepEqual(await boot(Outer, 'near'), ['Near', 'PrunedRoot']);
    assert.deepEqual(await boot(Outer), ['PrunedRoot']);
  });

  it('keeps a circle that only a module of another group imports', async () => {
    @RpcModule({ type: 'one', imports: [forwardRef(() => Two)] })
    class One {}
    @RpcModule({ type: 'two', imports: [forwardRef(() => One)] })
    class Two {}
    @RpcModule({ type: 'gate', imports: [One] })
    class Gate {}
    @Module({ imports: [Gate] })
    class App {}
    assert.deepEqual(await boot(App, 'one', 'two'), ['App', 'One', 'PrunedRoot', 'Two']);
  });
});
