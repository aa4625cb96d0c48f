import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff } from '../../../lib/common/backoff.js';
import { sleep, systemClock, systemRandom } from '../../../lib/common/clock.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

test('FakeClock: due timers run in order, each at its own time, those set meanwhile included', () => {
  const clock = new FakeClock(100);
  const ran: string[] = [];
  const note = (name: string) => () => void ran.push(`${name}@${clock.now()}`);
  clock.after(30, note('c'));
  clock.after(10, () => {
    note('a')();
    clock.after(5, note('b'));
    clock.after(100, note('never'));
  });
  const cancel = clock.after(20, note('cancelled'));
  cancel();
  cancel();
  clock.after(-5, note('now'));
  clock.advance(0);
  assert.deepEqual(ran, ['now@100']);
  clock.advance(50);
  assert.deepEqual(ran, ['now@100', 'a@110', 'b@115', 'c@130']);
  assert.deepEqual([clock.now(), clock.pending], [150, 1]);
});

test('FakeClock: the wall clock jumps, the monotonic one does not', () => {
  const clock = new FakeClock(0, 1_000_000);
  clock.advance(10);
  clock.jumpWall(-86_400_000);
  assert.deepEqual([clock.now(), clock.wall()], [10, 1_000_010 - 86_400_000]);
});

test('sleep ends with its time or its signal, and leaves no timer and no listener behind', async () => {
  const clock = new FakeClock();
  const slept = sleep(clock, 100);
  clock.advance(100);
  await slept;
  const abort = new AbortController();
  const aborted = sleep(clock, 100, abort.signal);
  abort.abort();
  await aborted;
  await sleep(clock, 100, abort.signal);
  assert.equal(clock.pending, 0);
});

test('the real clock keeps time and does not hold the process unless asked', async () => {
  const from = systemClock.now();
  await new Promise<void>((resolve) => systemClock.after(20, resolve, true));
  assert.ok(systemClock.now() - from >= 19);
  assert.ok(Math.abs(systemClock.wall() - Date.now()) < 100);
  let ran = false;
  systemClock.after(5, () => (ran = true))();
  await new Promise<void>((resolve) => systemClock.after(15, resolve, true));
  assert.equal(ran, false);
  assert.match(systemRandom.hex(8), /^[0-9a-f]{16}$/);
});

test('back-off doubles up to the cap, half of it random, and starts anew after reset', () => {
  const clock = new FakeClock();
  for (const [draw, expected] of [
    [0, [100, 200, 400, 800, 1600, 2500, 2500]],
    [0.999999, [200, 400, 800, 1600, 3200, 5000, 5000]],
  ] as const) {
    const backoff = new Backoff(clock, { next: () => draw, hex: () => '' });
    assert.deepEqual(expected.map(() => Math.round(backoff.next())), [...expected]);
    for (let i = 0; i < 2000; i++) backoff.next();
    assert.ok(backoff.next() <= 5000);
    backoff.reset();
    assert.equal(Math.round(backoff.next()), expected[0]);
  }
});
