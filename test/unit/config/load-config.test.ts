import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadConfig, type LoadConfigOptions } from '../../../lib/config/load-config.js';
import { bootRejectionOf } from './support.js';

describe('config/load-config', () => {
  let root: string;
  const write = (path: string, content: unknown): string => {
    const absolute = join(root, path);
    mkdirSync(join(absolute, '..'), { recursive: true });
    writeFileSync(absolute, content instanceof Uint8Array || typeof content === 'string' ? content : JSON.stringify(content));
    return absolute;
  };
  const load = (options: LoadConfigOptions = {}) => loadConfig({ argv: [], env: {}, cwd: root, ...options });

  before(() => {
    root = mkdtempSync(join(tmpdir(), 'anthill-config-'));
    write('app/bin/conf/server.json', { Settings: { from: 'file', file: 1 }, Anthill: { codec: 'file', processName: 'file', killWaitMs: 1, graceMs: 1 } });
    mkdirSync(join(root, 'bare'));
  });
  after(() => rmSync(root, { recursive: true }));

  test('the default file is read when it is there, and missing is fine when it is not', async () => {
    const found = (await load({ workDir: 'app' })).config;
    assert.equal(found.configFile, join(root, 'app/bin/conf/server.json'));
    assert.equal(found.codec, 'file');
    const none = (await load({ workDir: 'bare' })).config;
    assert.equal(none.configFile, undefined);
    assert.equal(none.codec, 'msgpack');
  });

  test('paths are absolute and count from the work directory; the process does not move', async () => {
    const cwd = process.cwd();
    const { config } = await load({ argv: ['-wd', 'app', '-log', 'logs'] });
    assert.deepEqual([config.workDir, config.logDir, config.biDir], [join(root, 'app'), join(root, 'app/logs'), join(root, 'app/bin/bi')]);
    assert.equal(process.cwd(), cwd);
  });

  test('a file that was asked for must be there; the error names its absolute path', async () => {
    for (const options of [{ argv: ['-wd', 'app', '-conf', 'no/such.json'] }, { workDir: 'app', configFile: 'no/such.json' }, { workDir: 'app', env: { ANTHILL_CONFIG_FILE: 'no/such.json' } }]) {
      const error = await bootRejectionOf(load(options));
      assert.equal(error.reason, 'CONFIG_FILE_MISSING');
      assert.ok(error.message.includes(join(root, 'app/no/such.json')), error.message);
    }
  });

  test('a work directory that is not there is an error', async () => {
    assert.equal((await bootRejectionOf(load({ workDir: 'nowhere' }))).reason, 'WORK_DIR_MISSING');
  });

  test('configFile: false reads no file at all', async () => {
    const { config } = await load({ workDir: 'app', configFile: false, argv: ['-conf', 'no/such.json'] });
    assert.deepEqual([config.configFile, config.codec], [undefined, 'msgpack']);
  });

  test('an unreadable file says why', async () => {
    const directory = await bootRejectionOf(load({ configFile: 'app/bin' }));
    assert.equal(directory.reason, 'CONFIG_UNREADABLE');
    assert.match(directory.message, /it is a directory/);
    const utf16 = write('utf16.json', Buffer.from('\uFEFF{}', 'utf16le'));
    assert.match((await bootRejectionOf(load({ configFile: utf16 }))).message, /UTF-16: save it as UTF-8/);
    assert.equal((await bootRejectionOf(load({ configFile: 'nul\0byte' }))).reason, 'CONFIG_UNREADABLE');
    truncateSync(utf16, 100 << 20);
    assert.match((await bootRejectionOf(load({ configFile: utf16 }))).message, /has 104857600 bytes; the most is 16777216/);
  });

  test('comments in another encoding are a warning only: mqant reads such files', async () => {
    const path = write('gbk.json', Buffer.concat([Buffer.from('{ // '), Buffer.from([0xc4, 0xe3, 0xba, 0xc3]), Buffer.from('\n "Anthill": { "codec": "json" } }')]));
    const { config, warnings } = await load({ configFile: path });
    assert.equal(config.codec, 'json');
    assert.match(warnings[0]!, /is not valid UTF-8/);
  });

  test('defaults < file < sources < environment < options, key by key', async () => {
    const source = { name: 'centre', load: () => Promise.resolve({ name: 'centre', tree: { Settings: { from: 'centre', centre: 1 }, Anthill: { processName: 'centre', killWaitMs: 2, graceMs: 2 } } }) };
    const { config } = await load({
      workDir: 'app',
      sources: [source],
      env: { ANTHILL_KILL_WAIT_MS: '3', ANTHILL_GRACE_MS: '3', ANTHILL_SETTINGS__from: 'environment' },
      overrides: { graceMs: 4, settings: { options: 1 } },
    });
    assert.deepEqual([config.rpc.queue, config.codec, config.processName, config.killWaitMs, config.graceMs], [1024, 'file', 'centre', 3, 4]);
    assert.deepEqual(config.settings, { from: 'environment', file: 1, centre: 1, options: 1 });
  });

  test('for launch values options win over flags, flags over the environment', async () => {
    const env = { ANTHILL_PROCESS_ID: 'e' };
    assert.equal((await load({ env })).config.processId, 'e');
    assert.equal((await load({ env, argv: ['-pid', 'f'] })).config.processId, 'f');
    assert.equal((await load({ env, argv: ['-pid', 'f'], processId: 'o' })).config.processId, 'o');
    assert.equal((await load()).config.processId, 'development');
  });

  test('flag parsing can be off, and then all values have defaults (W-28)', async () => {
    const { config } = await load({ flags: false, argv: ['-pid', 'x', '-conf'] });
    assert.equal(config.processId, 'development');
  });

  test('mistakes of all layers come together, a broken file among them', async () => {
    write('broken/bin/conf/server.json', '{ "a": }');
    const { message, reason } = await bootRejectionOf(
      load({
        workDir: 'broken',
        argv: ['-pid'],
        env: { ANTHILL_GRACE_MS: 'x' },
        sources: [{ name: 'consul kv at c:8500', load: () => Promise.reject(new Error('connection refused')) }],
        overrides: { killWaitMs: -1, ...{ killWait: 1 } },
      }),
    );
    assert.equal(reason, 'BOOT_FAILED');
    for (const part of ['-pid has no value', 'server.json:1:8: expected a value', 'ANTHILL_GRACE_MS must be', 'consul kv at c:8500: connection refused', 'option killWaitMs must be', 'option killWait is an unknown key (did you mean "killWaitMs"?)']) {
      assert.ok(message.includes(part), `${part} is missing in ${message}`);
    }
  });

  test('overrides keep class instances as they are and refuse cycles', async () => {
    const when = new Date(0);
    assert.equal((await load({ overrides: { settings: { when } } })).config.settings.when, when);
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    assert.match((await bootRejectionOf(load({ overrides: { settings: cycle } }))).message, /option settings is nested deeper than 100 levels: is there a cycle\?/);
  });

  test('a reload is a second call: the new snapshot has the new file, the old one stays', async () => {
    write('reload/bin/conf/server.json', { Settings: { v: 1 } });
    const first = (await load({ workDir: 'reload' })).config;
    write('reload/bin/conf/server.json', { Settings: { v: 2 } });
    assert.equal((await load({ workDir: 'reload' })).config.settings.v, 2);
    assert.equal(first.settings.v, 1);
  });
});
