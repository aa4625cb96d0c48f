import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ConsulClient } from '../../../lib/backend/consul/consul.client.js';
import { resolveConsulOptions } from '../../../lib/registry/consul/consul.options.js';
import type { ConsulHealthEntry } from '../../../lib/backend/consul/consul.rows.js';
import { readRows } from '../../../lib/registry/consul/read-rows.js';
import { HeldConnections, watchName } from '../../../lib/registry/consul/consul.watch.js';
import type { ServiceSnapshot } from '../../../lib/registry/registry.js';
import { snapshotOf } from '../../../lib/registry/snapshot.js';
import { FakeClock, sequence, settle } from './fake-clock.js';

type Answer = { index: bigint; entries: readonly ConsulHealthEntry[] };
type Query = { index: bigint; waitMs: number } | undefined;

const rows = (...ids: string[]): ConsulHealthEntry[] => ids.map((id) => ({ Service: { ID: `a@${id}`, Service: 'a', Address: id, Tags: [] }, Checks: [] }));

/** A watch of service `a` against a Consul whose answers a test gives one by one. */
function startWatch(options: { holdMs?: number; limit?: number; recent?: string[] } = {}) {
  const clock = new FakeClock();
  const aborter = new AbortController();
  const queries: { at: number; block: Query }[] = [];
  const log: string[] = [];
  let pending: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;
  const client = {
    health(_service: string, block: Query, signal: AbortSignal) {
      queries.push({ at: clock.now(), block });
      return new Promise<Answer>((resolve, reject) => {
        const onAbort = () => reject(new Error('aborted'));
        const end = () => signal.removeEventListener('abort', onAbort);
        signal.addEventListener('abort', onAbort);
        pending = { resolve: (answer) => (end(), resolve(answer)), reject: (error) => (end(), reject(error)) };
      });
    },
  } as unknown as ConsulClient;
  const snapshots: string[] = [];
  const objects: ServiceSnapshot[] = [];
  const deps = {
    client: async () => client,
    options: resolveConsulOptions({ clock, random: sequence(0.5), holdMs: options.holdMs ?? 10_000, waitMs: 30_000 }),
    held: new HeldConnections(options.limit ?? 64),
    ...(options.recent && { recent: snapshotOf('a', readRows('a', 'a', rows(...options.recent), [])) }),
    events: { succeeded: () => log.push('up'), failed: () => log.push('down'), restarted: () => log.push('restarted') },
  };
  const ended = (async () => {
    for await (const snapshot of watchName(deps, { name: 'a', type: 'a', records: [] }, aborter.signal)) {
      objects.push(snapshot);
      snapshots.push(snapshot.nodes.map((node) => node.address).join());
    }
  })();
  const reply = async (act: (query: NonNullable<typeof pending>) => void) => {
    await settle();
    assert.ok(pending, 'no query is waiting for an answer');
    const query = pending;
    pending = undefined;
    act(query);
    await settle();
  };
  return {
    clock,
    queries,
    snapshots,
    objects,
    log,
    ended,
    abort: () => aborter.abort(),
    answer: (index: number, ...ids: string[]) => reply(({ resolve }) => resolve({ index: BigInt(index), entries: rows(...ids) })),
    fail: () => reply(({ reject }) => reject(new Error('away'))),
    waiting: () => pending !== undefined,
  };
}

describe('consul watch', () => {
  it('asks once without index, then holds with the index it got', async () => {
    const w = startWatch();
    await w.answer(7, 'x');
    await w.clock.advance(50);
    await w.answer(9, 'x', 'y');
    await w.clock.advance(50);
    assert.deepEqual(w.snapshots, ['x', 'x,y']);
    assert.deepEqual(w.queries.map(({ block }) => block), [undefined, { index: 7n, waitMs: 30_000 }, { index: 9n, waitMs: 30_000 }]);
    w.abort();
    await w.ended;
  });

  it('ends at once on abort, in the middle of a held query and between queries', async () => {
    const held = startWatch();
    await held.answer(1, 'x');
    await held.clock.advance(50);
    held.abort();
    await held.ended;
    const pausing = startWatch();
    await pausing.fail();
    pausing.abort();
    await pausing.ended;
    assert.equal(pausing.clock.pending, 0, 'no timer stays behind');
  });

  it('goes on soon after an index that moved and brought nothing, less and less often, and at once after news', async () => {
    const w = startWatch();
    await w.answer(7, 'x');
    await w.clock.advance(50);
    for (const [i, spacing] of [100, 200, 400, 800, 1000, 1000].entries()) {
      const asked = w.queries.length;
      await w.answer(8 + i, 'x');
      await w.clock.advance(spacing - 1);
      assert.equal(w.queries.length, asked, `${spacing}`);
      await w.clock.advance(1);
      assert.equal(w.queries.length, asked + 1, `${spacing}`);
    }
    await w.answer(16, 'x', 'y');
    await w.clock.advance(50);
    const asked = w.queries.length;
    await w.answer(17, 'x', 'y');
    await w.clock.advance(100);
    assert.equal(w.queries.length, asked + 1);
    w.abort();
    await w.ended;
  });

  it('does not ask more than once a second when the index does not move', async () => {
    const w = startWatch();
    await w.answer(7, 'x');
    await w.clock.advance(50);
    for (let i = 0; i < 20; i++) {
      await w.answer(7, 'x');
      await w.clock.advance(1000);
    }
    for (let i = 2; i < w.queries.length; i++) assert.ok(w.queries[i]!.at - w.queries[i - 1]!.at >= 1000);
    assert.deepEqual(w.snapshots, ['x'], 'the same content is said once');
    w.abort();
    await w.ended;
  });

  it('holds on after a quiet hold without a pause', async () => {
    const w = startWatch();
    await w.answer(7, 'x');
    await w.clock.advance(30_000);
    const before = w.clock.now();
    await w.answer(7, 'x');
    assert.equal(w.queries.at(-1)!.at, before);
    w.abort();
    await w.ended;
  });

  it('backs off on errors, at least a second and at most four, and keeps quiet meanwhile', async () => {
    const w = startWatch();
    await w.answer(7, 'x');
    await w.clock.advance(50);
    const gaps: number[] = [];
    for (let i = 0; i < 10; i++) {
      await w.fail();
      const failedAt = w.clock.now();
      while (!w.waiting()) await w.clock.advance(100);
      gaps.push(w.queries.at(-1)!.at - failedAt);
    }
    assert.deepEqual(gaps, [1500, ...Array<number>(9).fill(3000)], 'half of 2 s, then half of 4 s, plus half of as much by chance');
    assert.equal(w.queries.at(-1)!.block, undefined, 'it starts over without an index');
    assert.deepEqual(w.snapshots, ['x']);
    w.abort();
    await w.ended;
  });

  it('starts over when the index goes back, and heals', async () => {
    const w = startWatch();
    await w.answer(100, 'x');
    await w.clock.advance(50);
    await w.answer(5, 'x');
    assert.equal(w.log.at(-1), 'restarted');
    await w.clock.advance(1000);
    await w.answer(5, 'x');
    await w.clock.advance(1000);
    assert.deepEqual(w.queries.map(({ block }) => block?.index), [undefined, 100n, undefined, 5n]);
    w.abort();
    await w.ended;
  });

  it('lives with an index that is always 0: one query a second, no hold, no healing', async () => {
    const w = startWatch();
    for (const ids of [['x'], ['x', 'y'], ['y'], []]) {
      await w.answer(0, ...ids);
      await w.clock.advance(1000);
    }
    assert.deepEqual(w.snapshots, ['x', 'x,y', 'y', '']);
    assert.ok(w.queries.every(({ block }) => block === undefined));
    assert.ok(!w.log.includes('restarted'));
    w.abort();
    await w.ended;
  });

  it('does not believe an empty list right after a restart, until the hold is over', async () => {
    const w = startWatch({ holdMs: 10_000 });
    await w.answer(100, 'x', 'y');
    await w.clock.advance(50);
    await w.answer(5);
    await w.clock.advance(1000);
    await w.answer(6);
    await w.clock.advance(1000);
    assert.deepEqual(w.snapshots, ['x,y']);
    assert.ok(w.queries.at(-1)!.block!.waitMs <= 9000, 'a held query ends with the hold');
    await w.clock.advance(8000);
    await w.answer(6);
    assert.deepEqual(w.snapshots, ['x,y', ''], 'after the hold the answer counts');
    w.abort();
    await w.ended;
  });

  it('takes in what comes back during the hold, and drops at its end what did not', async () => {
    const w = startWatch({ holdMs: 10_000 });
    await w.answer(100, 'x', 'y');
    await w.clock.advance(50);
    await w.fail();
    await w.clock.advance(4000);
    await w.answer(200, 'y', 'z');
    assert.deepEqual(w.snapshots, ['x,y', 'x,y,z'], 'an outage counts as a restart even when the index moved on');
    await w.clock.advance(10_000);
    await w.answer(200, 'y', 'z');
    assert.deepEqual(w.snapshots.at(-1), 'y,z');
    assert.equal(w.objects[1]!.nodes[1], w.objects[0]!.nodes[1]);
    w.abort();
    await w.ended;
  });

  it('keeps what a question brought when Consul restarts before the first answer of the watch', async () => {
    const w = startWatch({ recent: ['x', 'y'] });
    await w.fail();
    await w.clock.advance(4000);
    await w.answer(5, 'y');
    assert.deepEqual(w.snapshots, ['x,y']);
    await w.clock.advance(10_000);
    await w.answer(5, 'y');
    assert.deepEqual(w.snapshots, ['x,y', 'y']);
    const quiet = startWatch({ recent: ['x', 'y'] });
    await quiet.answer(5, 'y');
    assert.deepEqual(quiet.snapshots, ['y']);
    for (const watch of [w, quiet]) {
      watch.abort();
      await watch.ended;
    }
  });

  it('believes an empty list at once in quiet times', async () => {
    const w = startWatch();
    await w.answer(7, 'x');
    await w.clock.advance(50);
    await w.answer(8);
    assert.deepEqual(w.snapshots, ['x', '']);
    w.abort();
    await w.ended;
  });

  it('asks every five seconds when all connections for holding are taken', async () => {
    const w = startWatch({ limit: 0 });
    await w.answer(7, 'x');
    await w.clock.advance(50);
    await w.answer(7, 'x');
    await w.clock.advance(5000);
    await w.answer(8, 'x', 'y');
    await w.clock.advance(5000);
    assert.ok(w.queries.every(({ block }) => block === undefined));
    assert.deepEqual(w.queries.map(({ at }) => at), [0, 50, 5050, 10_050]);
    assert.deepEqual(w.snapshots, ['x', 'x,y']);
    w.abort();
    await w.ended;
  });
});
