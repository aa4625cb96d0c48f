/** Runtimes of several processes over one hub, with real time and real load: what the unit tests show one by one, all at once. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { systemClock } from '../../lib/common/clock.js';
import type { RpcError } from '../../lib/common/rpc-error.js';
import { Cluster, deferred, failure, seeded, settle, type NodeSetup, type TestProcess } from '../unit/rpc/support.js';

describe('runtimes together', () => {
  let cluster = new Cluster();
  afterEach(async () => {
    await cluster.stop();
    cluster = new Cluster();
  });
  const start = (nodes: readonly NodeSetup[] = [], overrides = {}): Promise<TestProcess> => cluster.start(nodes, { logger: { debug() {}, info() {}, warn() {}, error() {} }, ...overrides }, systemClock);

  /** Takes a process out as an app does when it stops. */
  async function retire(process: TestProcess): Promise<void> {
    await process.runtime.withdraw(AbortSignal.timeout(1000));
    await settle(2);
    process.runtime.refuse('all');
    await process.runtime.idle(AbortSignal.timeout(2000));
    await process.stop();
  }

  test('twenty rolling restarts of three nodes under load: no call fails', async () => {
    const node = (): Promise<TestProcess> =>
      start([{ type: 'svc', handlers: { '/sync': ([n]) => n, '/slow': async ([n]) => (await new Promise((resolve) => setTimeout(resolve, 2)), n), '/serial': { run: ([n]) => n } } }]);
    let nodes = await Promise.all([node(), node(), node()]);
    const caller = await start();
    const failures: RpcError[] = [];
    let done = 0;
    let running = true;
    const random = seeded(3);
    const load = Promise.all(
      Array.from({ length: 20 }, async () => {
        while (running) {
          const path = ['/sync', '/slow', '/serial'][Math.floor(random() * 3)]!;
          await caller.rpc.call('svc', path, [done]).then(() => done++, (error: RpcError) => failures.push(error));
        }
      }),
    );
    for (let i = 0; i < 20; i++) {
      const fresh = await node();
      await new Promise((resolve) => setTimeout(resolve, 5));
      const [oldest, ...rest] = nodes;
      await retire(oldest!);
      nodes = [...rest, fresh];
    }
    running = false;
    await load;
    assert.deepEqual(failures.map(({ reason, message }) => `${reason}: ${message}`), []);
    assert.ok(done > 100, `${done} calls`);
  });

  test('a node killed under load: only calls in flight to it fail, new ones avoid it at once', async () => {
    const served = { a: 0, b: 0 };
    const node = (id: 'a' | 'b'): Promise<TestProcess> => start([{ type: 'svc', id, handlers: { '/go': async () => (await new Promise((resolve) => setTimeout(resolve, 1)), ++served[id]) } }]);
    const [a] = [await node('a'), await node('b')];
    const caller = await start();
    const failures: RpcError[] = [];
    let calls = 0;
    let running = true;
    const load = Promise.all(
      Array.from({ length: 10 }, async () => {
        while (running) {
          calls++;
          await caller.rpc.call('svc', '/go').catch((error: RpcError) => failures.push(error));
        }
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    cluster.hub.cut(a.transport);
    await new Promise((resolve) => setTimeout(resolve, 500));
    running = false;
    await load;
    assert.ok(failures.length <= 10, `${failures.length} of ${calls} failed`);
    for (const error of failures) assert.deepEqual([error.code, error.undelivered], ['UNAVAILABLE', false]);
    assert.ok(served.b > 50);
  });

  test('a call graph of services in several processes, deadlines and cancellation inherited, keeps its promises under a storm of aborts', async () => {
    // Below the default of 10 s, and enough for any machine: no call of this test is to end by it.
    const TIMEOUT_MS = 9000;
    let aborted = 0;
    let ended = 0;
    const random = seeded(9);
    const aborts: (() => void)[] = [];
    const leaf = async (_args: readonly unknown[], ctx: { signal: AbortSignal; remainingMs(): number }): Promise<string> => {
      assert.ok(ctx.remainingMs() <= TIMEOUT_MS);
      // By what happens and not by time, which a busy machine has less of: each leaf that begins ends one call.
      setImmediate(() => aborts.splice(Math.floor(random() * Math.min(aborts.length, 20)), 1)[0]?.());
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 200);
        ctx.signal.addEventListener('abort', () => (clearTimeout(timer), aborted++, resolve()));
      });
      ended++;
      return 'leaf';
    };
    const processes: Record<string, TestProcess> = {};
    const fan = (name: string, next: readonly string[]) => async (): Promise<unknown> => Promise.all(next.map((target) => processes[name]!.rpc.call(target, '/go')));
    processes['d'] = await start([{ type: 'd', handlers: { '/go': leaf } }]);
    processes['c'] = await start([{ type: 'c', handlers: { '/go': fan('c', ['d', 'd']) } }]);
    processes['b'] = await start([{ type: 'b', handlers: { '/go': fan('b', ['c', 'd']) } }]);
    const caller = await start();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 300 }, (_, i) => {
        const abort = new AbortController();
        if (i % 2) aborts.push(() => abort.abort());
        return caller.rpc.call('b', '/go', [], { signal: abort.signal, timeoutMs: TIMEOUT_MS });
      }),
    );
    assert.ok(outcomes.every(({ status }, i) => i % 2 === 1 || status === 'fulfilled'));
    assert.ok(aborted > 50, `${aborted} handlers saw the abort`);
    const left = (): number[] => [...['b', 'c', 'd'].map((name) => processes[name]!.server(name).size), ...[caller, ...Object.values(processes)].map(({ runtime }) => runtime.deadlines.size)];
    for (const giveUp = performance.now() + 20_000; left().some((count) => count > 0) && performance.now() < giveUp; ) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(left(), [0, 0, 0, 0, 0, 0, 0]);
    assert.ok(ended <= 900);
  });

  test('the link of a caller flaps under load: calls fail fast, and work again as soon as it is back', async () => {
    const callee = await start([{ type: 'svc', handlers: { '/go': ([n]) => n } }]);
    const caller = await start();
    assert.equal(await caller.rpc.call('svc', '/go', [1]), 1);
    for (let i = 0; i < 10; i++) {
      const inFlight = Array.from({ length: 20 }, (_, n) => caller.rpc.call('svc', '/go', [n]).catch((error: RpcError) => error.reason));
      if (i % 2) await settle(1);
      cluster.hub.cut(caller.transport);
      const from = performance.now();
      assert.equal((await failure(caller.rpc.call('svc', '/go'))).reason, 'TRANSPORT_DOWN');
      for (const [n, outcome] of (await Promise.all(inFlight)).entries()) assert.ok(outcome === n || outcome === 'TRANSPORT_DOWN', String(outcome));
      // By far not the deadline of 10 s.
      assert.ok(performance.now() - from < 5000);
      cluster.hub.restore(caller.transport);
      assert.equal(await caller.rpc.call('svc', '/go', [i]), i);
    }
    assert.equal(callee.server('svc').size, 0);
  });

  test('metadata changed at run time is seen by the next picks', async () => {
    const a = await start([{ type: 'svc', id: 'a', handlers: { '/go': () => 'a' } }]);
    await start([{ type: 'svc', id: 'b', handlers: { '/go': () => 'b' } }]);
    const caller = await start();
    await caller.rpc.call('svc', '/go');
    await a.runtime.local[0]!.setMetadata({ state: 'forbidden' });
    await settle();
    for (let i = 0; i < 20; i++) assert.equal(await caller.rpc.call('svc', '/go'), 'b');
    assert.equal(await caller.rpc.call('svc@a', '/go'), 'a', 'by name it is still reached');
    await a.runtime.local[0]!.setMetadata({ state: undefined });
    await settle();
    const seen = new Set(await Promise.all(Array.from({ length: 60 }, () => caller.rpc.call('svc', '/go'))));
    assert.deepEqual([...seen].sort(), ['a', 'b']);
  });

  test('a flooded serial handler sheds what it cannot queue; every caller hears something, its neighbours are served', async () => {
    const gate = deferred();
    const callee = await start([{ type: 'svc', handlers: { '/slow': { run: () => gate.promise, queue: 50 }, '/fast': () => 'fast' } }]);
    const caller = await start();
    const calls = Array.from({ length: 2000 }, () => caller.rpc.call('svc', '/slow').then(() => 'ok', (error: RpcError) => error.reason));
    assert.equal(await caller.rpc.call('svc', '/fast'), 'fast');
    gate.resolve();
    const outcomes = await Promise.all(calls);
    assert.deepEqual([outcomes.filter((outcome) => outcome === 'ok').length, outcomes.filter((outcome) => outcome === 'QUEUE_FULL').length], [51, 1949]);
    assert.equal(callee.server('svc').size, 0);
  });

  test('a process that is blocked for a while loses nothing', async () => {
    const callee = await start([
      {
        type: 'svc',
        handlers: {
          '/block': ([ms]) => {
            const until = performance.now() + (ms as number);
            while (performance.now() < until);
            return 'unblocked';
          },
          '/go': ([n]) => n,
        },
      },
    ]);
    const caller = await start();
    const blocked = caller.rpc.call('svc', '/block', [400]);
    const others = Array.from({ length: 50 }, (_, n) => caller.rpc.call('svc', '/go', [n]));
    assert.equal(await blocked, 'unblocked');
    assert.deepEqual(await Promise.all(others), Array.from({ length: 50 }, (_, n) => n));
    assert.equal(await caller.rpc.call('svc', '/go', [1]), 1);
    assert.equal(callee.server('svc').size, 0);
  });
});
