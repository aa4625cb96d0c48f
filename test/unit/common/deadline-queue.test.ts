import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../lib/common/clock.js';
import { DeadlineEntry, DeadlineQueue } from '../../../lib/common/deadline-queue.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { seeded } from '../rpc/support.js';

class Entry extends DeadlineEntry {
  firedAt: number | undefined;
  fired = 0;
  constructor(
    private readonly clock: { now(): number },
    private readonly then: () => void = () => {},
  ) {
    super();
  }
  onDeadline(): void {
    this.fired++;
    this.firedAt = this.clock.now();
    this.then();
  }
}

test('random deadlines: none early, none later than two granularities, removed ones never, each once', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seeded(seed);
    const clock = new FakeClock(random() * 1000);
    const queue = new DeadlineQueue(clock, 10);
    const entries: { entry: Entry; at: number; removed: boolean }[] = [];
    for (let step = 0; step < 300; step++) {
      const dice = random();
      if (dice < 0.5) {
        const entry = new Entry(clock);
        const at = clock.now() + random() * 500;
        queue.add(entry, at);
        entries.push({ entry, at, removed: false });
      } else if (dice < 0.7 && entries.length > 0) {
        const chosen = entries[Math.floor(random() * entries.length)]!;
        queue.remove(chosen.entry);
        if (chosen.entry.fired === 0) chosen.removed = true;
      } else {
        clock.advance(random() * 30);
      }
      for (const { entry, at, removed } of entries) {
        if (removed) assert.equal(entry.fired, 0, `seed ${seed}: removed`);
        else if (entry.fired > 0) assert.ok(entry.firedAt! >= at && entry.firedAt! <= at + 20, `seed ${seed}: due ${at}, fired ${entry.firedAt}`);
        else assert.ok(clock.now() <= at + 20, `seed ${seed}: due ${at}, still waiting at ${clock.now()}`);
      }
    }
    assert.equal(queue.size, entries.filter(({ entry, removed }) => entry.fired === 0 && !removed).length);
    clock.advance(1000);
    assert.equal(queue.size, 0);
    assert.ok(entries.every(({ entry, removed }) => entry.fired === (removed ? 0 : 1)));
    assert.equal(clock.pending, 0, 'no timer for nothing');
  }
});

test('adding again moves the entry', () => {
  const clock = new FakeClock();
  const queue = new DeadlineQueue(clock);
  const entry = new Entry(clock);
  queue.add(entry, clock.now() + 100);
  queue.add(entry, clock.now() + 500);
  assert.equal(queue.size, 1);
  clock.advance(300);
  assert.equal(entry.fired, 0);
  clock.advance(300);
  assert.equal(entry.fired, 1);
});

test('removing what is not queued, or twice, does nothing', () => {
  const clock = new FakeClock();
  const queue = new DeadlineQueue(clock);
  const [a, b] = [new Entry(clock), new Entry(clock)];
  queue.remove(a);
  queue.add(a, clock.now() + 10);
  queue.add(b, clock.now() + 10);
  queue.remove(a);
  queue.remove(a);
  assert.equal(queue.size, 1);
  clock.advance(50);
  assert.deepEqual([a.fired, b.fired], [0, 1]);
});

test('an entry that removes its neighbour, adds another, or throws, costs none of the others', () => {
  const clock = new FakeClock();
  const queue = new DeadlineQueue(clock);
  const at = clock.now() + 10;
  const victim = new Entry(clock);
  const next = new Entry(clock);
  const remover = new Entry(clock, () => queue.remove(victim));
  const adder = new Entry(clock, () => queue.add(next, clock.now()));
  const thrower = new Entry(clock, () => {
    throw new Error('in onDeadline');
  });
  const last = new Entry(clock);
  for (const entry of [remover, victim, thrower, adder, last]) queue.add(entry, at);
  const later = new Entry(clock);
  queue.add(later, at + 100);
  assert.throws(() => clock.advance(20), /in onDeadline/);
  clock.advance(200);
  assert.deepEqual([remover, victim, thrower, adder, last, next, later].map(({ fired }) => fired), [1, 0, 1, 1, 1, 1, 1]);
  assert.equal(queue.size, 0);
});

test('far deadlines that come to nothing leave a bounded number of buckets', () => {
  const clock = new FakeClock();
  const queue = new DeadlineQueue(clock);
  const entry = new Entry(clock);
  for (let i = 0; i < 100_000; i++) {
    queue.add(entry, clock.now() + 3_600_000 + i * 10);
    queue.remove(entry);
  }
  assert.ok((queue as unknown as { buckets: Map<number, unknown> }).buckets.size <= 4096);
  queue.add(entry, clock.now() + 50);
  clock.advance(70);
  assert.equal(entry.fired, 1);
});

test('close fires nothing, and removing afterwards is harmless', () => {
  const clock = new FakeClock();
  const queue = new DeadlineQueue(clock);
  const entries = Array.from({ length: 10 }, () => new Entry(clock));
  for (const [i, entry] of entries.entries()) queue.add(entry, clock.now() + i * 7);
  queue.close();
  clock.advance(1000);
  for (const entry of entries) queue.remove(entry);
  assert.ok(entries.every(({ fired }) => fired === 0));
  assert.deepEqual([queue.size, clock.pending], [0, 0]);
});

test('the real clock: deadlines past the longest timer do not fire at once, near ones fire, and not early', async (t) => {
  const queue = new DeadlineQueue(systemClock);
  // Its far timer would hold the process.
  t.after(() => queue.close());
  const far = new Entry(systemClock);
  queue.add(far, systemClock.now() + 2 ** 40);
  const from = systemClock.now();
  await new Promise<void>((resolve) => queue.add(new Entry(systemClock, resolve), from + 40));
  const took = systemClock.now() - from;
  // Never how late: what else runs in this process decides that.
  assert.ok(took >= 40, `${took} ms`);
  assert.equal(far.fired, 0);
});

test('keeps the process alive only where it is told to', () => {
  const asked: (boolean | undefined)[] = [];
  const clock = { now: () => 0, wall: () => 0, after: (_ms: number, _fn: () => void, keepAlive?: boolean) => (asked.push(keepAlive), () => {}) };
  new DeadlineQueue(clock).add(new Entry(clock), 5);
  new DeadlineQueue(clock, 10, false).add(new Entry(clock), 5);
  assert.deepEqual(asked, [true, false]);
});
