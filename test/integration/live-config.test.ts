import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { Injectable, Scope } from '@nestjs/common';
import * as v from 'valibot';
import { z } from 'zod';
import type { ModulesOptions } from '../../lib/bootstrap/app-options.js';
import {
  Config,
  ConfigValue,
  Handler,
  InjectConfig,
  memoryConfig,
  MemoryConfigHub,
  OnConfigChange,
  RpcFactory,
  RpcModule,
  type BootError,
  type ConfigOf,
  type RpcApplication,
} from '../../lib/index.js';
import type { ConfigSource } from '../../lib/plugin.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { isolated, Lines } from './app.support.js';

const Pricing = z.object({ discount: z.number().min(0).max(1).default(0), currency: z.string().default('EUR') }).prefault({});
type Pricing = ConfigOf<typeof Pricing>;

@Injectable()
class Shop {
  readonly heard: [unknown, unknown][] = [];
  constructor(
    @InjectConfig('pricing', Pricing) readonly pricing: ConfigValue<Pricing>,
    @InjectConfig('limits') readonly limits: ConfigValue<{ max: number } | undefined>,
    readonly config: Config,
  ) {}

  @OnConfigChange('pricing', Pricing)
  onPricing(now: Pricing, before: Pricing): void {
    this.heard.push([now, before]);
  }
}

@RpcModule({ type: 'shop', providers: [Shop] })
class ShopModule {
  @Handler('/x')
  x() {}
}

async function created(t: TestContext, hub: MemoryConfigHub, more: Partial<ModulesOptions> = {}): Promise<{ app: RpcApplication; shop: Shop; lines: Lines }> {
  const lines = new Lines();
  const app = await RpcFactory.create({ ...isolated, modules: [ShopModule], sources: [memoryConfig(hub)], logger: lines, ...more });
  t.after(() => app.stop());
  return { app, shop: app.get(Shop), lines };
}

async function started(t: TestContext, hub: MemoryConfigHub, more: Partial<ModulesOptions> = {}) {
  const made = await created(t, hub, more);
  await made.app.start();
  return made;
}

/** The next change of a value. */
const next = <T>(value: ConfigValue<T>): Promise<T> =>
  new Promise((resolve) => {
    const end = value.onChange((now) => {
      end();
      resolve(now);
    });
  });

describe('live config', () => {
  it('injects values by schema, with its defaults, frozen, and changes them while the app runs', async (t) => {
    const hub = new MemoryConfigHub();
    hub.put('Settings/pricing', '{ "discount": 0.1 }');
    const { app, shop } = await started(t, hub);
    assert.deepEqual(shop.pricing.value, { discount: 0.1, currency: 'EUR' });
    assert.equal(shop.limits.value, undefined);
    const before = shop.pricing.value;
    const changed = next(shop.pricing);
    hub.put('Settings/pricing/discount', '0.2');
    assert.deepEqual(await changed, { discount: 0.2, currency: 'EUR' });
    assert.equal(before.discount, 0.1);
    assert.ok(Object.isFrozen(shop.pricing.value));
    assert.deepEqual(app.config.settings, { pricing: { discount: 0.2 } });
    assert.deepEqual(shop.heard, [[{ discount: 0.2, currency: 'EUR' }, { discount: 0.1, currency: 'EUR' }]]);
  });

  it('a value that its schema refuses keeps the app from being created, with key and place; all of them at once', async () => {
    const hub = new MemoryConfigHub();
    hub.put('Settings/pricing', '{\n "discount": 7 }');
    hub.put('Settings/other', '"x"');
    class Both {
      constructor(@InjectConfig('pricing', Pricing) _a: unknown, @InjectConfig('other', v.number()) _b: unknown) {}
    }
    Injectable()(Both);
    @RpcModule({ type: 'both', providers: [Both] })
    class Module {}
    const error = await RpcFactory.create({ ...isolated, modules: [Module], sources: [memoryConfig(hub)] }).then(() => assert.fail('created'), (reason: unknown) => reason as BootError);
    assert.equal(error.reason, 'BOOT_FAILED');
    assert.match(error.message, /memory config: memory\/Settings\/pricing:2:2: discount: .*1/);
    assert.match(error.message, /memory config: memory\/Settings\/other: .*number.*string|Expected number/);
  });

  it('a bad change leaves the last good config in use, is logged with key and place, shown in health and counted; the app stays ready; a good one follows', async (t) => {
    const hub = new MemoryConfigHub();
    const { app, shop, lines } = await started(t, hub);
    const good = shop.pricing.value;
    for (const [text, told] of [['{ "discount": "much" }', /memory\/Settings\/pricing:1:3: discount: .*number/], ['{ "discount": ', /memory config: memory\/Settings\/pricing:1:15: expected a value/], ['[]', /memory\/Settings\/pricing: .*object/]] as const) {
      const logged = lines.until(told);
      hub.put('Settings/pricing', text);
      await logged;
      assert.equal(shop.pricing.value, good);
      const health = app.health();
      assert.match(health.parts.find(({ name }) => name === 'config')!.detail!, told);
      assert.equal(health.ready, true);
    }
    assert.ok(lines.of('error').every((line) => line.startsWith('the new config has mistakes, the old one stays: ')), lines.of('error').join('\n'));
    const changed = next(shop.pricing);
    hub.put('Settings/pricing', '{ "discount": 0.5 }');
    assert.deepEqual(await changed, { discount: 0.5, currency: 'EUR' });
    assert.equal(app.health().parts.find(({ name }) => name === 'config')!.detail, undefined);
    assert.equal(shop.heard.length, 1);
  });

  it('our own keys are checked too, and what can change at run time changes', async (t) => {
    const hub = new MemoryConfigHub();
    hub.put('Anthill/rpc/timeoutMs', '3000');
    const { app, lines } = await started(t, hub);
    assert.equal(app.config.rpc.timeoutMs, 3000);
    const refused = lines.until(/Anthill\/rpc\/timeoutMs must be an integer from 1/);
    hub.put('Anthill/rpc/timeoutMs', '-1');
    await refused;
    assert.equal(app.rpc.deps.timeoutMs, 3000);
    const taken = lines.until(/config changed/);
    hub.put('Anthill/rpc/timeoutMs', '4000');
    await taken;
    assert.equal(app.rpc.deps.timeoutMs, 4000);
  });

  it('a thousand changes, every tenth wrong: each good one is seen, in order, and never a wrong one', async (t) => {
    const hub = new MemoryConfigHub();
    const { app, shop } = await started(t, hub);
    const seen: number[] = [];
    const last = new Promise<void>((resolve) => {
      shop.pricing.onChange(({ discount }) => {
        // Both come from one revision, or somebody sees a mix.
        assert.equal(shop.limits.value!.max, discount * 1000);
        seen.push(Math.round(discount * 1000));
        if (discount === 0.999) resolve();
      });
    });
    for (let i = 1; i < 1000; i++) {
      const bad = i % 10 === 0;
      hub.change([['Settings/pricing', bad ? '{ "discount": 9 }' : `{ "discount": ${i / 1000} }`], ['Settings/limits', `{ "max": ${i} }`]]);
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await last;
    assert.deepEqual(seen, Array.from({ length: 999 }, (_, i) => i + 1).filter((i) => i % 10 !== 0));
    assert.equal(app.health().parts.find(({ name }) => name === 'config')!.detail, undefined);
  });

  it('a listener that throws, or rejects, is logged and stops no other', async (t) => {
    const hub = new MemoryConfigHub();
    const { shop, lines } = await started(t, hub);
    shop.pricing.onChange(() => {
      throw new Error('first');
    });
    shop.pricing.onChange(() => Promise.reject(new Error('second')));
    const changed = next(shop.pricing);
    hub.put('Settings/pricing/discount', '0.3');
    await changed;
    await lines.until(/a listener to changes of the config at 'pricing' failed: second/);
    assert.ok(lines.of('error').some((line) => line.includes('failed: first')));
    assert.equal(shop.heard.length, 1);
  });

  it('an equal value keeps its identity and tells nobody', async (t) => {
    const hub = new MemoryConfigHub();
    hub.put('Settings/pricing', '{ "discount": 0.1 }');
    const { shop, lines } = await started(t, hub);
    const before = shop.pricing.value;
    const changed = next(shop.limits);
    hub.put('Settings/limits', '{ "max": 1 }');
    await changed;
    hub.put('Settings/pricing', '{"discount":0.10}');
    await lines.until(/config changed/);
    assert.equal(shop.pricing.value, before);
    assert.deepEqual(shop.heard, []);
  });

  it('environment and options win over the centre, the centre over the file', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'anthill-live-'));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'server.json'), '{ "Settings": { "a": "file", "b": "file", "c": "file", "d": "file" } }');
    const hub = new MemoryConfigHub();
    hub.change([['Settings/b', '"centre"'], ['Settings/c', '"centre"'], ['Settings/d', '"centre"']]);
    const { app } = await started(t, hub, { configFile: join(folder, 'server.json'), env: { ANTHILL_SETTINGS__C: 'environment', ANTHILL_SETTINGS__D: 'environment' }, settings: { d: 'options' } });
    assert.deepEqual(app.config.settings, { a: 'file', b: 'centre', c: 'environment', d: 'options' });
  });

  it('the file and the environment can name the centre', async (t) => {
    const hub = new MemoryConfigHub();
    hub.put('Settings/pricing/discount', '0.7');
    const given: unknown[] = [];
    const plugins = { configCentre: { mine: (options: unknown) => (given.push(options), memoryConfig(hub)) } };
    const { app, shop } = await started(t, hub, { sources: [], plugins, env: { ANTHILL_CONFIG_CENTRE: '{"name":"mine","token":"$env:T"}', T: 'canary' } });
    assert.equal(shop.pricing.value.discount, 0.7);
    assert.deepEqual(given, [{ token: 'canary' }]);
    assert.equal(app.config.configCentre!.name, 'mine');
    await assert.rejects(created(t, hub, { env: { ANTHILL_CONFIG_CENTRE: 'minne' }, plugins }), { reason: 'PLUGIN_UNKNOWN', message: /configCentre 'minne', which does not exist \(did you mean "mine"\?\)/ });
  });

  it('SIGHUP and the watch are one way: a reload waits for its turn, and takes what it finds', async (t) => {
    let tree: unknown = { Settings: { pricing: { discount: 0.1 } } };
    const slow: ConfigSource = { name: 'slow', load: async () => ({ name: 'slow', tree }) };
    const hub = new MemoryConfigHub();
    const { app, shop } = await started(t, hub, { sources: [slow, memoryConfig(hub)] });
    tree = { Settings: { pricing: { discount: 0.2 }, limits: { max: 1 } } };
    hub.put('Settings/limits', '{ "max": 2 }');
    const stronger = next(shop.limits);
    await app.reload();
    assert.equal(shop.pricing.value.discount, 0.2);
    if ((await stronger)!.max === 1) await next(shop.limits);
    assert.deepEqual(shop.limits.value, { max: 2 });
    tree = { Settings: { pricing: { discount: 5 } } };
    await assert.rejects(app.reload(), /slow: Settings.pricing.discount: /);
    assert.equal(shop.pricing.value.discount, 0.2);
    assert.match(app.health().parts.find(({ name }) => name === 'config')!.detail!, /slow: Settings.pricing.discount/);
    tree = { Settings: { pricing: { discount: 0.3 } } };
    await app.reload();
    assert.equal(shop.pricing.value.discount, 0.3);
  });

  it('a source that is wrong does not keep the changes of another, and is taken when both are right together', async (t) => {
    const [one, two] = [new MemoryConfigHub(), new MemoryConfigHub()];
    const { app, shop, lines } = await started(t, one, { sources: [memoryConfig(one), memoryConfig(two)] });
    const refused = lines.until(/intervalMs \(30000\) must be less than ttlMs/);
    one.put('Anthill/registration/intervalMs', '30000');
    await refused;
    const changed = next(shop.pricing);
    two.put('Settings/pricing/discount', '0.4');
    await changed;
    assert.equal(app.config.registration.ttlMs, 20_000);
    const taken = lines.until(/config changed: memory config revision=2/);
    two.put('Anthill/registration/ttlMs', '60000');
    await taken;
    assert.deepEqual(app.config.registration, { ttlMs: 60_000, intervalMs: 30_000 });
    assert.equal(app.health().parts.find(({ name }) => name === 'config')!.detail, undefined);
  });

  it('set writes to the centre, checks before, and this process sees it; compare-and-set refuses an old version', async (t) => {
    const hub = new MemoryConfigHub();
    const { shop } = await started(t, hub);
    const other = await started(t, hub);
    const version = await shop.config.set('pricing.discount', 0.25, { ifVersion: '0' });
    assert.equal(shop.pricing.value.discount, 0.25);
    assert.deepEqual(await other.shop.config.read('pricing.discount'), { value: 0.25, version });
    await assert.rejects(other.shop.config.set('pricing.discount', 0.3, { ifVersion: '0' }), { code: 'ABORTED', reason: 'CONFIG_CONFLICT', message: /pricing\.discount is there already/ });
    await other.shop.config.set('pricing.discount', 0.35, { ifVersion: version });
    await assert.rejects(shop.config.set('pricing.discount', 0.4, { ifVersion: version }), { reason: 'CONFIG_CONFLICT' });
    await assert.rejects(shop.config.set('pricing.discount', 4), { code: 'INVALID_ARGUMENT', reason: 'CONFIG_VALUE' });
    await assert.rejects(shop.config.set('pricing', null), { reason: 'CONFIG_VALUE' });
    await shop.config.set('pricing.discount', undefined);
    assert.equal(await shop.config.read('pricing.discount'), undefined);
  });

  it('without a centre there is nothing to write to', async (t) => {
    const { shop } = await started(t, new MemoryConfigHub(), { sources: [] });
    await assert.rejects(shop.config.set('a', 1), { code: 'FAILED_PRECONDITION', reason: 'CONFIG_READ_ONLY', message: /there are: none.*create\(\{ sources/ });
    assert.deepEqual([shop.config.get(), shop.config.get('a.b'), shop.config.value('a').value], [{}, undefined, undefined]);
  });

  it('secrets are resolved for who reads, and printed by nobody', async (t) => {
    const hub = new MemoryConfigHub();
    hub.put('Settings/api', '{ "key": "$env:API_KEY", "url": "https://x" }');
    const Api = z.object({ key: z.string().min(8), url: z.string() });
    @Injectable()
    class Client {
      constructor(@InjectConfig('api', Api) readonly api: ConfigValue<ConfigOf<typeof Api>>, @InjectConfig('api.key') readonly key: ConfigValue<string>) {}
    }
    @RpcModule({ type: 'client', providers: [Client] })
    class Module {}
    const { app, lines } = await created(t, hub, { modules: [Module, ShopModule], env: { API_KEY: 'canary-key', SHORT: 'canary' } });
    const { api, key } = app.get(Client);
    assert.deepEqual([api.value.key, key.value], ['canary-key', 'canary-key']);
    await app.start();
    const refused = lines.until(/the old one stays/);
    hub.put('Settings/api', '{ "key": "$env:SHORT", "url": "https://x" }');
    await refused;
    const missing = lines.until(/Settings\.api\.key is \$env:NONE, but the environment variable NONE is not set/);
    hub.put('Settings/api', '{ "key": "$env:NONE", "url": "https://x" }');
    await missing;
    const shown = [api, key, api.value, app.config, app.health()].flatMap((each) => [JSON.stringify(each), inspect(each, { depth: 9 })]);
    assert.ok(![...shown, ...lines.lines].some((text) => text.includes('canary')), shown.join('\n'));
  });

  it('classes of class-validator are schemas', async (t) => {
    const { IsInt, Max, MinLength, ValidateNested } = await import('class-validator');
    const { Type } = await import('class-transformer');
    class Depth {
      declare depth: number;
    }
    IsInt()(Depth.prototype, 'depth');
    Max(5)(Depth.prototype, 'depth');
    class Queue {
      name = 'main';
      declare inner: Depth;
    }
    Type(() => Depth)(Queue.prototype, 'inner');
    ValidateNested()(Queue.prototype, 'inner');
    class Simple {
      name = 'simple';
    }
    MinLength(1)(Simple.prototype, 'name');
    @Injectable()
    class Worker {
      constructor(@InjectConfig('queue', Queue) readonly queue: ConfigValue<Queue>) {}
    }
    @RpcModule({ type: 'worker', providers: [Worker] })
    class Module {}
    const hub = new MemoryConfigHub();
    hub.put('Settings/queue', '{ "inner": { "depth": 3 } }');
    const { app, lines } = await started(t, hub, { modules: [Module, ShopModule] });
    const { queue } = app.get(Worker);
    assert.ok(queue.value instanceof Queue && queue.value.inner instanceof Depth && Object.isFrozen(queue.value.inner));
    assert.deepEqual({ ...queue.value, inner: queue.value.inner.depth }, { name: 'main', inner: 3 });
    const refused = lines.until(/memory\/Settings\/queue\/inner\/depth: depth must not be greater than 5/);
    hub.put('Settings/queue/inner/depth', '6');
    await refused;
    assert.equal(queue.value.inner.depth, 3);
    assert.equal((await app.get(Config).load('none', Simple)).value.name, 'simple');
    await assert.rejects(app.get(Config).load('queue.inner.depth', Queue), { reason: 'CONFIG_INVALID', message: /must be an object, as Queue is/ });
    assert.throws(() => app.get(Config).value('queue', Depth), { reason: 'CONFIG_SCHEMA', message: /await config\.load\('queue', schema\)/ });
  });

  it('a listener that has nobody to live in is a boot error', async (t) => {
    @Injectable({ scope: Scope.REQUEST })
    class Short {
      @OnConfigChange('a')
      heard() {}
    }
    class Static {
      @OnConfigChange('a')
      static heard() {}
    }
    Injectable()(Static);
    @RpcModule({ type: 'short', providers: [Short, Static] })
    class Module {}
    const { app } = await created(t, new MemoryConfigHub(), { modules: [Module, ShopModule] });
    await assert.rejects(app.start(), { reason: 'BOOT_FAILED', message: /Short depends on something request-scoped[^]*it wants a method of an instance/ });
  });

  it('a source that is away at the start fails it, unless it is optional: then the app goes on and takes it in when it comes', async (t) => {
    const hub = new MemoryConfigHub();
    hub.put('Settings/pricing/discount', '0.9');
    const memory = memoryConfig(hub);
    const away: ConfigSource = { name: 'centre', load: () => Promise.reject(new Error('it is away')) };
    await assert.rejects(created(t, hub, { sources: [away] }), { reason: 'CONFIG_SOURCE_FAILED', message: 'config source centre: it is away' });
    let come = (): void => {};
    const here = new Promise<void>((resolve) => (come = resolve));
    const late: ConfigSource = {
      ...away,
      isOptional: true,
      async *watch(signal) {
        await here;
        yield* memory.watch(signal);
      },
    };
    const { app, shop, lines } = await started(t, hub, { sources: [late] });
    assert.equal(shop.pricing.value.discount, 0);
    assert.match(app.health().parts.find(({ name }) => name === 'config')!.detail!, /it is away/);
    assert.ok(lines.of('warn').includes('config source centre: it is away; going on without it for now'));
    const changed = next(shop.pricing);
    come();
    await changed;
    assert.equal(shop.pricing.value.discount, 0.9);
    assert.equal(app.health().parts.find(({ name }) => name === 'config')!.detail, undefined);
  });

  it('a watch that fails is begun again', async (t) => {
    const hub = new MemoryConfigHub();
    const memory = memoryConfig(hub);
    let failures = 0;
    const shaky: ConfigSource = {
      name: 'shaky',
      load: () => memory.load(),
      async *watch(signal) {
        if (failures++ < 2) throw new Error('broken');
        yield* memory.watch(signal);
      },
    };
    const { shop, lines } = await started(t, hub, { sources: [shaky] });
    await lines.until(/config source shaky: its watch failed: broken; watching again/);
    const changed = next(shop.pricing);
    hub.put('Settings/pricing/discount', '0.6');
    assert.equal((await changed).discount, 0.6);
  });

  it('createTestingApp has it all', async (t) => {
    const hub = new MemoryConfigHub();
    const app = await createTestingApp({ modules: [ShopModule], sources: [memoryConfig(hub)], settings: { limits: { max: 3 } } });
    t.after(() => app.stop());
    const { pricing, limits } = app.get(Shop);
    assert.deepEqual([pricing.value.discount, limits.value], [0, { max: 3 }]);
    const changed = next(pricing);
    hub.put('Settings/pricing/discount', '1');
    await changed;
  });
});

describe('a watched file', () => {
  it('is read when it changes, also by a link that is moved; a half-written one is not taken', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'anthill-watch-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const write = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const link = join(folder, 'server.json');
    symlinkSync(write('one.json', '{ "Settings": { "pricing": { "discount": 0.1 } } }'), link);
    const hub = new MemoryConfigHub();
    const { app, shop, lines } = await started(t, hub, { configFile: link, watchFile: true });
    const detail = () => app.health().parts.find(({ name }) => name === 'config')!.detail;
    assert.equal(shop.pricing.value.discount, 0.1);
    let changed = next(shop.pricing);
    write('one.json', '{ "Settings": { "pricing": { "discount": 0.2 } } }');
    assert.equal((await changed).discount, 0.2);
    const refused = lines.until(/server\.json:1:\d+: a string has no closing quote/);
    write('one.json', '{ "Settings": { "pric');
    await refused;
    assert.equal(shop.pricing.value.discount, 0.2);
    const others = next(shop.limits);
    hub.put('Settings/limits', '{ "max": 1 }');
    await others;
    assert.match(detail()!, /server\.json:1:\d+: a string has no closing quote/, 'what others bring does not mend the file');
    changed = next(shop.pricing);
    symlinkSync(write('two.json', '{ "Settings": { "pricing": { "discount": 0.3 } } }'), join(folder, 'new'));
    renameSync(join(folder, 'new'), link);
    assert.equal((await changed).discount, 0.3);
    assert.equal(detail(), undefined);
  });
});
