import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { RpcContext } from '../../../lib/common/call-context.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { Cluster, deferred, failure, settle, stateOf, type TestProcess } from './support.js';

describe('deadlines', () => {
  let cluster = new Cluster();
  afterEach(async () => {
    await cluster.stop();
    cluster = new Cluster();
  });

  const hang = { '/hang': () => new Promise(() => {}) };

  test("a call's own deadline wins over the client's, the client's over the app's, and the app's is 10 s", async () => {
    const { caller } = await cluster.pair(hang, { timeoutMs: 10_000 });
    const client = caller.rpc.with({ timeoutMs: 5000 });
    const calls = [caller.rpc.call('svc', '/hang'), client.call('svc', '/hang'), client.call('svc', '/hang', [], { timeoutMs: 2000 }), client.call('svc', '/hang', [], { timeoutMs: 20_000 })];
    for (const call of calls) call.catch(() => {});
    await settle();
    const ended: number[] = [];
    for (const [i, call] of calls.entries()) call.catch(() => ended.push(i));
    for (const [ms, expected] of [
      [1999, []],
      [21, [2]],
      [2979, [2]],
      [21, [2, 1]],
      [4979, [2, 1]],
      [21, [2, 1, 0]],
      [9999, [2, 1, 0, 3]],
    ] as const) {
      cluster.clock.advance(ms);
      await settle(2);
      assert.deepEqual(ended, expected);
    }
  });

  test('the error says who, what, how long and what to try', async () => {
    const { caller } = await cluster.pair(hang);
    const call = failure(caller.rpc.call('svc', '/hang', [], { timeoutMs: 250 }));
    await settle();
    cluster.clock.advance(300);
    const error = await call;
    assert.equal(error.code, 'DEADLINE_EXCEEDED');
    assert.match(error.message, /no reply from svc \/hang within 250 ms; .*timeoutMs/);
    assert.deepEqual({ ...error.metadata }, { target: 'svc', path: '/hang' });
    assert.equal(error.undelivered, false);
  });

  test('a deadline that was cut by the surrounding call is told as it was', async () => {
    const a: TestProcess = await cluster.start([{ type: 'a', handlers: { '/go': () => a.rpc.call('b', '/hang', [], { timeoutMs: 9000 }) } }, { type: 'b', handlers: hang }]);
    const seen: string[] = [];
    const inner = deferred<RpcContext>();
    const b = await cluster.start([{ type: 'c', handlers: { '/see': (_args, ctx) => (inner.resolve(ctx), b.rpc.call('a', '/go').catch((error: Error) => seen.push(error.message))) } }]);
    const call = failure(b.rpc.call('c', '/see', [], { timeoutMs: 400 }));
    await settle();
    cluster.clock.advance(450);
    await call;
    await settle();
    assert.equal((await inner.promise).aborted, true);
    assert.ok(seen.every((message) => !message.includes('9000')), seen.join());
  });

  test('it travels as what is left, and the callee sees it on its own clock', async () => {
    const seen: { left: number; deadline: number }[] = [];
    const clock = new FakeClock(777_777, 42);
    await cluster.start([{ type: 'svc', handlers: { '/left': (_args, ctx) => void seen.push({ left: ctx.remainingMs(), deadline: ctx.deadline }) } }], {}, clock);
    const caller = await cluster.start();
    await caller.rpc.call('svc', '/left', [], { timeoutMs: 1234.5 });
    assert.deepEqual(seen, [{ left: 1235, deadline: 42 + 1235 }]);
  });

  test('no deadline at all travels as none', async () => {
    const seen: number[] = [];
    const { caller } = await cluster.pair({ '/left': (_args, ctx) => void seen.push(ctx.remainingMs()) });
    await caller.rpc.call('svc', '/left', [], { timeoutMs: Infinity });
    await caller.rpc.call('svc', '/left', [], { timeoutMs: 1e300 });
    assert.equal(seen[0], Infinity);
    assert.ok(seen[1]! > 2 ** 52);
  });

  for (const [timeoutMs, code] of [[0, 'DEADLINE_EXCEEDED'], [-5, 'INVALID_ARGUMENT'], [NaN, 'INVALID_ARGUMENT']] as const) {
    test(`timeoutMs ${timeoutMs} fails at once, before anything is sent`, async () => {
      const { caller } = await cluster.pair(hang);
      cluster.posted.length = 0;
      const error = await failure(caller.rpc.call('svc', '/hang', [], { timeoutMs }));
      assert.equal(error.code, code);
      await settle();
      assert.equal(cluster.posted.length, 0);
    });
  }

  test('A to B to C to D: each has what is left, and D never starts once it is over', async () => {
    const left: Record<string, number> = {};
    let startedD = 0;
    const step = (name: string, next: string | undefined, takesMs: number) => async (_args: readonly unknown[], ctx: RpcContext) => {
      left[name] = ctx.remainingMs();
      cluster.clock.advance(takesMs);
      if (next !== undefined) return processes[name]!.rpc.call(next, '/go', [], { timeoutMs: 60_000 });
      startedD++;
      return 'end';
    };
    const processes: Record<string, TestProcess> = {};
    for (const [name, next, takes] of [['b', 'c', 100], ['c', 'd', 100], ['d', undefined, 0]] as const) {
      processes[name] = await cluster.start([{ type: name, handlers: { '/go': step(name, next, takes) } }]);
    }
    const caller = await cluster.start();
    assert.equal(await caller.rpc.call('b', '/go', [], { timeoutMs: 300 }), 'end');
    assert.deepEqual(left, { b: 300, c: 200, d: 100 });
    assert.equal(startedD, 1);
    const error = await failure(caller.rpc.call('b', '/go', [], { timeoutMs: 150 }));
    assert.equal(error.code, 'DEADLINE_EXCEEDED');
    assert.equal(startedD, 1);
  });

  test('work that arrives with its time over is refused, and its handler does not start', async () => {
    let started = 0;
    const { caller, callee } = await cluster.pair({ '/go': () => ++started });
    await caller.rpc.nodes('svc');
    const call = failure(caller.rpc.call('svc', '/go', [], { timeoutMs: 100 }));
    // Between writing and sending: the frame says 100 ms, and they pass on the callee's side while it waits in its lane or in the hub.
    cluster.clock.advance(120);
    assert.equal((await call).code, 'DEADLINE_EXCEEDED');
    await settle();
    assert.ok(started <= 1);
    const { server } = callee.runtime.local[0]!;
    assert.equal(server.size, 0);
  });

  test('the wall clock may jump by days: no deadline moves', async () => {
    const { caller, callee } = await cluster.pair({ '/hang': hang['/hang'], '/left': (_args, ctx) => ctx.remainingMs() });
    for (const jump of [3_600_000, -7_200_000, 86_400_000, -172_800_000]) {
      for (const { rpc } of [caller, callee]) {
        const call = rpc.call('svc', '/hang', [], { timeoutMs: 1000 });
        call.catch(() => {});
        await settle();
        cluster.clock.jumpWall(jump);
        cluster.clock.advance(990);
        assert.equal(await stateOf(call), 'pending');
        assert.equal(await rpc.call('svc', '/left', [], { timeoutMs: 500 }), 500);
        cluster.clock.advance(30);
        assert.equal(await stateOf(call), 'rejected');
      }
    }
  });

  test('a call made after the handler has answered has a deadline of its own', async () => {
    const later = deferred<unknown>();
    const a: TestProcess = await cluster.start([
      {
        type: 'a',
        handlers: {
          '/go': () => {
            setImmediate(() => setImmediate(() => later.resolve(a.rpc.call('a', '/left'))));
            return 1;
          },
          '/left': (_args, ctx) => ctx.remainingMs(),
        },
      },
    ]);
    await a.rpc.call('a', '/go', [], { timeoutMs: 100 });
    assert.equal(await later.promise, 10_000);
  });

  test('finished calls leave no deadline behind', async () => {
    const { caller, callee } = await cluster.pair({ '/go': ([n]) => n });
    for (let i = 0; i < 100; i++) await Promise.all(Array.from({ length: 20 }, (_, n) => caller.rpc.call('svc', '/go', [n])));
    for (let i = 0; i < 100; i++) await callee.rpc.call('svc', '/go', [i]);
    assert.equal(caller.runtime.deadlines.size, 0);
    assert.equal(callee.runtime.deadlines.size, 0);
  });
});
