import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BootError } from '../../../lib/common/boot-error.js';
import { kvLayer } from '../../../lib/config/kv-layer.js';
import { hrpcLayout, pathLayout } from '../../../lib/config/kv-layout.js';
import { resolveKvOptions } from '../../../lib/config/kv-options.js';
import { kvText, parseKvValue } from '../../../lib/config/kv-value.js';

const bytes = (text: string) => Buffer.from(text);
const rows = (entries: Record<string, string>) => Object.entries(entries).map(([key, text]) => ({ key, value: bytes(text) }));

describe('config/kv: values', () => {
  for (const value of ['x', '', '007', '{', 'true', 'null', ' padded ', 'ß', 0, -1.5, 1e21, true, false, null, [], {}, [1, [2]], { a: { b: null } }]) {
    test(`${JSON.stringify(value)} is read as it was written`, () => assert.deepEqual(parseKvValue(bytes(kvText(value)), 'k').value, value));
  }

  const written: [text: string, value: unknown][] = [
    ['hello', 'hello'], ['hello world\n', 'hello world\n'], ['', ''], [' \n', ''], ['007', '007'], ['12345678901234567890', '12345678901234567890'], ['1.0', '1.0'], ['0.5', 0.5], ['-3', -3], [' 5 ', 5],
    ['true', true], ['True', 'True'], ['null', null], ['1.2.3', '1.2.3'], ['$env:X', '$env:X'], ['\uFEFF{ "a": 1, }', { a: 1 }], ['// why\n[1]', [1]], ['/* a */ 5', 5],
  ];
  for (const [text, value] of written) test(`${JSON.stringify(text)} is ${JSON.stringify(value)}`, () => assert.deepEqual(parseKvValue(bytes(text), 'k').value, value));

  test('what begins like JSON must be JSON; the message has the place and not the text', () => {
    for (const text of ['{ secret', '["a"', '"open']) {
      assert.throws(() => parseKvValue(bytes(text), 'store: key'), (error) => error instanceof BootError && error.reason === 'CONFIG_SYNTAX' && /^store: key:1:\d+: /.test(error.message) && !error.message.includes('secret'));
    }
    assert.throws(() => parseKvValue(Buffer.alloc(2 << 20), 'store: key'), { reason: 'CONFIG_SYNTAX', message: /2097152 bytes are no config/ });
    assert.throws(() => kvText(undefined), TypeError);
    assert.throws(() => kvText(() => {}), TypeError);
  });
});

describe('config/kv: layers', () => {
  const layout = pathLayout('app/config');

  test('the prefix holds all of it, keys below it parts, deeper ones win; others are none of ours', () => {
    const layer = kvLayer('store', rows({ 'app/config/Settings/a/b': '2', 'app/config': '{ "Settings": { "a": { "b": 1, "c": 1 } } }', 'app/config2/x': '1', 'app/config/Settings/': '', 'app/config/Anthill/graceMs': '5' }), layout, 7n);
    assert.deepEqual(layer.tree, { Settings: { a: { b: 2, c: 1 } }, Anthill: { graceMs: 5 } });
    assert.deepEqual([layer.revision, layer.mistakes], [7n, undefined]);
    assert.equal(layer.at!(['Settings', 'a', 'b']), 'store: app/config/Settings/a/b');
    assert.equal(layer.at!(['Settings', 'a', 'c']), 'store: app/config:1:32: Settings.a.c');
    assert.equal(layer.at!([]), 'store: app/config');
    assert.equal(layer.at!(['Rpc']), 'store: app/config:1:1: Rpc');
  });

  test('what cannot be read is a mistake with its key, all of them', () => {
    const { mistakes } = kvLayer('store', rows({ 'app/config': '[]', 'app/config/Settings/a': '{', 'app/config/Settings/b': '[' }), layout, 1n);
    assert.equal(mistakes!.length, 3);
    assert.ok(mistakes!.every((mistake) => mistake.startsWith('store: app/config')));
  });

  test('keys cannot pollute', () => {
    const { tree } = kvLayer('store', rows({ 'app/config/__proto__/polluted': '1', 'app/config/Settings': '{ "__proto__": { "polluted": 1 }, "constructor": 1 }' }), layout, 1n);
    assert.equal(({} as { polluted?: number }).polluted, undefined);
    assert.deepEqual(Object.keys(tree as object).toSorted(), ['Settings', '__proto__']);
  });
});

describe("config/kv: hrpc's layout", () => {
  const read = (entries: Record<string, string>, service?: string) => kvLayer('consul', rows(entries), hrpcLayout({ environment: 'production', ...(service !== undefined && { service }) }), 1n).tree;

  test('databases are ours, empty texts of Go are not set', () => {
    assert.deepEqual(
      read({
        'production/databases/redis': '{ "address": "r", "port": 6379, "db": 0, "username": "", "password": "", "network": "tcp", "max_retries": -1 }',
        'production/databases/mysql': '{ "address": "m", "dbname": "d", "username": "u", "password": "p", "max_open_conns": 3, "max_idle_conns": 1 }',
        'production/databases/mongodb': '{ "address": "x" }',
        'development/databases/redis': '{ "address": "other" }',
      }),
      {
        Anthill: { redis: { default: { host: 'r', port: 6379, db: 0 } }, databases: { default: { type: 'mysql', host: 'm', database: 'd', username: 'u', password: 'p', pool: { max: 3 } } } },
        Settings: { databases: { mongodb: { address: 'x' } } },
      },
    );
  });

  test("the service's own keys win over common ones, those of others are not read", () => {
    const entries = { 'production/services/a/limit': '1', 'production/limit': '2', 'production/services/b/limit': '3', 'production/deep/key': '"x"', 'production/services/a/deep': '{ "more": 1 }' };
    assert.deepEqual(read(entries, 'a'), { Settings: { limit: 1, deep: { key: 'x', more: 1 } } });
    assert.deepEqual(read(entries), { Settings: { limit: 2, deep: { key: 'x' } } });
  });

  test('keys to write to', () => {
    assert.equal(hrpcLayout({ service: 'a' }).keyOf(['Settings', 'x', 'y']), 'development/services/a/x/y');
    assert.equal(hrpcLayout().keyOf(['Settings', 'x']), 'development/x');
    assert.throws(() => hrpcLayout().keyOf(['Anthill', 'graceMs']), { reason: 'CONFIG_KEY' });
    assert.throws(() => pathLayout('p').keyOf(['Settings', 'a/b']), { reason: 'CONFIG_KEY' });
  });
});

describe('config/kv: options', () => {
  const wrong = (options: object, message: RegExp) => assert.throws(() => resolveKvOptions('x', options, ['layout', 'prefix', 'environment', 'service', 'startup', 'waitMs'], { waitMs: 1000 }), { reason: 'CONFIG_INVALID', message });

  test('are checked together', () => {
    wrong({ perfix: 'a' }, /unknown option "perfix" \(did you mean "prefix"\?\)/);
    wrong({ waitMs: 5 }, /waitMs must be a number of at least 1000/);
    wrong({ prefix: '/a' }, /prefix "\/a" must be parts/);
    wrong({ layout: 'flat' }, /layout must be "path" or "hrpc"/);
    wrong({ environment: 'x' }, /environment and service are for layout "hrpc"/);
    wrong({ layout: 'hrpc', prefix: 'x' }, /prefix is for layout "path"/);
    wrong({ startup: 'maybe' }, /startup must be "fail" or "retry"/);
  });
});
