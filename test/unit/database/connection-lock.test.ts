import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ConnectionLock } from '../../../lib/database/embedded/connection-lock.js';

describe('the lock of an embedded connection', () => {
  const rig = () => {
    const clock = { now: 0 };
    const lock = new ConnectionLock(() => clock.now);
    const order: string[] = [];
    const ask = (name: string, first = false) => {
      const holder = { name };
      const asked = lock.queue(holder, first);
      void asked.come.then(() => order.push(name));
      return { holder, giveUp: () => asked.giveUp() };
    };
    return { clock, lock, order, ask };
  };

  it('passes from one to the next in the order of asking, some first', async () => {
    const { lock, order, ask } = rig();
    const [a, b] = [ask('a'), ask('b')];
    ask('c');
    const d = ask('d', true);
    await turn();
    assert.deepEqual(order, ['a']);
    lock.free(b.holder);
    assert.equal(lock.isHeldBy(a.holder), true, 'only its holder frees it');
    lock.free(a.holder);
    lock.free(d.holder);
    lock.free(b.holder);
    await turn();
    assert.deepEqual(order, ['a', 'd', 'b', 'c']);
    assert.equal(lock.waits, 0);
  });

  it('skips who has given up, and takes it back from who gave up too late', async () => {
    const { lock, order, ask } = rig();
    const [a, b, c] = [ask('a'), ask('b'), ask('c')];
    b.giveUp();
    lock.free(a.holder);
    assert.equal(lock.isHeldBy(c.holder), true);
    c.giveUp();
    assert.equal(lock.tryTake({}), true);
    await turn();
    assert.deepEqual(order, ['a', 'c']);
  });

  it('knows how long it is held, and takes no second holder', () => {
    const { clock, lock } = rig();
    const holder = {};
    assert.equal(lock.heldMs, 0);
    assert.equal(lock.tryTake(holder), true);
    assert.equal(lock.tryTake({}), false);
    clock.now = 70;
    assert.equal(lock.heldMs, 70);
  });
});
