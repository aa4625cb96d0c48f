import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Canceller } from '../../../lib/rpc/canceller.js';

describe('a canceller', () => {
  it('ends the calls that it holds, once, and none that are over', () => {
    const canceller = new Canceller();
    const ended: string[] = [];
    const call = (name: string) => ({
      signalled() {
        ended.push(name);
        canceller.release(this);
      },
    });
    const [first, second, third] = [call('first'), call('second'), call('third')];
    for (const each of [first, second, third]) canceller.hold(each);
    canceller.release(first);
    canceller.release(third);
    canceller.cancel();
    canceller.cancel();
    assert.deepEqual([ended, canceller.isCancelled], [['second'], true]);
  });
});
