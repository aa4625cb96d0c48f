import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EtcdRequestError } from '../../../lib/backend/etcd/etcd.client.js';
import { followPrefix } from '../../../lib/backend/etcd/etcd.follow.js';
import { FakeClock, sequence, settle } from '../registry/fake-clock.js';
import { FakeEtcd } from './fake-etcd.js';

function start() {
  const clock = new FakeClock();
  const etcd = new FakeEtcd(clock);
  const ending = new AbortController();
  const states: string[] = [];
  const log: string[] = [];
  const deps = { client: async () => etcd, clock, random: sequence(0.5), succeeded: () => log.push('up'), failed: (cause: unknown) => log.push((cause as Error).message) };
  const ended = (async () => {
    for await (const { rows, events, interrupted } of followPrefix(deps, 'p/', ending.signal)) {
      const kind = events === undefined ? 'list' : 'change';
      states.push(`${kind}${interrupted ? '!' : ''} ${[...rows.values()].map(({ key, value }) => `${key}=${value}`).join()}`);
    }
  })();
  return { clock, etcd, states, log, ended, abort: () => ending.abort() };
}

describe('following a prefix in etcd', () => {
  it('lists once and then takes changes, whole transactions at a time', async () => {
    const f = start();
    await f.etcd.put('p/a', '1');
    await settle();
    await f.etcd.txn({ compare: [], success: [{ put: 'p/b', value: '2' }, { delete: 'p/a' }] });
    await f.etcd.put('q/x', 'not ours');
    await settle();
    assert.deepEqual(f.states, ['list p/a=1', 'change p/b=2']);
    assert.equal(f.etcd.asked.filter((what) => what === 'range').length, 1);
    f.abort();
    await f.ended;
    assert.equal(f.etcd.watching, 0);
  });

  it('misses nothing that happens between list and watch', async () => {
    const f = start();
    // The list is under way; the watch is not there yet.
    await f.etcd.put('p/a', '1');
    await f.etcd.put('p/b', '2');
    await settle();
    assert.match(f.states.at(-1)!, / p\/a=1,p\/b=2$/);
    f.abort();
    await f.ended;
  });

  it('backs off while etcd is away, lists anew when it is back, and says that it was interrupted', async () => {
    const f = start();
    await f.etcd.put('p/a', '1');
    await settle();
    f.etcd.takeAway();
    await f.clock.advance(60_000);
    const tries = f.etcd.asked.filter((what) => what === 'range').length;
    assert.ok(tries > 10 && tries < 40, `${tries} tries in a minute`);
    f.etcd.comeBack();
    await f.clock.advance(4000);
    await f.etcd.put('p/b', '2');
    await settle();
    assert.deepEqual(f.states, ['list p/a=1', 'list! p/a=1', 'change p/a=1,p/b=2']);
    assert.deepEqual([f.log[0], f.log[1], f.log.at(-1)], ['up', 'etcd is away', 'up']);
    f.abort();
    await f.ended;
  });

  it('lists again at once after a compaction, which is no outage', async () => {
    const f = start();
    await f.etcd.put('p/a', '1');
    await settle();
    await f.etcd.put('p/a', '2');
    f.etcd.breakWatches(new EtcdRequestError('compacted', 'list again', 3n));
    await f.clock.advance(300);
    await f.etcd.put('p/a', '3');
    await settle();
    assert.deepEqual(f.states, ['list p/a=1', 'change p/a=2', 'list p/a=2', 'change p/a=3']);
    assert.deepEqual(f.log, ['up', 'up']);
    f.abort();
    await f.ended;
  });

  it('does not become hot when every watch is compacted', async () => {
    const f = start();
    await settle();
    for (let i = 0; i < 20; i++) {
      f.etcd.breakWatches(new EtcdRequestError('compacted', 'list again', 1n));
      await f.clock.advance(50);
    }
    assert.ok(f.etcd.asked.filter((what) => what === 'range').length <= 7);
    f.abort();
    await f.ended;
  });

  it('tells that the store has lost revisions', async () => {
    const f = start();
    for (const key of ['p/a', 'p/b', 'p/c']) await f.etcd.put(key, '1');
    await settle();
    f.etcd.wipe();
    f.etcd.breakWatches(new EtcdRequestError('compacted', 'list again', 1n));
    await f.clock.advance(300);
    assert.equal(f.states.at(-1), 'list! ');
    f.abort();
    await f.ended;
  });

  it('ends when its signal aborts, in whatever it does', async () => {
    const waiting = start();
    waiting.etcd.takeAway();
    await waiting.clock.advance(1000);
    waiting.abort();
    await waiting.ended;
    assert.equal(waiting.clock.pending, 0);
    const early = start();
    early.abort();
    await early.ended;
    assert.deepEqual(early.states, []);
  });
});
