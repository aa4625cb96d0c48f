import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RpcContext, runInContext } from '../../../../lib/common/call-context.js';
import { rpcError } from '../../../../lib/common/error-catalog.js';
import { RpcError } from '../../../../lib/common/rpc-error.js';
import { untilReady } from '../../../../lib/grpc/client/wait-for-ready.js';
import { FakeClock } from '../../../../lib/testing/fake-clock.js';

const nobody = (): RpcError => rpcError('SERVICE_NOT_FOUND', 'nobody is there');

/** Lets promises settle between steps of the clock. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let i = 0; i < ms; i += 10) {
    clock.advance(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('waiting for a node', () => {
  const waitOf = (clock: FakeClock, timeoutMs = 1000) => ({ clock, timeoutMs, signal: undefined, target: 'add', path: '/add' });

  it('tries again with what is left of the time', async () => {
    const clock = new FakeClock();
    const left: number[] = [];
    const result = untilReady(waitOf(clock), (leftMs) => {
      left.push(leftMs);
      return left.length < 3 ? Promise.reject(nobody()) : Promise.resolve('there');
    });
    await pass(clock, 900);
    assert.equal(await result, 'there');
    assert.equal(left[0], 1000);
    assert.ok(left[1]! < 1000 && left[2]! < left[1]!);
  });

  it('ends at the deadline, with what the last try said', async () => {
    const clock = new FakeClock();
    const startedAt = clock.now();
    let endedAt = Infinity;
    const result = untilReady(waitOf(clock, 2000), () => Promise.reject(nobody()));
    result.catch(() => (endedAt = clock.now()));
    await pass(clock, 5000);
    // Pauses between tries last up to a second by then; the last one is cut short.
    assert.ok(endedAt - startedAt >= 2000 && endedAt - startedAt <= 2020, `after ${endedAt - startedAt} ms`);
    await assert.rejects(result, (error: unknown) => error instanceof RpcError && error.code === 'DEADLINE_EXCEEDED' && /nobody is there/.test(error.message));
  });

  it('has no more time than the call around it', async () => {
    const clock = new FakeClock();
    const context = new RpcContext({ path: '/x', nodeId: 'x@1', caller: '', deadlineAt: clock.now() + 50, wire: 'local' }, clock);
    const left: number[] = [];
    await runInContext(context, () => untilReady(waitOf(clock), (leftMs) => Promise.resolve(left.push(leftMs))));
    assert.deepEqual(left, [50]);
  });

  it('does not repeat what may have got to a callee', async () => {
    const clock = new FakeClock();
    for (const error of [rpcError('NODE_UNREACHABLE', 'broken'), new RpcError({ code: 'NOT_FOUND', reason: 'SERVICE_NOT_FOUND', message: 'of the callee', remote: true }), rpcError('DEADLINE_EXCEEDED', 'late')]) {
      let tries = 0;
      await assert.rejects(untilReady(waitOf(clock), () => (tries++, Promise.reject(error))), error);
      assert.equal(tries, 1);
    }
  });
});
