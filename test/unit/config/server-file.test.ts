import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { validateModuleTypes } from '../../../lib/config/module-groups.js';
import { bootErrorOf, configOf, FILE, fromFile } from './support.js';
import { TUTORIAL } from './tutorial.js';

describe("config: mqant's server.json as it is", () => {
  test("the tutorial's file loads, and every oddity of it is told", () => {
    const { config, warnings } = fromFile(TUTORIAL);
    assert.deepEqual(config.groups, { running: ['greeter', 'helloword', 'client'], others: [] });
    assert.deepEqual(config.moduleOf('greeter'), { id: 'greeter', settings: { Port: 7370 }, metadata: {} });
    assert.deepEqual(config.rpc, { timeoutMs: 3000, maxConcurrent: 100, queue: 1024, log: true });
    assert.equal(config.log.format, 'json');
    assert.deepEqual(warnings, [
      `${FILE}: accepted because mqant has them, but nothing reads them yet: Log.multifile, Log.file, Mqtt`,
      `${FILE}:72:9: Rpc.LogSuccess is read as Rpc.Log: mqant never had this key, its tutorial does`,
    ]);
    assert.deepEqual(validateModuleTypes(config, ['helloworld', 'greeter', 'client']), [
      `${FILE}: no class has the module type "helloword" (did you mean "helloworld"?); the entry has no effect`,
    ]);
  });

  test('key names count in any case at every known level; settings are kept verbatim', () => {
    const { config, warnings } = fromFile({
      SETTINGS: { MongodbURL: 'x', mongodburl: 'y', nested: { Deep: [1, { K: null }] } },
      module: { Web: [{ ID: 'Web001', processid: 'development', settings: { Port: 1, port: 2 }, ANTHILL: { NodeID: 'n' } }] },
      rpc: { rpcexpired: 5, MAXCOROUTINE: 7, log: true },
      anthill: { RPC: { QUEUE: 3 } },
    });
    assert.deepEqual(config.settings, { MongodbURL: 'x', mongodburl: 'y', nested: { Deep: [1, { K: null }] } });
    assert.deepEqual(config.moduleOf('Web'), { id: 'Web001', nodeId: 'n', settings: { Port: 1, port: 2 }, metadata: {} });
    assert.deepEqual(config.rpc, { timeoutMs: 5000, maxConcurrent: 7, queue: 3, log: true });
    assert.deepEqual(warnings, []);
  });

  test('module types keep their case: they are names', () => {
    const config = configOf({ Module: { web: [{ ProcessID: 'development' }], Web: [{ ProcessID: 'other' }] } });
    assert.ok(config.runs('web'));
    assert.ok(!config.runs('Web'));
  });

  test('the same key in two cases is an error that names both', () => {
    const { message } = bootErrorOf(() => fromFile('{ "Rpc": {},\n "rpc": {} }'));
    assert.equal(message, `${FILE}:2:2: rpc is the same key as "Rpc": key names count in any case, keep one of them`);
  });

  test('the same key twice is an error, in settings a warning: there the last one counts, as in Go', () => {
    assert.match(bootErrorOf(() => fromFile('{ "Module": { "web": [], "web": [] } }')).message, /Module\.web stands twice/);
    const { config, warnings } = fromFile('{ "Settings": { "a": 1, "a": 2 } }');
    assert.deepEqual(config.settings, { a: 2 });
    assert.deepEqual(warnings, [`${FILE}:1:25: Settings.a stands twice in the same object; the last one counts`]);
  });

  test('null is "not set", as it is for Go', () => {
    const { config, warnings } = fromFile({ Settings: null, Module: null, Rpc: { RpcExpired: null, Log: null }, Anthill: { transport: null, rpc: null, modules: { web: null } } });
    assert.equal(config.groups, undefined);
    assert.equal(config.rpc.timeoutMs, 10_000);
    assert.equal(config.transport.name, 'memory');
    assert.deepEqual(warnings, []);
  });

  test('RpcExpired is seconds, fractions too; 0 is not set; MaxCoroutine 0 or absent is no cap', () => {
    assert.equal(configOf({ Rpc: { RpcExpired: 0.25 } }).rpc.timeoutMs, 250);
    assert.equal(configOf({ Rpc: { RpcExpired: 0.0001 } }).rpc.timeoutMs, 1);
    assert.equal(configOf({ Rpc: { RpcExpired: 0, MaxCoroutine: 0 } }).rpc.timeoutMs, 10_000);
    assert.equal(configOf({ Rpc: { MaxCoroutine: 0 } }).rpc.maxConcurrent, undefined);
    assert.equal(configOf({}).rpc.maxConcurrent, undefined);
  });

  test('Log wins over its tutorial name LogSuccess; Anthill.rpc and Anthill.log win over Rpc and Log', () => {
    assert.equal(configOf({ Rpc: { Log: false, LogSuccess: true } }).rpc.log, false);
    const config = configOf({ Rpc: { RpcExpired: 3, MaxCoroutine: 5 }, Log: { contenttype: 'application/json' }, Anthill: { rpc: { timeoutMs: 42, maxConcurrent: 0 }, log: { format: 'text' } } });
    assert.deepEqual(config.rpc, { timeoutMs: 42, queue: 1024, log: false });
    assert.equal(config.log.format, 'text');
  });

  test('keys of mqant that nothing reads are told once, however often they stand there', () => {
    const entry = (id: string, group: string) => ({ Id: id, ProcessID: group, Host: '0.0.0.0' });
    const { warnings } = fromFile({ Module: { a: [entry('1', 'development'), entry('2', 'x')], b: [entry('3', 'x')] }, OP: {}, BI: { file: {} }, Mqtt: { ReadTimeout: 1 }, Log: { file: { level: 7 } } });
    assert.deepEqual(warnings, [`${FILE}: accepted because mqant has them, but nothing reads them yet: Module.*.Host, OP, BI, Mqtt, Log.file`]);
  });

  test('$schema is for editors', () => {
    assert.deepEqual(fromFile({ $schema: './server.schema.json' }).warnings, []);
  });
});
