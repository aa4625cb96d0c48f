import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { withCache } from '../../../lib/config/cached.source.js';
import type { ConfigSource } from '../../../lib/config/config-source.js';
import { memoryConfig, MemoryConfigHub } from '../../../lib/config/memory.source.js';

describe('config/cached source', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'anthill-cache-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const away: ConfigSource = { name: 'memory config', load: () => Promise.reject(new Error('it is away')) };

  test('keeps what was read, for its owner, and gives it back while the source is away', async () => {
    const file = join(folder, 'deep', 'copy.json');
    const hub = new MemoryConfigHub();
    hub.put('Settings/a', '1');
    await withCache(memoryConfig(hub), file).load();
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const cached = withCache(away, file);
    const layer = await cached.load();
    assert.deepEqual(layer.tree, { Settings: { a: 1 } });
    assert.match(layer.name, /^memory config \(its copy of \d{4}-.*copy\.json\)$/);
    assert.deepEqual([cached.health!().status, /^it is away; its copy of .* is in use$/.test(cached.health!().detail!)], ['down', true]);
  });

  test('a watch keeps each state, but not one with mistakes', async () => {
    const file = join(folder, 'watched.json');
    const hub = new MemoryConfigHub();
    const source = withCache(memoryConfig(hub), file);
    const watch = source.watch!(new AbortController().signal)[Symbol.asyncIterator]();
    await watch.next();
    hub.put('Settings/a', '2');
    await watch.next();
    hub.put('Settings/a', '{');
    await watch.next();
    assert.deepEqual((JSON.parse(readFileSync(file, 'utf8')) as { tree: unknown }).tree, { Settings: { a: 2 } });
    await source.close!();
  });

  test('no copy, a broken one and one of another source are none: the cause is told', async () => {
    await assert.rejects(withCache(away, join(folder, 'none')).load(), /it is away/);
    for (const text of ['{', '[]', '{ "source": "other", "at": 1, "tree": {} }']) {
      writeFileSync(join(folder, 'bad'), text);
      await assert.rejects(withCache(away, join(folder, 'bad')).load(), /it is away/, text);
    }
  });

  test('a copy that cannot be written is told by health and stops nothing', async () => {
    const source = withCache(memoryConfig(), folder);
    await source.load();
    assert.match(source.health!().detail!, /cannot be written/);
  });

  test('without a file it is the source itself', () => assert.equal(withCache(away, undefined), away));
});
