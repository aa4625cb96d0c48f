import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Inject, Injectable, Module, type Type } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import type { AppOptions } from '../../lib/bootstrap/app-options.js';
import { RpcFactory } from '../../lib/bootstrap/rpc.factory.js';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { BootError } from '../../lib/common/boot-error.js';
import { RpcError } from '../../lib/common/rpc-error.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { memory as memoryRegistry, MemoryHub as RegistryHub } from '../../lib/registry/memory.registry.js';
import { memoryHub } from '../../lib/transport/memory/memory.hub.js';
import { memory as memoryTransport } from '../../lib/transport/memory/memory.transport.js';
import { nats } from '../../lib/transport/nats/nats.transport.js';
import { freePort } from '../services/index.js';
import { isolated, Lines } from './app.support.js';
import { Child } from './child.js';

@RpcModule({ type: 'helloworld' })
class HelloWorld {
  @Handler('/say/hi', { concurrent: true })
  hi(name: string, times: number): string {
    return `hi ${name}`.repeat(times);
  }
  @Handler('/echo', { concurrent: true })
  echo(value: unknown): unknown {
    return value;
  }
  @Handler('/large', { concurrent: true })
  large(bytes: number): Uint8Array {
    return new Uint8Array(bytes);
  }
}

/** The same question asked of a node in the same process and of one in another. */
async function near(t: TestContext, options: AppOptions = {}): Promise<{ app: RpcApplication; far: RpcApplication; id: string }> {
  const [hub, registryHub] = [memoryHub({ maxMessageBytes: 4096 }), new RegistryHub()];
  const plugs = () => ({ ...isolated, ...options, transport: memoryTransport(hub), registry: memoryRegistry(registryHub) });
  const app = await RpcFactory.create({ modules: [HelloWorld], ...plugs() });
  const far = await RpcFactory.create({ modules: [], ...plugs() });
  t.after(() => Promise.all([app.stop(), far.stop()]));
  await Promise.all([app.start(), far.start()]);
  return { app, far, id: app.modules.get('helloworld')!.id };
}

async function failure(call: Promise<unknown>): Promise<RpcError> {
  const error: unknown = await call.then(
    (value) => assert.fail(`it answered ${String(value)}`),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof RpcError, String(error));
  return error;
}

async function mistakes(root: Type | readonly Type[], options: AppOptions = {}): Promise<{ error: BootError; reasons: string[] }> {
  const creating = Array.isArray(root) ? RpcFactory.create({ ...isolated, ...options, modules: root as Type[] }) : RpcFactory.create(root as Type, { ...isolated, ...options });
  const error: unknown = await creating.then(
    (app) => app.stop().then(() => assert.fail('it was created')),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof BootError, String(error));
  return { error, reasons: error.mistakes.map(({ reason }) => reason) };
}

describe('bad calls: what, where, what to try', () => {
  it('unknown target', async (t) => {
    const { app, far } = await near(t);
    for (const { rpc } of [app, far]) {
      const typo = await failure(rpc.call('heloworld', '/say/hi'));
      assert.deepEqual([typo.code, typo.reason], ['NOT_FOUND', 'SERVICE_NOT_FOUND']);
      assert.equal(typo.message, 'no node of service "heloworld" is registered (did you mean "helloworld"?); is it started, and with the same registry?');
      const stranger = await failure(rpc.call('billing', '/pay'));
      assert.equal(stranger.message, 'no node of service "billing" is registered; is it started, and with the same registry?');
      const node = await failure(rpc.call('helloworld@nobody', '/say/hi'));
      assert.equal(node.reason, 'NODE_NOT_FOUND');
      assert.match(node.message, /helloworld@nobody/);
    }
  });

  it('unknown handler', async (t) => {
    const { app, far, id } = await near(t);
    for (const { rpc } of [app, far]) {
      const error = await failure(rpc.call('helloworld', '/say/hello'));
      assert.deepEqual([error.code, error.reason], ['NOT_FOUND', 'HANDLER_NOT_FOUND']);
      assert.equal(error.message, `${id} has no handler '/say/hello'; it has: /say/hi, /echo, /large`);
    }
  });

  it('wrong argument count', async (t) => {
    const { app, far, id } = await near(t);
    for (const { rpc } of [app, far]) {
      for (const args of [['x'], ['x', 1, 2], []]) {
        const error = await failure(rpc.call('helloworld', '/say/hi', args));
        assert.deepEqual([error.code, error.reason], ['INVALID_ARGUMENT', 'ARGUMENT_COUNT']);
        assert.equal(error.message, `${id} /say/hi takes 2 argument(s), got ${args.length}`);
      }
    }
  });

  it('unsupported argument type', async (t) => {
    const { app, far } = await near(t);
    const cycle: unknown[] = [];
    cycle.push(cycle);
    for (const { rpc } of [app, far]) {
      for (const [value, what] of [[() => {}, /function/], [{ deep: { list: [1, new Map()] } }, /deep\.list\[1\].*Map|Map.*deep\.list\[1\]/], [Symbol('x'), /symbol/], [2n ** 80n, /bigint|int64/], [cycle, /cycle|circular|deep/i]] as const) {
        const error = await failure(rpc.call('helloworld', '/echo', [value]));
        assert.deepEqual([error.code, error.reason], ['INVALID_ARGUMENT', 'UNSUPPORTED_VALUE']);
        assert.match(error.message, what);
      }
    }
  });

  it('oversized payload, as argument and as result', async (t) => {
    const { far, id } = await near(t);
    const request = await failure(far.rpc.call('helloworld', '/echo', [new Uint8Array(5000)]));
    assert.deepEqual([request.code, request.reason], ['RESOURCE_EXHAUSTED', 'PAYLOAD_TOO_LARGE']);
    assert.match(request.message, /4096/);
    assert.match(request.message, /\/echo|helloworld/);
    const reply = await failure(far.rpc.call('helloworld', '/large', [5000]));
    assert.deepEqual([reply.code, reply.reason], ['RESOURCE_EXHAUSTED', 'PAYLOAD_TOO_LARGE']);
    assert.match(reply.message, /4096/);
    assert.match(reply.message, new RegExp(`${id}|/large`));
    // Nobody else notices.
    assert.equal(await far.rpc.call('helloworld', '/echo', ['x']), 'x');
  });
});

describe('bad decorators: what, where, what to try', () => {
  it('duplicate handler path', async () => {
    @Injectable()
    class More {
      @Handler('/say/hi')
      greet(): void {}
    }
    @RpcModule({ type: 'twice', providers: [More] })
    class Twice {
      @Handler('/say/hi')
      hi(): void {}
    }
    const { error, reasons } = await mistakes([Twice]);
    assert.deepEqual(reasons, ['DUPLICATE_HANDLER']);
    assert.equal(error.message, "two handlers of Twice share the path '/say/hi': Twice.hi and More.greet; rename one of them");
  });

  it('two modules of one type', async () => {
    @RpcModule({ type: 'helloworld' })
    class Other {}
    assert.equal((await mistakes([HelloWorld, Other])).error.message, "HelloWorld and Other are both of type 'helloworld': a process runs one node of a service; give one of them another type, or run it in another process");
    @Module({ imports: [HelloWorld, { module: HelloWorld, providers: [{ provide: 'x', useValue: 1 }] }] })
    class AppModule {}
    assert.match((await mistakes(AppModule)).error.message, /HelloWorld is in the app twice \(as two dynamic modules\?\)/);
  });

  it('a type, an id or an option that cannot be', async () => {
    @RpcModule({ type: 'a b' })
    class Spaced {}
    @RpcModule({ type: undefined as never })
    class Untyped {}
    @RpcModule({ type: 'odd', versoin: '1' } as never)
    class Odd {}
    assert.match((await mistakes([Spaced])).error.message, /@RpcModule of Spaced: type 'a b' is no service name; use letters, digits, "_", "\." and "-"/);
    assert.match((await mistakes([Untyped])).error.message, /@RpcModule of Untyped: type undefined is no service name/);
    assert.match((await mistakes([Odd])).error.message, /@RpcModule of Odd: there is no option "versoin" \(did you mean "version"\?\)/);
    @RpcModule({ type: 'named', id: 'a@b' })
    class Named {}
    assert.match((await mistakes([Named])).error.message, /'a@b'/);
  });

  it('a handler outside of services', async () => {
    @Injectable()
    class Stray {
      @Handler('/x')
      x(): void {}
    }
    @Module({ providers: [Stray] })
    class AppModule {}
    assert.equal((await mistakes(AppModule)).error.message, '@Handler on Stray.x belongs to no service: it is a provider of AppModule, which is no @RpcModule; put it in the providers of an @RpcModule, or make AppModule one');
  });

  it('a handler that is also the run() of its module', async () => {
    @RpcModule({ type: 'job' })
    class Job {
      @Handler('/run')
      run(_job: string): void {}
    }
    assert.match((await mistakes([Job])).error.message, /@Handler of Job\.run is on a method that Nest or Anthill calls by its name; rename it \(the path may stay\)/);
  });

  it('a run() in a class that lives for one request', async () => {
    @RpcModule({ type: 'scoped' })
    class Scoped {
      constructor(@Inject(REQUEST) readonly request: unknown) {}
      run(): void {}
    }
    const { error, reasons } = await mistakes([Scoped]);
    assert.deepEqual(reasons, ['MODULE_SCOPE']);
    assert.match(error.message, /Scoped has run\(\) and depends on something request-scoped/);
  });

  it('all of them at once', async () => {
    @RpcModule({ type: 'a b' })
    class One {
      @Handler('')
      x(): void {}
    }
    @RpcModule({ type: 'two', ttlMs: -1 })
    class Two {}
    const { error, reasons } = await mistakes([One, Two]);
    assert.deepEqual(reasons, ['RPC_MODULE_OPTIONS', 'HANDLER_OPTIONS', 'RPC_MODULE_OPTIONS']);
    assert.match(error.message, /^3 mistakes keep the app from starting:\n  1\. /);
  });
});

describe('bad config: what, where, what to try', () => {
  const folder = (t: TestContext): string => {
    const path = mkdtempSync(join(tmpdir(), 'anthill-bad-'));
    t.after(() => rmSync(path, { recursive: true, force: true }));
    return path;
  };
  const file = (t: TestContext, text: string): string => {
    const path = join(folder(t), 'server.json');
    writeFileSync(path, text);
    return path;
  };

  it('a file that is named and is not there', async (t) => {
    const path = join(folder(t), 'none.json');
    const { error, reasons } = await mistakes([HelloWorld], { configFile: path });
    assert.deepEqual(reasons, ['CONFIG_FILE_MISSING']);
    assert.equal(error.message, `the config file ${path} does not exist (flag -conf, option configFile; relative paths count from the work directory)`);
  });

  it('a file that cannot be read', async (t) => {
    const path = join(folder(t), 'server.json');
    mkdirSync(path);
    assert.equal((await mistakes([HelloWorld], { configFile: path })).error.message, `cannot read the config file ${path}: it is a directory; -conf wants the file in it`);
    const closed = file(t, '{}');
    chmodSync(closed, 0);
    // Root reads everything.
    if (process.getuid?.() !== 0) assert.match((await mistakes([HelloWorld], { configFile: closed })).error.message, /permission denied \(check its owner and mode\)/);
  });

  it('a file that is no JSON: line and column', async (t) => {
    const path = file(t, '{\n  "Module": {\n    "web": [}\n  }\n}');
    const { error, reasons } = await mistakes([HelloWorld], { configFile: path });
    assert.deepEqual(reasons, ['CONFIG_SYNTAX']);
    assert.ok(error.message.includes(`${path}:3:13`), error.message);
  });

  it('values that cannot be: all of them, each with its place', async (t) => {
    const path = file(t, '{\n  "Rpc": { "RpcExpired": "soon" },\n  "Module": { "web": [{ "Id": "a", "ProcessID": "x" }, { "Id": "a", "ProcessID": "x" }] },\n  "Anthill": { "graceMs": -1 }\n}');
    const { error, reasons } = await mistakes([HelloWorld], { configFile: path, killWaitMs: 0 });
    assert.deepEqual(new Set(reasons), new Set(['CONFIG_INVALID']));
    for (const place of [`${path}:2:`, `${path}:3:`, `${path}:4:`, 'option killWaitMs']) assert.ok(error.message.includes(place), `${place} in\n${error.message}`);
  });

  it('a work directory that is not there, a flag without its value', async () => {
    assert.match((await mistakes([HelloWorld], { workDir: '/no/such/place' })).error.message, /the work directory \/no\/such\/place does not exist or cannot be read \(flag -wd, option workDir\)/);
    assert.match((await mistakes([HelloWorld], { flags: true, argv: ['-pid'] })).error.message, /flag -pid has no value: write -pid <value> or -pid=<value>/);
  });
});

describe('servers and packages that are not there: what, where, what to try', () => {
  it('NATS refused at start: tried on with a readable line; failFast throws', async (t) => {
    const port = await freePort();
    const servers = `nats://127.0.0.1:${port}`;
    const lines = new Lines();
    const app = await RpcFactory.create({ ...isolated, modules: [HelloWorld], logger: lines, transport: nats({ servers }) });
    const stopped = assert.rejects(app.start(), /the app was stopped while it started/);
    const line = await lines.until(/trying again attempt=2/);
    assert.match(line, new RegExp(`^warn: cannot reach NATS at 127\\.0\\.0\\.1:${port} \\(.*ECONNREFUSED.*\\); start one with "nats-server", or name yours with nats\\(\\{ servers \\}\\); trying again`));
    assert.equal(app.state, 'starting');
    assert.equal(app.health().ready, false);
    await app.stop();
    await stopped;

    const hasty = await RpcFactory.create({ ...isolated, modules: [HelloWorld], transport: { name: 'nats', servers } });
    await assert.rejects(hasty.start({ failFast: true }), new RegExp(`cannot reach NATS at 127\\.0\\.0\\.1:${port} `));
    assert.equal(hasty.state, 'failed');
    t.after(() => hasty.stop());
  });

  const hide = pathToFileURL(join(import.meta.dirname, 'fixture', 'hide-packages.js')).href;
  for (const [hidden, args, message] of [
    ['@nats-io/transport-node', ['nats'], /BootError PEER_MISSING: .*nats.* needs the package "@nats-io\/transport-node", which is not installed\. Run: npm install @nats-io\/transport-node/],
    ['consul', ['memory', 'consul'], /BootError PEER_MISSING: .*consul.* needs the package "consul", which is not installed\. Run: npm install consul/],
    ['@nestjs/testing', ['memory', 'memory', 'override'], /BootError PEER_MISSING: createTestingApp\(\{ overrides \}\) needs the package "@nestjs\/testing", which is not installed\. Run: npm install @nestjs\/testing/],
  ] as const) {
    it(`missing package ${hidden}`, async (t) => {
      const child = new Child(t, './fixture/missing-peer.js', { args, execArgv: ['--import', hide], env: { HIDDEN: hidden } });
      assert.deepEqual(await child.exit, { code: 0, signal: null }, child.output);
      assert.match(child.notes().join('\n'), message);
    });
  }

  it('none of the optional packages is needed by who does not use them', async (t) => {
    const hidden = '@nats-io/transport-node,consul,@nestjs/testing,@nestjs/microservices,protobufjs,class-validator,class-transformer';
    const child = new Child(t, './fixture/missing-peer.js', { execArgv: ['--import', hide], env: { HIDDEN: hidden } });
    assert.deepEqual(await child.exit, { code: 0, signal: null }, child.output);
    assert.deepEqual(child.notes(), ['started, hi']);
  });
});
