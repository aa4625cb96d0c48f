import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BootError } from '../../../lib/common/boot-error.js';
import { buildConfig } from '../../../lib/config/build-config.js';
import { bootErrorOf, configOf, FILE, fromFile, launchOf, randomOf } from './support.js';

describe('config: validation', () => {
  test('an empty file, and none, give the defaults', () => {
    const { config, warnings } = buildConfig(launchOf(), []);
    const { moduleOf, runs, reveal: _reveal, ...rest } = config;
    assert.deepEqual(rest, {
      processId: 'development', workDir: '/app', configFile: FILE, logDir: '/app/bin/logs', biDir: '/app/bin/bi', settings: {}, moduleTypes: [],
      transport: { name: 'memory', options: {} }, registry: { name: 'memory', options: {} }, selector: { name: 'random', options: {} },
      codec: 'msgpack', watchFile: false, wires: ['anthill/1', 'mqant'], rpc: { timeoutMs: 10_000, queue: 1024, log: false },
      advertise: {}, health: { enabled: false }, registration: { ttlMs: 20_000, intervalMs: 10_000 }, killWaitMs: 60_000, graceMs: 200, log: { level: 'info', format: 'text' }, redis: {},
      discovery: {
        panicThreshold: 50, holdMs: 15_000,
        outlierDetection: { consecutiveFailures: 0, codes: ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'INTERNAL'], baseEjectionMs: 5000, maxEjectionMs: 15_000, maxEjectionPercent: 50 },
      },
      http: {},
      grpc: {
        host: '0.0.0.0', port: 8888, tls: { requireClientCert: false }, maxMessageBytes: 4_194_304, maxConcurrentStreams: 1000,
        keepaliveMs: 60_000, keepaliveTimeoutMs: 20_000, maxConnectionAgeMs: 0, reflection: true, generic: 'off',
      },
    });
    assert.deepEqual(moduleOf('any'), { settings: {}, metadata: {} });
    assert.ok(runs('any'));
    assert.deepEqual(warnings, []);
  });

  test('every mistake comes in one error, each with line, column, key path, what was expected and what was got', () => {
    const { message } = bootErrorOf(() =>
      fromFile(`{
  "Settings": [],
  "Module": { "web": [{ "Id": 7, "ProcessID": "development" }], "gate": {} },
  "Rpc": { "RpcExpired": "soon", "MaxCoroutine": 1.5, "Log": "yes" },
  "Anthill": {
    "transport": { "servers": "x" }, "wires": [], "killWaitMs": 0, "graceMs": -1,
    "log": { "level": "loud" }, "modules": { "web": { "nodeId": "a@b", "metadata": { "w": [] } } }
  }
}`),
    );
    const expected = [
      '2:3: Settings must be an object, got an empty list',
      '3:25: Module.web[0].Id must be a string, got 7 (number)',
      '3:65: Module.gate must be a list of objects, got an object',
      '4:12: Rpc.RpcExpired must be a number from 0 to 2147483.647, got "soon" (string)',
      '4:34: Rpc.MaxCoroutine must be an integer from 0 to 2147483647, got 1.5 (number)',
      '4:55: Rpc.Log must be true or false, got "yes" (string)',
      '6:5: Anthill.transport must be a name, or an object with a "name", got an object',
      '6:38: Anthill.wires must be a list of strings, got an empty list',
      '6:51: Anthill.killWaitMs must be an integer from 1 to 2147483647, got 0 (number)',
      '6:68: Anthill.graceMs must be an integer from 0 to 2147483647, got -1 (number)',
      '7:14: Anthill.log.level must be one of "debug", "info", "warn", "error", "silent", got "loud" (string)',
      '7:55: Anthill.modules.web.nodeId must be a string without spaces, "@", "*" or ">", got "a@b" (string)',
      '7:86: Anthill.modules.web.metadata.w must be a string, a number, true or false, got an empty list',
    ];
    assert.equal(message, [`${expected.length} mistakes keep the app from starting:`, ...expected.map((line, i) => `  ${i + 1}. ${FILE}:${line}`)].join('\n'));
  });

  test('one mistake is an error of its own', () => {
    const error = bootErrorOf(() => fromFile([]));
    assert.equal(error.reason, 'CONFIG_INVALID');
    assert.equal(error.message, `${FILE} must be an object, got an empty list`);
  });

  for (const [file, warning] of [
    [{ Modul: {} }, ':1:2: Modul is an unknown key (did you mean "Module"?); it has no effect'],
    [{ Module: { web: [{ ProcesID: 'x', ProcessID: 'development' }] } }, ':1:20: Module.web[0].ProcesID is an unknown key (did you mean "ProcessID"?); it has no effect'],
    [{ Anthill: { rpc: { timeout: 3 } } }, ':1:20: Anthill.rpc.timeout is an unknown key (did you mean "timeoutMs"?); it has no effect'],
    [{ transport: 'nats' }, ':1:2: transport is an unknown key here (did you mean "Anthill.transport"?); it has no effect'],
    [{ Zebra: 1 }, ':1:2: Zebra is an unknown key; it has no effect'],
    [{ __proto__x: 1, constructor: 1 }, ':1:2: __proto__x is an unknown key; it has no effect'],
  ] as const) {
    test(`an unknown key is a warning: ${JSON.stringify(file)}`, () => {
      assert.equal(fromFile(file).warnings[0], FILE + warning);
    });
  }

  test('secrets never stand in messages', () => {
    const layer = { name: 'centre', tree: { Anthill: { modules: { web: { metadata: { apiToken: ['x'], dbPassword: {} } } }, codec: 5, rpc: 'nats://user:hunter2@host?token=abc' } } };
    const { message } = bootErrorOf(() => buildConfig(launchOf(), [layer]));
    assert.match(message, /Anthill\.rpc must be an object, got "nats:\/\/\*\*\*@host\?token=\*\*\*"/);
    assert.doesNotMatch(message, /hunter2|abc/);
  });

  test('an interval must be less than its ttl; only a ttl brings a fitting interval', () => {
    const registration = (given: object) => configOf({ Anthill: { registration: given } }).registration;
    assert.deepEqual(registration({ ttlMs: 5000 }), { ttlMs: 5000, intervalMs: 2500 });
    assert.deepEqual(registration({ ttlMs: 60_000 }), { ttlMs: 60_000, intervalMs: 10_000 });
    assert.deepEqual(registration({ ttlMs: 1 }), { ttlMs: 1, intervalMs: 1 });
    assert.match(bootErrorOf(() => registration({ intervalMs: 20_000 })).message, /Anthill\.registration: intervalMs \(20000\) must be less than ttlMs \(20000\)/);
    const modules = { modules: { web: { ttlMs: 30_000, intervalMs: 15_000 }, fast: { ttlMs: 3000 }, bad: { intervalMs: 20_000 } } };
    assert.match(bootErrorOf(() => configOf({ Anthill: modules })).message, /^Anthill\.modules\.bad: intervalMs/);
    const config = configOf({ Anthill: { modules: { web: modules.modules.web, fast: modules.modules.fast } } });
    assert.deepEqual(config.moduleOf('web'), { ttlMs: 30_000, intervalMs: 15_000, settings: {}, metadata: {} });
    assert.deepEqual(config.moduleOf('fast'), { ttlMs: 3000, intervalMs: 1500, settings: {}, metadata: {} });
  });

  test('the snapshot is frozen all the way down, and layers are not', () => {
    const settings = { a: { b: [1] } };
    const overrides = { name: 'x', tree: { Settings: settings, Anthill: { transport: { name: 'nats', servers: ['a'] }, modules: { web: { settings: { p: {} } } } } } };
    const { config } = buildConfig(launchOf(), [overrides]);
    const walk = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return;
      assert.ok(Object.isFrozen(value), `${path} is not frozen`);
      for (const [key, inner] of Object.entries(value)) walk(inner, `${path}.${key}`);
    };
    walk(config, 'config');
    walk(config.moduleOf('web'), 'web');
    walk(config.moduleOf('unknown'), 'unknown');
    settings.a.b.push(2);
    assert.deepEqual(config.settings, { a: { b: [1] } });
  });

  test('metadata values become strings', () => {
    assert.deepEqual(configOf({ Anthill: { modules: { web: { metadata: { weight: 5, on: true, s: 'x', none: null } } } } }).moduleOf('web').metadata, { weight: '5', on: 'true', s: 'x' });
  });

  test('__proto__ and constructor reach no prototype, wherever they stand', () => {
    const file = `{ "Settings": { "__proto__": { "polluted": 1 } }, "__proto__": { "Settings": {} }, "constructor": {},
      "Module": { "__proto__": [{ "ProcessID": "development", "Settings": { "x": 1 } }], "constructor": [{ "ProcessID": "other" }] },
      "Anthill": { "modules": { "__proto__": { "version": "2" } }, "transport": { "name": "nats", "__proto__": { "polluted": 1 } } } }`;
    const { config } = fromFile(file, undefined, [{ name: 'again', tree: JSON.parse(file) as unknown }]);
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
    assert.equal((config.settings as { polluted?: unknown }).polluted, undefined);
    assert.deepEqual(config.groups!.running, ['__proto__']);
    assert.deepEqual(config.moduleOf('__proto__'), { version: '2', settings: { x: 1 }, metadata: {} });
    assert.deepEqual(config.moduleOf('constructor'), { settings: {}, metadata: {} });
    assert.deepEqual(config.moduleOf('toString'), { settings: {}, metadata: {} });
  });

  test('whatever the tree, it throws nothing but BootError, and mutated trees either fail or give a whole config', () => {
    const random = randomOf(7);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
    const words = ['Settings', 'Module', 'Rpc', 'Log', 'Anthill', 'rpc', 'transport', 'registry', 'modules', 'web', 'Id', 'ProcessID', 'development', 'name', 'timeoutMs', 'ttlMs', 'intervalMs', 'registration', '__proto__', 'constructor', 'toString', ''];
    const value = (depth: number): unknown => {
      const kind = Math.floor(random() * (depth > 5 ? 5 : 8));
      if (kind === 0) return pick(words);
      if (kind === 1) return pick([0, 1, -1, 1.5, 1e21, Number.NaN, 5000]);
      if (kind === 2) return pick([true, false, null, undefined]);
      if (kind === 3) return new Date(0);
      if (kind === 4) return Array.from({ length: Math.floor(random() * 3) }, () => value(depth + 1));
      return Object.fromEntries(Array.from({ length: Math.floor(random() * 5) }, () => [pick(words), value(depth + 1)]));
    };
    let built = 0;
    for (let run = 0; run < 3000; run++) {
      const root = { [pick(words)]: value(0), [pick(words)]: value(0), Anthill: value(1) };
      const layers = [{ name: 'one', tree: run % 3 === 0 ? value(0) : root }, { name: 'two', tree: value(0), texts: run % 2 === 0 }];
      try {
        const { config } = buildConfig(launchOf(), layers);
        assert.equal(typeof config.transport.name, 'string');
        assert.ok(config.registration.ttlMs > 0);
        built++;
      } catch (error) {
        assert.ok(error instanceof BootError, `${JSON.stringify(layers)}: ${(error as Error).stack}`);
      }
    }
    assert.ok(built > 100, `only ${built} trees were right`);
  });
});
