import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { BootError } from '../../../lib/common/boot-error.js';
import { maskTree } from '../../../lib/config/mask.js';
import { Secrets } from '../../../lib/config/secrets.js';
import { configOf } from './support.js';

const CANARY = 'canary-5ecret';

describe('config/secrets', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'anthill-secrets-'));
    writeFileSync(join(folder, 'pw'), `${CANARY}\n`);
  });
  after(() => rmSync(folder, { recursive: true }));
  const secrets = (env: Record<string, string> = {}) => new Secrets(env, folder);

  test('reads variables and files, relative ones from the work directory, without the last line break', () => {
    assert.equal(secrets({ A: 'x' }).reveal('$env:A', ['k']), 'x');
    assert.equal(secrets().reveal('$file:pw', ['k']), CANARY);
    assert.equal(secrets().reveal(`$file:${join(folder, 'pw')}`, ['k']), CANARY);
  });

  test('replaces whole values wherever they stand, and gives back the same object when there are none', () => {
    const tree = { list: ['$env:A', 'b'], deep: { key: '$env:A', text: 'a $env:A b', n: 1 } };
    assert.deepEqual(secrets({ A: 'x' }).reveal(tree, []), { list: ['x', 'b'], deep: { key: 'x', text: 'a $env:A b', n: 1 } });
    const plain = { a: ['b'] };
    assert.equal(secrets().reveal(plain, []), plain);
  });

  test('one that leads nowhere is named by key and place, never by a value', () => {
    const wrong = (fn: () => unknown, message: string) => assert.throws(fn, (error) => error instanceof BootError && error.reason === 'CONFIG_SECRET' && error.message === message);
    wrong(() => secrets().reveal({ api: { key: '$env:NONE' } }, ['Settings']), 'Settings.api.key is $env:NONE, but the environment variable NONE is not set');
    wrong(() => secrets({ EMPTY: '' }).reveal('$env:EMPTY', ['k']), 'k is $env:EMPTY, but the environment variable EMPTY is not set');
    wrong(() => secrets().reveal('$file:none', ['k']), `k is $file:none, but ${join(folder, 'none')} cannot be read (ENOENT)`);
    wrong(() => secrets().reveal('$file:.', ['k']), `k is $file:., but ${folder} cannot be read (EISDIR)`);
  });

  test('what comes back hides them from every printer, at every level', () => {
    const tree = secrets({ A: CANARY }).reveal({ where: { inner: ['$env:A'], plain: 'shown' }, other: '$env:A' }, []);
    assert.equal(tree.where.inner[0], CANARY);
    for (const part of [tree, tree.where, tree.where.inner]) {
      assert.ok(!JSON.stringify(part).includes(CANARY));
      assert.ok(!inspect(part, { depth: 9 }).includes(CANARY));
      assert.ok(!inspect({ wrapped: [part] }, { depth: 9 }).includes(CANARY));
    }
    assert.ok(JSON.stringify(tree).includes('shown'));
  });
});

describe('config/mask', () => {
  test('keys like password, all below them, and passwords in addresses', () => {
    const tree = maskTree({ password: 'p1', credentials: { id: 'p2', more: ['p3', 4] }, url: 'redis://u:p5@h/0', name: 'n', ref: { token: '$env:T' }, none: { token: '' } });
    const shown = { password: '***', credentials: { id: '***', more: ['***', '***'] }, url: 'redis://***@h/0', name: 'n', ref: { token: '$env:T' }, none: { token: '' } };
    assert.deepEqual(JSON.parse(JSON.stringify(tree)), shown);
    assert.equal(inspect(tree, { depth: 9 }), inspect(shown, { depth: 9 }));
    assert.deepEqual([tree.password, tree.credentials.id, tree.url], ['p1', 'p2', 'redis://u:p5@h/0']);
  });

  test('leaves no trace where it is compared or listed, and bears cycles', () => {
    const tree: Record<string, unknown> = { password: 'x', list: [] };
    tree['self'] = tree;
    maskTree(tree);
    assert.deepEqual(Object.keys(tree), ['password', 'list', 'self']);
    const free = { a: 1, b: ['c'] };
    assert.deepEqual(Reflect.ownKeys(maskTree(free)), ['a', 'b']);
  });

  test('instances stay instances', () => {
    class Account {
      password = CANARY;
      name = 'n';
    }
    const account = maskTree(new Account());
    assert.equal(inspect(account), "Account { password: '***', name: 'n' }");
    assert.equal(account.password, CANARY);
  });

  test('a whole config', () => {
    const config = configOf({ Settings: { db: { password: CANARY } }, Anthill: { transport: { name: 'nats', token: CANARY }, redis: { default: { url: `redis://:${CANARY}@h` } }, modules: { a: { settings: { apiKey: CANARY } } } } });
    for (const part of [config, config.settings, config.transport, config.redis, config.moduleOf('a'), config.moduleOf('a').settings]) {
      assert.ok(!JSON.stringify(part).includes(CANARY));
      assert.ok(!inspect(part, { depth: 9 }).includes(CANARY));
    }
    assert.equal((config.settings['db'] as { password: string }).password, CANARY);
  });
});
