import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { silentLogger } from '../../../lib/common/logger.js';
import { Flusher } from '../../../lib/database/embedded/flusher.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

/** A disk that is done, or fails, when the test says so. */
function rig(durability: 'commit' | 'relaxed') {
  const clock = new FakeClock();
  const state = { content: 0, openTransaction: undefined as Promise<void> | undefined };
  const writes: { readonly content: number; readonly done: () => void; readonly fail: () => void }[] = [];
  const flusher = new Flusher({
    database: 'main',
    durability,
    snapshot: () => Uint8Array.of(state.content),
    betweenTransactions: async (work) => {
      await state.openTransaction;
      return work();
    },
    write: ([content]) => new Promise<void>((resolve, reject) => writes.push({ content: content!, done: resolve, fail: () => reject(new Error('disk full')) })),
    clock,
    logger: silentLogger,
  });
  /** Changes the content; tells when that was acknowledged. */
  const change = () => {
    const seen = { state: 'waits' };
    state.content++;
    flusher.changed().then(() => (seen.state = 'saved'), (error: { reason: string }) => (seen.state = error.reason));
    return seen;
  };
  return { clock, state, writes, flusher, change };
}

describe('the way of an embedded database to the disk: commit', () => {
  it('acknowledges when the content of then is written', async () => {
    const { writes, change } = rig('commit');
    const first = change();
    assert.deepEqual(writes.map(({ content }) => content), [1], 'begun at once');
    await turn();
    assert.equal(first.state, 'waits');
    writes[0]!.done();
    await turn();
    assert.equal(first.state, 'saved');
    assert.equal(writes.length, 1);
  });

  it('writes what changes meanwhile as one, and acknowledges no sooner', async () => {
    const { writes, change } = rig('commit');
    const first = change();
    const others = [change(), change(), change()];
    writes[0]!.done();
    await turn();
    assert.deepEqual([first.state, ...others.map(({ state }) => state)], ['saved', 'waits', 'waits', 'waits']);
    assert.deepEqual(writes.map(({ content }) => content), [1, 4]);
    writes[1]!.done();
    await turn();
    assert.deepEqual(others.map(({ state }) => state), ['saved', 'saved', 'saved']);
    assert.equal(writes.length, 2);
  });

  it('takes the second content between transactions', async () => {
    const { writes, state, change } = rig('commit');
    change();
    let end = (): void => {};
    state.openTransaction = new Promise((resolve) => (end = resolve));
    const second = change();
    writes[0]!.done();
    await turn();
    assert.equal(writes.length, 1, 'a transaction is open');
    state.content = 9;
    end();
    await turn();
    assert.equal(writes[1]!.content, 9);
    writes[1]!.done();
    await turn();
    assert.equal(second.state, 'saved');
  });

  it('tells a failure to those it concerns, says so, and tries again', async () => {
    const { clock, writes, flusher, change } = rig('commit');
    const first = change();
    const second = change();
    writes[0]!.fail();
    await turn();
    assert.deepEqual([first.state, second.state, flusher.failure], ['DATABASE_UNSAVED', 'waits', 'disk full']);
    await clock.advance(1000);
    await turn();
    assert.equal(writes[1]!.content, 2);
    writes[1]!.done();
    await turn();
    assert.deepEqual([second.state, flusher.failure], ['saved', undefined]);
    await clock.advance(10_000);
    assert.equal(writes.length, 2, 'nothing is left to write');
  });
});

describe('the way of an embedded database to the disk: relaxed', () => {
  it('acknowledges at once, and writes all changes of 250 ms together', async () => {
    const { clock, writes, change } = rig('relaxed');
    const first = change();
    await turn();
    assert.deepEqual([first.state, writes.length], ['saved', 0]);
    await clock.advance(200);
    change();
    await clock.advance(49);
    await turn();
    assert.equal(writes.length, 0);
    await clock.advance(1);
    await turn();
    assert.deepEqual(writes.map(({ content }) => content), [2]);
    change();
    writes[0]!.done();
    await turn();
    await clock.advance(250);
    await turn();
    assert.deepEqual(writes.map(({ content }) => content), [2, 3]);
  });

  it('writes the rest when it is closed, and tells when it cannot', async () => {
    const { writes, flusher, change } = rig('relaxed');
    change();
    const closed = flusher.close();
    await turn();
    writes[0]!.done();
    await closed;
    change();
    const failing = flusher.close();
    await turn();
    writes[1]!.fail();
    await assert.rejects(failing, { reason: 'DATABASE_UNSAVED' });
  });
});
