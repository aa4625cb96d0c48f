import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EMPTY, Observable, of, throwError } from 'rxjs';
import { RpcContext } from '../../../lib/common/call-context.js';
import { systemClock } from '../../../lib/common/clock.js';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { replyOf } from '../../../lib/microservices/handler-result.js';

const context = () => new RpcContext({ path: '/x', nodeId: 'x@1', caller: 'test', deadlineAt: Infinity, wire: 'local' }, systemClock);
const cancelled = new RpcError({ code: 'CANCELLED', message: 'enough' });

describe('replyOf', () => {
  it('takes values, promises, observables and promises of observables', async () => {
    const results = [1, Promise.resolve(2), of(3, 4), Promise.resolve(of(5)), EMPTY, null];
    assert.deepEqual(await Promise.all(results.map((result) => replyOf(result, context()))), [1, 2, 4, 5, undefined, null]);
  });

  it('fails with what they fail with', async () => {
    await assert.rejects(replyOf(Promise.reject(new Error('promise')), context()), /promise/);
    await assert.rejects(replyOf(throwError(() => 'text'), context()), (error) => error === 'text');
  });

  it('unsubscribes when the call ends early, and does not subscribe when it has', async () => {
    let subscribed = 0;
    let unsubscribed = 0;
    const endless = new Observable(() => (subscribed++, () => void unsubscribed++));
    const call = context();
    const reply = replyOf(endless, call);
    await Promise.resolve();
    await Promise.resolve();
    assert.equal(subscribed, 1);
    call.abort(cancelled);
    await assert.rejects(reply, cancelled);
    assert.equal(unsubscribed, 1);
    await assert.rejects(replyOf(endless, call), cancelled);
    assert.equal(subscribed, 1);
  });
});
