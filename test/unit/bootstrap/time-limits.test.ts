import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { afterDeadline, within } from '../../../lib/bootstrap/time-limits.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

const never = new Promise<never>(() => {});

describe('within', () => {
  it('is the work, while the signal does not abort', async () => {
    const { signal } = new AbortController();
    assert.equal(await within(Promise.resolve(5), signal, 'late'), 5);
    await assert.rejects(within(Promise.reject(new Error('broken')), signal, 'late'), /broken/);
  });

  it('is an error with the given words, or the reason of the signal', async () => {
    const stop = new AbortController();
    const [named, unnamed] = [within(never, stop.signal, 'late'), within(never, stop.signal)];
    stop.abort(new Error('why'));
    await assert.rejects(named, { message: 'late' });
    await assert.rejects(unnamed, { message: 'why' });
  });

  it('counts what is done already as in time', async () => {
    const stop = new AbortController();
    stop.abort();
    assert.equal(await within(Promise.resolve(5), stop.signal, 'late'), 5);
    await assert.rejects(within(never, stop.signal, 'late'), { message: 'late' });
  });

  it('a failure that comes too late is nobody\'s unhandled rejection', async (t) => {
    const unhandled: unknown[] = [];
    const keep = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', keep);
    t.after(() => process.off('unhandledRejection', keep));
    const stop = new AbortController();
    let fail!: (error: Error) => void;
    const late = within(new Promise((_, reject) => (fail = reject)), stop.signal, 'late');
    stop.abort();
    await assert.rejects(late, { message: 'late' });
    fail(new Error('too late'));
    await new Promise(setImmediate);
    assert.deepEqual(unhandled, []);
  });
});

describe('the time for closing', () => {
  it('lasts a moment longer than the deadline', () => {
    const clock = new FakeClock();
    const deadline = new AbortController();
    const closing = afterDeadline(clock, deadline.signal);
    clock.advance(100_000);
    assert.equal(closing.signal.aborted, false);
    deadline.abort();
    clock.advance(699);
    assert.equal(closing.signal.aborted, false);
    clock.advance(1);
    assert.equal(closing.signal.aborted, true);
  });

  it('leaves no timer when it is not needed', () => {
    const clock = new FakeClock();
    const deadline = new AbortController();
    deadline.abort();
    afterDeadline(clock, deadline.signal).cancel();
    assert.equal(clock.pending, 0);
    const other = new AbortController();
    afterDeadline(clock, other.signal).cancel();
    other.abort();
    assert.equal(clock.pending, 0);
  });
});
