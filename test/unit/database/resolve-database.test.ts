import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DatabaseSection } from '../../../lib/config/database-section.js';
import { placeOf } from '../../../lib/database/database-options.js';
import { resolveDatabase } from '../../../lib/database/resolve-database.js';

const resolve = (config?: DatabaseSection, more: object = {}) => resolveDatabase({ name: 'main', workDir: '/work', ...(config && { config }), ...more });

describe('a database out of code and config', () => {
  it('is embedded, in a file of its name, when nothing is said', () => {
    const { type, file, schema, durability } = resolve();
    assert.deepEqual({ type, file, schema, durability }, { type: 'sqljs', file: '/work/data/main.sqlite', schema: 'sync', durability: 'commit' });
    assert.equal(resolve({ file: 'x/y.sqlite' }).file, '/work/x/y.sqlite');
    assert.equal(resolve({ file: ':memory:' }).file, undefined);
  });

  it('has the parts of its url; single keys win', () => {
    const { type, host, port, database, username, password, schema } = resolve({ url: 'postgresql://me:p%40ss%2F@[::1]:99/my%20db', username: 'you' });
    assert.deepEqual({ type, host, port, database, username, password, schema }, { type: 'postgres', host: '::1', port: 99, database: 'my db', username: 'you', password: 'p@ss/', schema: 'none' });
    assert.equal(resolve({ url: 'mariadb://h/d' }).port, 3306);
    assert.equal(resolve({ url: 'mysql://h/d', type: 'mariadb' }).type, 'mariadb');
  });

  it('lets config win over code key by key, also below pool and options', () => {
    const code = { type: 'mariadb', host: 'code', database: 'code', pool: { max: 3, queue: 7 }, options: { a: 1, b: 1 }, migrations: [class A {}, 'm/*.js'] } as const;
    const settings = resolve({ host: 'config', pool: { max: 5 }, options: { b: 2 }, migrations: ['n.js'] }, { code });
    assert.deepEqual([settings.host, settings.database, settings.pool.max, settings.pool.queue, settings.pool.acquireTimeoutMs, settings.options], ['config', 'code', 5, 7, 2000, { a: 1, b: 2 }]);
    assert.deepEqual(settings.migrations.slice(1), ['/work/m/*.js', '/work/n.js']);
    assert.equal(settings.schema, 'none', 'a server is migrated by command');
    assert.equal(resolve({}, { code: { migrations: [class A {}] } }).schema, 'migrate');
  });

  it('is in memory under test when nothing is said of it, or when all are', () => {
    assert.equal(resolve(undefined, { memory: 'undeclared' }).file, undefined);
    assert.equal(resolve({ durability: 'commit' }, { memory: 'undeclared' }).file, '/work/data/main.sqlite');
    assert.equal(resolve({ type: 'mariadb', host: 'h', database: 'd' }, { memory: 'undeclared' }).type, 'mariadb');
    const all = resolve({ url: 'mariadb://h/d', pool: { max: 2 } }, { memory: 'all' });
    assert.deepEqual([all.type, all.file], ['sqljs', undefined]);
  });

  it('is named without user and password', () => {
    assert.equal(placeOf(resolve({ url: 'mariadb://me:secret@h:1/d' })), 'mariadb at h:1/d');
    assert.equal(placeOf(resolve()), 'file /work/data/main.sqlite');
    assert.equal(placeOf(resolve({ file: ':memory:' })), 'in memory');
  });

  it('tells every mistake, and never a password', () => {
    const mistakes = (config: DatabaseSection): string => {
      try {
        resolve(config);
      } catch (error) {
        return (error as Error).message;
      }
      return assert.fail('no mistake');
    };
    assert.match(mistakes({ host: 'h', password: 'x' }), /host, password are of a server, and there is no type/);
    assert.match(mistakes({ type: 'postgres', file: 'x' }), /1\. .*file is of an embedded[^]*2\. .*there is no database/);
    assert.match(mistakes({ url: 'postgres://h/d', type: 'mariadb' }), /type is mariadb and url is one of postgres/);
    assert.match(mistakes({ url: 'postgres://h/d', type: 'sqljs' }), /type is sqljs and url is one of postgres/);
    assert.match(mistakes({ url: 'postgres://me:secret@h/d?sslmode=require' }), /^(?!.*secret).*url has a query .*"ssl": \{\} is TLS/);
    assert.match(mistakes({ url: 'postgres://me:100%secret@h/d' }), /^(?!.*secret).*url has a "%" that begins no percent-encoding/);
    for (const url of ['redis://me:secret@h/d', 'mariadb//me:secret@h', '']) assert.match(mistakes({ url }), /^(?!.*secret).*url is no address of a database/);
  });
});
