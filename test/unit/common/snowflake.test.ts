import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Snowflake, SNOWFLAKE_EPOCH_MS } from '../../../lib/common/snowflake.js';

const T = 1_700_000_000_000;

/** A generator under a clock that a test sets. */
function start(options: { workerId?: number; fromMs?: number; epochMs?: number } = {}) {
  const clock = { now: T };
  return { clock, snowflake: new Snowflake({ workerId: 5, wall: () => clock.now, ...options }) };
}
const parts = (id: bigint) => ({ ms: Number(id >> 22n) + SNOWFLAKE_EPOCH_MS, worker: Number((id >> 12n) & 1023n), sequence: Number(id & 4095n) });

describe('snowflake', () => {
  it("has hrpc's layout", () => {
    const { snowflake, clock } = start({ workerId: 1023 });
    assert.equal(snowflake.next(), (BigInt(T - 1_597_472_019_000) << 22n) | (1023n << 12n));
    assert.deepEqual(parts(snowflake.next()), { ms: T, worker: 1023, sequence: 1 });
    clock.now = T + 7.9;
    assert.deepEqual(parts(snowflake.next()), { ms: T + 7, worker: 1023, sequence: 0 });
  });

  it('makes 4097 different ids in one millisecond: the last one is of the next', () => {
    const { snowflake } = start();
    const ids = Array.from({ length: 4097 }, () => snowflake.next());
    assert.equal(new Set(ids).size, 4097);
    assert.deepEqual([parts(ids[4095]!), parts(ids[4096]!)], [{ ms: T, worker: 5, sequence: 4095 }, { ms: T + 1, worker: 5, sequence: 0 }]);
    assert.ok(ids.every((id, i) => i === 0 || id > ids[i - 1]!));
  });

  it('repeats nothing in a million, whatever the clock does', () => {
    const { snowflake, clock } = start();
    let seed = 1;
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
    const seen = new Set<bigint>();
    let last = 0n;
    for (let i = 0; i < 1_000_000; i++) {
      if (i % 1000 === 0) clock.now += Math.floor((random() - 0.45) * 100_000);
      else if (random() < 0.1) clock.now += 1;
      const id = snowflake.next();
      assert.ok(id > last);
      last = id;
      if (i % 10 === 0) seen.add(id);
    }
    assert.equal(seen.size, 100_000);
  });

  it('goes on from where it was when the clock goes back, and with the clock when that has caught up', () => {
    const { snowflake, clock } = start();
    snowflake.next();
    clock.now = T - 3_600_000;
    assert.deepEqual(parts(snowflake.next()), { ms: T, worker: 5, sequence: 1 });
    clock.now = T + 1;
    assert.deepEqual(parts(snowflake.next()), { ms: T + 1, worker: 5, sequence: 0 });
  });

  it('keeps within its stretch of time, at both ends', () => {
    const { snowflake, clock } = start({ fromMs: T + 5 });
    assert.equal(snowflake.lastMs, T + 4);
    assert.equal(parts(snowflake.next(T + 6)).ms, T + 5);
    for (let i = 1; i < 4096; i++) snowflake.next(T + 6);
    const refusal = { reason: 'UNIQUE_IDS_UNAVAILABLE', code: 'UNAVAILABLE', message: /worker 5 may make ids up to 2023-11-14T22:13:20\.006Z, and it is 2023-11-14T22:13:20\.006Z: its claim was not renewed, or the clock/ };
    assert.throws(() => snowflake.next(T + 6), refusal);
    assert.throws(() => snowflake.next(T + 6), refusal);
    assert.equal(snowflake.lastMs, T + 5);
    assert.deepEqual(parts(snowflake.next(T + 7)), { ms: T + 6, worker: 5, sequence: 0 });
    clock.now = T + 100;
    assert.throws(() => snowflake.next(T + 100), { reason: 'UNIQUE_IDS_UNAVAILABLE' });
  });

  it('refuses times that it has no bits for, and worker ids that are none', () => {
    const { snowflake, clock } = start();
    clock.now = SNOWFLAKE_EPOCH_MS - 1;
    assert.throws(() => snowflake.next(), { reason: 'UNIQUE_IDS_UNAVAILABLE', message: /before the epoch/ });
    clock.now = SNOWFLAKE_EPOCH_MS + 2 ** 41;
    assert.throws(() => snowflake.next(), { message: /more than 69 years after/ });
    clock.now = SNOWFLAKE_EPOCH_MS + 2 ** 41 - 1;
    const last = snowflake.next();
    assert.ok(last < 1n << 63n && last > 0n);
    for (const workerId of [-1, 1024, 1.5, Number.NaN]) assert.throws(() => start({ workerId }), RangeError);
    assert.throws(() => start({ epochMs: 0.5 }), RangeError);
  });
});
