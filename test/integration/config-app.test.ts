import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import type { AppOptions, ModulesOptions } from '../../lib/bootstrap/app-options.js';
import { RpcFactory } from '../../lib/bootstrap/rpc.factory.js';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import type { BootError } from '../../lib/common/boot-error.js';
import { RpcContext } from '../../lib/common/call-context.js';
import type { ServiceNode } from '../../lib/common/service-node.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { InjectSettings } from '../../lib/metadata/inject.decorator.js';
import { Ctx } from '../../lib/metadata/params.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { memory as memoryRegistry, MemoryHub as RegistryHub } from '../../lib/registry/memory.registry.js';
import type { Codec } from '../../lib/rpc/codec.js';
import { json } from '../../lib/rpc/json.codec.js';
import { memoryHub } from '../../lib/transport/memory/memory.hub.js';
import { memory as memoryTransport } from '../../lib/transport/memory/memory.transport.js';
import { anthillWire } from '../../lib/wire/anthill/anthill.wire.js';
import { mqantWire } from '../../lib/wire/mqant/mqant.wire.js';
import { gate, Lines } from './app.support.js';

@RpcModule({ type: 'svc' })
class Service {
  active = 0;
  peak = 0;
  private release = gate();

  @Handler('/echo', { concurrent: true })
  echo(value: unknown): unknown {
    return value;
  }
  @Handler('/deadline', { concurrent: true })
  deadline(@Ctx() ctx: RpcContext): number {
    return Math.round(ctx.remainingMs() / 100) / 10;
  }
  @Handler('/busy', { concurrent: true })
  async busy(last: boolean): Promise<void> {
    this.peak = Math.max(this.peak, ++this.active);
    if (last) this.release.open();
    await this.release.promise;
    this.active--;
  }
  @Handler('/two', { concurrent: true })
  async two(): Promise<number> {
    this.peak = Math.max(this.peak, ++this.active);
    await new Promise(setImmediate);
    this.active--;
    return this.peak;
  }
}

@RpcModule({ type: 'settled' })
class Settled {
  constructor(@InjectSettings() readonly settings: unknown) {}
}

async function created(t: TestContext, options: Partial<ModulesOptions>): Promise<RpcApplication> {
  const app = await RpcFactory.create({ modules: [Service], flags: false, env: {}, configFile: false, logger: false, graceMs: 0, ...options });
  t.after(() => app.stop());
  return app;
}

/** A folder with a server.json. */
function configFile(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'anthill-app-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'server.json');
  writeFileSync(path, text);
  return path;
}

describe('config through create', () => {
  it('chooses plug-ins by name and with options, and says who they are', async (t) => {
    const app = await created(t, { transport: 'memory', registry: { name: 'memory' }, selector: { name: 'weighted' }, codec: 'json', wires: ['mqant', 'anthill/1'] });
    await app.start();
    const { config } = app;
    assert.deepEqual([config.transport.name, config.registry.name, config.selector.name, config.codec, config.wires], ['memory', 'memory', 'weighted', 'json', ['mqant', 'anthill/1']]);
    assert.equal(app.modules.get('svc')!.node?.metadata['anthill.wires'], 'mqant,anthill/1');
    assert.equal(await app.rpc.call('svc', '/echo', ['x']), 'x');
  });

  it('takes plug-ins that are instances, mixed with names', async (t) => {
    const [hub, registryHub] = [memoryHub(), new RegistryHub()];
    const used: string[] = [];
    const base = json();
    const codec: Codec = { name: 'noted', encode: (value, out) => (used.push('encode'), base.encode(value, out)), decode: (reader) => base.decode(reader) };
    const options = (): AppOptions => ({
      transport: memoryTransport(hub),
      registry: memoryRegistry(registryHub),
      selector: { name: 'first', pick: (nodes: readonly ServiceNode[]) => (used.push('pick'), nodes[0]) },
      codec,
      wires: [anthillWire(), 'mqant'],
    });
    const callee = await created(t, options());
    await callee.start();
    const caller = await RpcFactory.create({ modules: [], flags: false, env: {}, configFile: false, logger: false, ...options() });
    t.after(() => caller.stop());
    await caller.start();
    assert.deepEqual(await caller.rpc.call('svc', '/echo', [{ a: [1] }]), { a: [1] });
    assert.ok(used.includes('pick') && used.includes('encode'), used.join());
    assert.equal(callee.modules.get('svc')!.node?.metadata['anthill.wires'], 'anthill/1,mqant');
  });

  it('finds names of the user besides its own', async (t) => {
    const seen: unknown[] = [];
    const plugins: AppOptions['plugins'] = {
      transport: { carrier: (options) => (seen.push(options), memoryTransport()) },
      wire: { mine: () => mqantWire() },
      codec: { mine: () => ({ ...json(), name: 'mine' }) },
    };
    const app = await created(t, { plugins, transport: { name: 'carrier', pigeons: 3 }, codec: 'mine', wires: ['mine', 'anthill/1'] });
    await app.start();
    assert.deepEqual(seen, [{ pigeons: 3 }]);
  });

  for (const [kind, name, text] of [
    ['transport', 'natz', 'config names the transport \'natz\', which does not exist (did you mean "nats"?); there are: memory, nats'],
    ['registry', 'counsel', 'config names the registry \'counsel\', which does not exist (did you mean "consul"?); there are: memory, consul, etcd'],
    ['selector', 'rondom', 'config names the selector \'rondom\', which does not exist (did you mean "random"?); there are: random, round-robin, weighted, least-in-flight, consistent-hash, prefer-zone'],
    ['codec', 'jsn', 'config names the codec \'jsn\', which does not exist (did you mean "json"?); there are: msgpack, json'],
  ] as const) {
    it(`names the nearest ${kind} for an unknown one, from options and from the file alike`, async (t) => {
      await assert.rejects(created(t, { [kind]: name }), { name: 'BootError', reason: 'PLUGIN_UNKNOWN', message: text });
      await assert.rejects(created(t, { configFile: configFile(t, JSON.stringify({ Anthill: { [kind]: name } })) }), { message: text });
    });
  }

  it('tells wrong values, unknown names and typos in one error', async (t) => {
    const file = { Rpcc: {}, Rpc: { RpcExpired: 'soon', MaxCorutine: 5 }, Anthill: { transport: 'natz', wires: ['mqnt'] } };
    await assert.rejects(created(t, { configFile: configFile(t, JSON.stringify(file)) }), (error: BootError) => {
      assert.equal(error.mistakes.length, 3);
      for (const part of ['RpcExpired', "'natz'", "'mqnt'", 'did you mean "mqant"', 'noticed besides:', 'did you mean "Rpc"', 'did you mean "MaxCoroutine"']) assert.ok(error.message.includes(part), `${part} in ${error.message}`);
      return true;
    });
  });

  it('refuses what is neither a plug-in nor a name', async (t) => {
    const cases: [AppOptions, RegExp][] = [
      [{ transport: memoryTransport as never }, /option transport got the function memory: was it not called\?; it wants a plug-in or its name, such as memoryTransport\(\)/],
      [{ registry: Promise.resolve(memoryRegistry()) as never }, /option registry got a promise: await it first/],
      [{ transport: { connect() {} } as never }, /option transport got an object without subscribe, send/],
      [{ selector: 5 as never }, /option selector got 5; it wants a plug-in or its name/],
      [{ codec: new Map() as never }, /option codec got an object without encode, decode/],
      [{ wires: [anthillWire as never] }, /option wire got the function anthillWire: was it not called\?/],
      [{ transport: null as never }, /option transport got null/],
    ];
    for (const [options, message] of cases) await assert.rejects(created(t, options), (error: BootError) => error.reason === 'PLUGIN_INVALID' && message.test(error.message), String(message));
  });

  it('Rpc.RpcExpired is the default deadline, in seconds', async (t) => {
    const app = await created(t, { configFile: configFile(t, '{ "Rpc": { "RpcExpired": 3 } }') });
    await app.start();
    assert.equal(await app.rpc.call('svc', '/deadline'), 3);
    assert.equal(await app.rpc.call('svc', '/deadline', [], { timeoutMs: 1500 }), 1.5);
    assert.equal(await app.rpc.with({ timeoutMs: 2500 }).call('svc', '/deadline'), 2.5);
    const usual = await created(t, {});
    await usual.start();
    assert.equal(await usual.rpc.call('svc', '/deadline'), 10);
  });

  it('Rpc.MaxCoroutine caps what a node runs at the same time, concurrent handlers too; 0 does not', async (t) => {
    const capped = await created(t, { configFile: configFile(t, '{ "rpc": { "maxcoroutine": 2 } }') });
    await capped.start();
    await Promise.all(Array.from({ length: 8 }, () => capped.rpc.call('svc', '/two')));
    assert.equal(capped.get(Service).peak, 2);
    const free = await created(t, { configFile: configFile(t, '{ "Rpc": { "MaxCoroutine": 0 } }') });
    await free.start();
    // Each waits for the last one: with a cap they would wait for ever.
    await Promise.all([false, false, false, false, true].map((last) => free.rpc.call('svc', '/busy', [last])));
    assert.equal(free.get(Service).peak, 5);
  });

  it('Rpc.Log writes a line per call on each side, without arguments', async (t) => {
    const lines = new Lines();
    const app = await created(t, { configFile: configFile(t, '{ "Rpc": { "Log": true } }'), logger: lines });
    await app.start();
    const { id } = app.modules.get('svc')!;
    await app.rpc.call('svc', '/echo', ['secret']);
    await assert.rejects(app.rpc.call('svc', '/none'));
    const said = lines.lines.filter((line) => /: rpc /.test(line)).map((line) => line.replace(/ms=\d+/, 'ms=?'));
    assert.deepEqual(said, [
      `log: rpc server target=svc path=/echo ms=?`.replace('target=svc', `target=${id}`),
      `log: rpc client target=${id} path=/echo ms=?`,
      `warn: rpc client failed target=${id} path=/none ms=? code=NOT_FOUND`,
    ]);
    assert.ok(!lines.lines.some((line) => line.includes('secret')));
    const quiet = new Lines();
    const other = await created(t, { logger: quiet });
    await other.start();
    await other.rpc.call('svc', '/echo', ['x']);
    assert.deepEqual(quiet.lines.filter((line) => /: rpc /.test(line)), []);
  });

  it('the environment wins over the file, flags and options win over both', async (t) => {
    const file = configFile(t, '{ "Rpc": { "RpcExpired": 3 }, "Settings": { "a": "file", "b": "file" }, "Module": { "svc": [{ "ProcessID": "one", "Settings": { "n": 1 } }] } }');
    const env = { ANTHILL_RPC__TIMEOUT_MS: '4000', ANTHILL_SETTINGS__A: 'environment', ANTHILL_CONFIG_FILE: file, ANTHILL_PROCESS_ID: 'two', ANTHILL_GRACE_MS: '5', ANTHILL_MODULES__SVC__SETTINGS__N: '2' };
    const fromEnv = await created(t, { env, configFile: undefined as never });
    assert.deepEqual([fromEnv.config.rpc.timeoutMs, fromEnv.config.settings, fromEnv.config.processId, [...fromEnv.modules.keys()]], [4000, { a: 'environment', b: 'file' }, 'two', []]);
    assert.equal(fromEnv.config.configFile, file);
    const fromFlags = await created(t, { env, flags: true, argv: ['-pid', 'one', 'mine', '--other=x'], configFile: undefined as never });
    assert.deepEqual([fromFlags.config.processId, [...fromFlags.modules.keys()], fromFlags.config.moduleOf('svc').settings], ['one', ['svc'], { n: 2 }]);
    const fromOptions = await created(t, { env, flags: true, argv: ['-pid=one'], processId: 'three', rpc: { timeoutMs: 5000 }, configFile: undefined as never });
    assert.deepEqual([fromOptions.config.processId, fromOptions.config.rpc.timeoutMs], ['three', 5000]);
  });

  it('flags: false reads no flags', async (t) => {
    const app = await created(t, { flags: false, argv: ['-pid', 'one', '-conf', '/nowhere.json'] });
    assert.equal(app.config.processId, 'development');
    assert.equal(app.config.configFile, undefined);
  });

  it('all five launch values can be options', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'anthill-app-'));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'my.json'), '{}');
    const { config } = await created(t, { workDir: folder, configFile: 'my.json', processId: 'p', logDir: 'l', biDir: '/b' });
    assert.deepEqual([config.workDir, config.configFile, config.processId, config.logDir, config.biDir], [folder, join(folder, 'my.json'), 'p', join(folder, 'l'), '/b']);
  });

  it('warnings are logged once', async (t) => {
    const lines = new Lines();
    const app = await created(t, { logger: lines, configFile: configFile(t, '{ "Mqtt": { "ReadTimeout": 600 }, "Log": { "contenttype": "application/json" }, "BI": {}, "Anthil": {} }') });
    await app.start();
    await app.reload();
    const warnings = lines.of('warn');
    assert.deepEqual(warnings.length, new Set(warnings).size, warnings.join('\n'));
    assert.match(warnings.join('\n'), /Anthil is an unknown key \(did you mean "Anthill"\?\); it has no effect/);
    assert.match(warnings.join('\n'), /Mqtt/);
  });

  it('a reload takes what can change at run time, one after the other', async (t) => {
    const path = configFile(t, '{ "Rpc": { "RpcExpired": 3 } }');
    const app = await created(t, { configFile: path });
    await app.start();
    writeFileSync(path, '{ "Rpc": { "RpcExpired": 7 } }');
    const [first, second] = await Promise.all([app.reload(), app.reload()]);
    assert.equal(app.config, second);
    assert.notEqual(first, second);
    assert.equal(await app.rpc.call('svc', '/deadline'), 7);
    writeFileSync(path, '{ "Rpc": { "RpcExpired": "x" } }');
    await assert.rejects(app.reload(), /RpcExpired/);
    assert.equal(app.config, second);
    assert.equal(await app.rpc.call('svc', '/deadline'), 7);
  });

  it('a reload is told to the hook, when it is in effect; what the hook throws is the answer', async (t) => {
    const path = configFile(t, '{ "Rpc": { "RpcExpired": 3 } }');
    const told: number[] = [];
    const lines = new Lines();
    const app = await created(t, {
      configFile: path,
      logger: lines,
      hooks: {
        onReload: ({ rpc }) => {
          told.push(rpc.timeoutMs);
          if (rpc.timeoutMs === 9000) throw new Error('too long for me');
        },
      },
    });
    await app.start();
    assert.equal(told.length, 0);
    for (const seconds of ['7', '"x"', '9', '4']) {
      writeFileSync(path, `{ "Rpc": { "RpcExpired": ${seconds} } }`);
      const answer = app.reload();
      if (seconds === '7' || seconds === '4') told.push(-(await answer).rpc.timeoutMs);
      else await assert.rejects(answer);
    }
    assert.deepEqual(told, [7000, -7000, 9000, 4000, -4000]);
    assert.match(lines.of('error').join('\n'), /the old one stays[^]*hook onReload failed: too long for me/);
  });

  it('the first logger that is asked is the one of the config', async (t) => {
    const written: string[] = [];
    const write = process.stdout.write.bind(process.stdout);
    const capture = (text: string | Uint8Array): boolean => {
      written.push(String(text));
      return true;
    };
    const app = RpcFactory.create({ modules: [Service], flags: false, env: {}, configFile: false, log: { format: 'json', level: 'warn' }, settings: {}, sources: [{ name: 'x', load: async () => ({ name: 'x', tree: { Unknown: 1 } }) }] });
    process.stdout.write = capture as typeof process.stdout.write;
    const error = process.stderr.write.bind(process.stderr);
    process.stderr.write = capture as typeof process.stderr.write;
    try {
      t.after(async () => (await app).stop());
      await app;
    } finally {
      process.stdout.write = write;
      process.stderr.write = error;
    }
    const lines = written.join('').trim().split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as { level: string; message: string });
    assert.deepEqual(lines.map(({ level }) => level), ['warn'], written.join(''));
    assert.match(lines[0]!.message, /Unknown is an unknown key/);
  });
});

describe('secrets of the config', () => {
  it('modules get them in their settings, plug-ins in their options; the config keeps the references', async (t) => {
    let options: unknown;
    const plugins = { transport: { spy: (given: unknown) => ((options = given), memoryTransport()) } };
    const file = configFile(t, '{ "Anthill": { "transport": { "name": "spy", "token": "$env:SECRET" }, "modules": { "settled": { "settings": { "key": "$env:SECRET" } } } } }');
    const app = await created(t, { modules: [Settled], configFile: file, env: { SECRET: 'canary' }, plugins });
    await app.start();
    assert.deepEqual(app.get(Settled).settings, { key: 'canary' });
    assert.deepEqual(options, { token: 'canary' });
    assert.ok(![JSON.stringify(app.get(Settled).settings), inspect(options), JSON.stringify(app.config), inspect(app.config, { depth: 9 })].some((text) => text.includes('canary')));
    assert.deepEqual(app.config.moduleOf('settled').settings, { key: '$env:SECRET' });
  });

  it('one that is missing keeps the app from being created', async (t) => {
    const file = configFile(t, '{ "Anthill": { "modules": { "settled": { "settings": { "key": "$env:NONE" } } } } }');
    await assert.rejects(created(t, { modules: [Settled], configFile: file }), { reason: 'CONFIG_SECRET', message: 'Anthill.modules.settled.settings.key is $env:NONE, but the environment variable NONE is not set' });
  });
});
