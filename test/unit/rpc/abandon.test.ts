import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { systemClock } from '../../../lib/common/clock.js';
import { Cluster, deferred, failure, settle, stateOf } from './support.js';

describe('handlers that ignore their signal', () => {
  let cluster = new Cluster();
  afterEach(async () => {
    await cluster.stop();
    cluster = new Cluster();
  });

  for (const where of ['local', 'remote'] as const) {
    test(`${where}: the caller is answered in time, the lane moves on after abandonMs, and it shows`, async () => {
      const never = deferred();
      const started: unknown[] = [];
      const { caller, callee } = await cluster.pair({ '/hang': { run: ([n]) => (started.push(n), n === 1 ? never.promise : n), abandonMs: 500 } });
      const rpc = where === 'local' ? callee.rpc : caller.rpc;
      const first = failure(rpc.call('svc', '/hang', [1], { timeoutMs: 1000 }));
      const second = rpc.call('svc', '/hang', [2], { timeoutMs: 60_000 });
      await settle();
      cluster.clock.advance(1020);
      const error = await first;
      assert.equal(error.code, 'DEADLINE_EXCEEDED');
      cluster.clock.advance(450);
      await settle();
      assert.deepEqual(started, [1]);
      cluster.clock.advance(100);
      assert.equal(await second, 2);
      assert.equal(callee.server('svc').abandoned, 1);
      assert.equal(callee.server('svc').size, 0);
      const line = callee.log.find(({ message }) => /ignored its abort signal/.test(message));
      assert.equal(line?.level, 'error');
      assert.equal(line.fields?.['handler'], 'Test./hang');
      assert.equal(line.fields['path'], '/hang');
      // What it does in the end is nobody's business any more.
      never.resolve();
      await settle();
      assert.equal(callee.server('svc').size, 0);
      assert.equal(await rpc.call('svc', '/hang', [3]), 3);
    });
  }

  test('abandonMs: Infinity holds the lane until the handler really ends', async () => {
    const gate = deferred();
    const { caller, callee } = await cluster.pair({ '/hang': { run: ([n]) => (n === 1 ? gate.promise : n), abandonMs: Infinity } });
    const first = failure(caller.rpc.call('svc', '/hang', [1], { timeoutMs: 100 }));
    const second = caller.rpc.call('svc', '/hang', [2], { timeoutMs: 10_000_000 });
    await settle();
    cluster.clock.advance(3_600_000);
    assert.equal((await first).code, 'DEADLINE_EXCEEDED');
    assert.equal(await stateOf(second), 'pending');
    assert.equal(callee.server('svc').abandoned, 0);
    gate.resolve();
    assert.equal(await second, 2);
  });

  test('a handler that ends within abandonMs is not abandoned', async () => {
    const gate = deferred();
    const { caller, callee } = await cluster.pair({ '/slow': { run: ([n]) => (n === 1 ? gate.promise : n) } });
    const first = failure(caller.rpc.call('svc', '/slow', [1], { timeoutMs: 100 }));
    await settle();
    cluster.clock.advance(200);
    await first;
    gate.resolve();
    await settle();
    cluster.clock.advance(10_000);
    assert.equal(callee.server('svc').abandoned, 0);
    assert.equal(await caller.rpc.call('svc', '/slow', [2]), 2);
  });

  for (const where of ['local', 'remote'] as const) {
    test(`${where}: a notified handler has a deadline and patience too`, async () => {
      const never = deferred();
      let aborted = false;
      const { caller, callee } = await cluster.pair({
        '/hang': {
          run: ([n], ctx) => {
            ctx.signal.addEventListener('abort', () => (aborted = true));
            return n === 1 ? never.promise : n;
          },
        },
      });
      const rpc = where === 'local' ? callee.rpc : caller.rpc;
      await rpc.notify('svc', '/hang', [1], { timeoutMs: 500 });
      const second = rpc.call('svc', '/hang', [2], { timeoutMs: 60_000 });
      await settle();
      cluster.clock.advance(520);
      assert.equal(aborted, true);
      cluster.clock.advance(1020);
      assert.equal(await second, 2);
      assert.equal(callee.server('svc').abandoned, 1);
    });
  }

  test('real time: DEADLINE_EXCEEDED, and not before its 300 ms', async () => {
    const callee = await cluster.start([{ type: 'svc', handlers: { '/hang': () => new Promise(() => {}) } }], {}, systemClock);
    const caller = await cluster.start([], {}, systemClock);
    for (const { rpc } of [callee, caller]) {
      const from = performance.now();
      const error = await failure(rpc.call('svc', '/hang', [], { timeoutMs: 300 }));
      const took = performance.now() - from;
      assert.equal(error.code, 'DEADLINE_EXCEEDED');
      // How late is the machine's affair; that it is the deadline and not the default of 10 s is ours.
      assert.ok(took >= 299 && took < 5000, `${took} ms`);
    }
  });
});
