import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { ConfigLayer, KeyPath } from '../config/config-layer.js';
import type { ConfigSource } from '../config/config-source.js';

/** One backend for the suite. @public */
export interface ConfigSourceFixture {
  /** A source over the same backend as another process would have it. Each group of tests wants keys of its own: put `prefix` before them. The suite closes it. */
  open(prefix: string): ConfigSource;
  /** Puts a text under `Settings/<key>`, as a person at the store would. */
  put(prefix: string, key: string, text: string): Promise<void>;
  /** Ends the backend. */
  dispose?(): Promise<void>;
}

/** Nothing in the suite waits longer for an event. */
const PATIENCE_MS = 15_000;

type Full = Required<Pick<ConfigSource, 'watch' | 'read' | 'write' | 'close'>> & ConfigSource;

/**
 * What a config source that can be watched and written to must do; registers a `describe` of node:test. The source in memory is the reference and passes it, and so must
 * an adapter of yours.
 * @public
 */
export function configSourceContract(name: string, create: () => Promise<ConfigSourceFixture> | ConfigSourceFixture): void {
  describe(`config source contract: ${name}`, { timeout: 120_000 }, () => {
    let fixture: ConfigSourceFixture;
    const opened: ConfigSource[] = [];
    const space = () => {
      const prefix = `contract/${randomBytes(6).toString('hex')}`;
      const open = (): Full => {
        const source = fixture.open(prefix) as Full;
        opened.push(source);
        return source;
      };
      return { open, put: (key: string, text: string) => fixture.put(prefix, key, text) };
    };

    before(async () => {
      fixture = await create();
    });
    after(async () => {
      for (const source of opened) await source.close?.();
      await fixture.dispose?.();
    });

    it('is empty where nobody has written, and says so in one read', async () => {
      const source = space().open();
      assert.deepEqual((await source.load()).tree, {});
      assert.equal(await source.read(['Settings', 'a']), undefined);
    });

    it('gives back every kind of value as it was written', async () => {
      const source = space().open();
      const values: Record<string, unknown> = { text: 'x', empty: '', odd: '{ not json', number: 0.5, id: '007', yes: true, no: false, list: [1, 'a', null], deep: { a: { b: [] } }, 'ß 键': '值' };
      for (const [key, value] of Object.entries(values)) await source.write(['Settings', key], value);
      assert.deepEqual(settingsOf(await source.load()), values);
      for (const [key, value] of Object.entries(values)) assert.deepEqual((await source.read(['Settings', key]))!.value, value);
    });

    it('what people write: JSON with comments, words that are themselves, and what is broken with its place', async () => {
      const { open, put } = space();
      const source = open();
      await put('commented', '{ "a": 1, /* why */ }');
      await put('word', 'hello');
      assert.deepEqual(settingsOf(await source.load()), { commented: { a: 1 }, word: 'hello' });
      await put('broken', '{ "a": \n oops }');
      const { mistakes } = await source.load();
      assert.match(mistakes![0]!, /broken:2:2: /);
      assert.ok(!mistakes![0]!.includes('oops'), 'a value may be a secret: it stands in no message');
    });

    it('keys are paths, the deeper one wins, and messages name the key', async () => {
      const source = space().open();
      await source.write(['Settings', 'a'], { x: 1, y: { z: 1 } });
      await source.write(['Settings', 'a', 'y', 'z'], 2);
      const layer = await source.load();
      assert.deepEqual(settingsOf(layer), { a: { x: 1, y: { z: 2 } } });
      assert.match(layer.at!(['Settings', 'a', 'x']), /Settings\/a:1:2: x$/);
      assert.match(layer.at!(['Settings', 'a', 'y', 'z']), /Settings\/a\/y\/z$/);
    });

    it('survives keys that are not keys', async () => {
      const source = space().open();
      for (const key of ['__proto__', 'constructor', 'toString']) await source.write(['Settings', key], { polluted: true });
      const settings = settingsOf(await source.load()) as object;
      assert.deepEqual(Object.keys(settings).sort(), ['__proto__', 'constructor', 'toString']);
      assert.equal(({} as { polluted?: boolean }).polluted, undefined);
      for (const path of [['Settings', ''], ['Settings', 'a/b']]) await assert.rejects(source.write(path, 1), { reason: 'CONFIG_KEY' });
    });

    it('compare-and-set: only on the version that stands there; 0 is that of a key that is not there', async () => {
      const { open } = space();
      const [ours, theirs] = [open(), open()];
      const path: KeyPath = ['Settings', 'n'];
      const first = await ours.write(path, 1, { ifVersion: '0' });
      assert.equal((await theirs.read(path))!.version, first);
      await assert.rejects(theirs.write(path, 2, { ifVersion: '0' }), { reason: 'CONFIG_CONFLICT', code: 'ABORTED' });
      const second = await theirs.write(path, 2, { ifVersion: first });
      assert.notEqual(second, first);
      await assert.rejects(ours.write(path, 3, { ifVersion: first }), { reason: 'CONFIG_CONFLICT' });
      await assert.rejects(ours.write(path, undefined, { ifVersion: first }), { reason: 'CONFIG_CONFLICT' });
      assert.deepEqual(await ours.read(path), { value: 2, version: second });
      await ours.write(path, undefined, { ifVersion: second });
      assert.equal(await theirs.read(path), undefined);
      await ours.write(path, 4, { ifVersion: '0' });
      await ours.write(path, undefined);
      await ours.write(path, undefined);
    });

    it('of many who count at the same time none is lost', async () => {
      const { open } = space();
      const [one, two] = [open(), open()];
      const path: KeyPath = ['Settings', 'n'];
      await one.write(path, 0);
      const count = async (source: Full): Promise<void> => {
        for (let done = 0; done < 10; ) {
          const { value, version } = (await source.read(path))!;
          await source.write(path, Number(value) + 1, { ifVersion: version }).then(
            () => done++,
            (error: { reason?: string }) => assert.equal(error.reason, 'CONFIG_CONFLICT'),
          );
        }
      };
      await Promise.all([count(one), count(two), count(one)]);
      assert.equal((await two.read(path))!.value, 30);
    });

    it('watches: what is there first, then changes by others, taken out keys too', async () => {
      const { open } = space();
      const [ours, theirs] = [open(), open()];
      await theirs.write(['Settings', 'a'], 1);
      const watched = follow(ours);
      assert.deepEqual(await watched.next(), { a: 1 });
      await theirs.write(['Settings', 'a'], 2);
      await watched.until({ a: 2 });
      await theirs.write(['Settings', 'b', 'c'], 'x');
      await watched.until({ a: 2, b: { c: 'x' } });
      await theirs.write(['Settings', 'a'], undefined);
      await watched.until({ b: { c: 'x' } });
      await watched.end();
    });

    it('a revision that can be waited for comes with each change', async () => {
      const { open } = space();
      const [ours, theirs] = [open(), open()];
      const watched = follow(ours);
      await watched.next();
      const version = BigInt(await theirs.write(['Settings', 'a'], 1));
      const layer = await watched.layer(({ revision }) => revision! >= version);
      assert.deepEqual(settingsOf(layer), { a: 1 });
      await watched.end();
    });

    it('a hundred changes at once: states go forward only, and the last is reached', async () => {
      const { open } = space();
      const [ours, theirs] = [open(), open()];
      const watched = follow(ours);
      await watched.next();
      const writing = (async () => {
        for (let n = 1; n <= 100; n++) await theirs.write(['Settings', 'n'], n);
      })();
      let last = 0;
      while (last < 100) {
        const { n } = (await watched.next()) as { n: number };
        assert.ok(n >= last, `${n} after ${last}`);
        last = n;
      }
      await writing;
      await watched.end();
    });

    it('does not repeat itself while nothing changes, nor for keys of others', async () => {
      const { open } = space();
      const [ours, theirs] = [open(), open()];
      const watched = follow(ours);
      await watched.next();
      await space().open().write(['Settings', 'a'], 1);
      await theirs.write(['Settings', 'mine'], 1);
      assert.deepEqual(await watched.next(), { mine: 1 });
      await watched.end();
    });

    it('ends a watch at once when its signal aborts, and when it is closed', async () => {
      const source = space().open();
      const watched = follow(source);
      await watched.next();
      const startedAt = performance.now();
      await watched.end();
      assert.ok(performance.now() - startedAt < 1000, 'an aborted watch must not wait for its next change');
      for await (const layer of source.watch(AbortSignal.abort())) assert.fail(`an aborted watch yields nothing, got ${JSON.stringify(layer)}`);
      const other = follow(source);
      await other.next();
      await source.close();
      await other.ended();
    });
  });
}

function settingsOf(layer: ConfigLayer): unknown {
  assert.equal(layer.mistakes, undefined);
  return (layer.tree as { Settings?: unknown }).Settings ?? {};
}

/** A watch that a test steps through, with a limit to its patience. */
function follow(source: Full, aborter = new AbortController()) {
  const iterator = source.watch(aborter.signal)[Symbol.asyncIterator]();
  const step = async (what: string): Promise<IteratorResult<ConfigLayer>> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new assert.AssertionError({ message: `${what} within ${PATIENCE_MS} ms` })), PATIENCE_MS);
    });
    try {
      return await Promise.race([iterator.next(), late]);
    } finally {
      clearTimeout(timer);
    }
  };
  const layer = async (fits: (layer: ConfigLayer) => boolean = () => true): Promise<ConfigLayer> => {
    for (;;) {
      const { done, value } = await step('no change');
      if (done) assert.fail('the watch ended by itself');
      if (fits(value as ConfigLayer)) return value as ConfigLayer;
    }
  };
  const next = async (): Promise<unknown> => settingsOf(await layer());
  const ended = async (): Promise<void> => assert.equal((await step('no end of the watch')).done, true, 'the watch goes on after its end');
  return {
    layer,
    next,
    ended,
    async until(settings: unknown): Promise<void> {
      const wanted = JSON.stringify(settings);
      await layer((each) => JSON.stringify(settingsOf(each)) === wanted);
    },
    async end(): Promise<void> {
      aborter.abort();
      await ended();
    },
  };
}
