import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PushMessage } from '../../../lib/gateway/gate/agent.js';
import { KeptPushes } from '../../../lib/gateway/gate/kept-pushes.js';
import type { StoredPush, WaitingPush } from '../../../lib/gateway/gate/store/gate-store.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

const push = (id: number): StoredPush => ({ id, topic: 't', body: Buffer.alloc(1), qos: 1 });
const waiting = (...ids: number[]): WaitingPush[] => ids.map((id) => ({ ...push(id), state: 'sent' }));

describe('kept pushes of a client', () => {
  /** What was sent, repeats with a minus. */
  function kept(room = Infinity) {
    const sent: number[] = [];
    const clock = new FakeClock();
    const link = { room };
    const transmit = ({ id, dup }: PushMessage, mayWait: boolean) => {
      if (link.room === 0) return mayWait ? 'later' : 'dropped';
      link.room--;
      sent.push(dup ? -id! : id!);
      return 'sent';
    };
    return { kept: new KeptPushes(clock, transmit), sent, clock, link };
  }

  it('waits until the client can take them', () => {
    const { kept: pushes, sent } = kept();
    pushes.push(push(1));
    pushes.send();
    assert.deepEqual(sent, []);
    pushes.replay([]);
    pushes.push(push(2));
    assert.deepEqual(sent, [1, 2]);
  });

  it('sends what waited first, and what comes from both sides once', () => {
    const { kept: pushes, sent } = kept();
    pushes.push(push(3)); // stored before the replay was read, and told of by the other gate
    pushes.push(push(4));
    pushes.replay(waiting(2, 3, 5));
    pushes.push(push(5)); // the other gate is late
    pushes.push(push(6));
    assert.deepEqual(sent, [-2, -3, -5, 4, 6]);
  });

  it('repeats only what was sent before, and of what the client has only the number', () => {
    const seen: PushMessage[] = [];
    const pushes = new KeptPushes(new FakeClock(), (message) => (seen.push(message), 'sent'));
    pushes.replay([{ ...push(1), state: 'new' }, { ...push(2), state: 'sent' }, { ...push(3), state: 'received' }]);
    assert.deepEqual(seen.map(({ id, dup, isReceived }) => [id, dup, isReceived]), [[1, false, false], [2, true, false], [3, false, true]]);
  });

  it('takes a number that comes again much later for another push', () => {
    const { kept: pushes, sent, clock } = kept();
    pushes.replay(waiting(2));
    clock.advance(61_000);
    pushes.push(push(2));
    assert.deepEqual(sent, [-2, 2]);
  });

  it('sends no more than the connection takes, and goes on in order', () => {
    const { kept: pushes, sent, link } = kept(2);
    pushes.replay(waiting(1, 2, 3, 4));
    pushes.push(push(5));
    assert.deepEqual(sent, [-1, -2]);
    link.room = 1;
    pushes.send();
    assert.deepEqual(sent, [-1, -2, -3]);
    link.room = 9;
    pushes.send();
    pushes.push(push(6));
    assert.deepEqual(sent, [-1, -2, -3, -4, 5, 6]);
  });
});
