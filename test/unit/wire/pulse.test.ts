import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Pulse } from '../../../lib/wire/anthill/pulse.js';

const ticks = (pulse: Pulse, times: number, waiting = true): (string | undefined)[] => Array.from({ length: times }, () => pulse.tick(waiting));

describe('the pulse of another process', () => {
  it('asks nothing while something is heard, or while nothing is waited for', () => {
    const pulse = new Pulse();
    for (let i = 0; i < 20; i++) {
      pulse.heard = true;
      assert.equal(pulse.tick(true), undefined);
    }
    assert.deepEqual(ticks(pulse, 20, false), Array(20).fill(undefined));
  });

  it('asks at the first quiet tick, gives up at the third, and asks on now and then', () => {
    assert.deepEqual(ticks(new Pulse(), 12), ['ask', undefined, 'lost', undefined, undefined, 'ask', undefined, undefined, undefined, undefined, 'ask', undefined]);
  });

  it('goes on asking a silent one that nothing waits for, until it is back', () => {
    const pulse = new Pulse();
    ticks(pulse, 3);
    assert.equal(pulse.isSilent, true);
    assert.ok(ticks(pulse, 5, false).includes('ask'));
    pulse.heard = true;
    assert.equal(pulse.tick(false), 'back');
    assert.equal(pulse.isSilent, false);
    assert.deepEqual(ticks(pulse, 20, false), Array(20).fill(undefined));
  });

  it('lets one rest that answers pings while its handlers take their time', () => {
    const pulse = new Pulse();
    assert.equal(pulse.tick(true), 'ask');
    pulse.pong();
    pulse.heard = true;
    assert.equal(pulse.tick(true), undefined);
    assert.deepEqual(ticks(pulse, 11), [...Array<undefined>(10).fill(undefined), 'ask']);
  });

  it('asks no more of one that is gone', () => {
    const pulse = new Pulse();
    ticks(pulse, 3);
    pulse.stopped();
    assert.equal(pulse.isSilent, false);
    assert.deepEqual(ticks(pulse, 10, false), Array(10).fill(undefined));
  });

  it('begins anew when a wait is over', () => {
    const pulse = new Pulse();
    ticks(pulse, 2);
    pulse.tick(false);
    assert.deepEqual(ticks(pulse, 3), ['ask', undefined, 'lost']);
  });
});
