import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { events, type CallEvent } from '../../../lib/common/events.js';
import { Cluster, counts, deferred, failure, seeded, settle, stateOf, type TestProcess } from './support.js';

describe('lanes of a served node', () => {
  let cluster = new Cluster();
  afterEach(async () => {
    await cluster.stop();
    cluster = new Cluster();
  });

  for (const where of ['local', 'remote'] as const) {
    test(`${where}: serial handlers never interleave and run in arrival order, whatever they await`, async () => {
      for (let seed = 1; seed <= 20; seed++) {
        const random = seeded(seed);
        const log: string[] = [];
        const work = async ([n]: readonly unknown[]): Promise<unknown> => {
          log.push(`+${n as number}`);
          for (let turns = Math.floor(random() * 4); turns > 0; turns--) await (random() < 0.5 ? Promise.resolve() : new Promise((resolve) => setImmediate(resolve)));
          log.push(`-${n as number}`);
          if (random() < 0.2) throw new Error('now and then');
          return n;
        };
        const sync = ([n]: readonly unknown[]): unknown => (log.push(`+${n as number}`, `-${n as number}`), n);
        const { caller, callee } = await cluster.pair({ '/a': { run: work }, '/b': { run: work }, '/c': { run: sync } });
        const rpc = where === 'local' ? callee.rpc : caller.rpc;
        await rpc.nodes('svc');
        const calls: Promise<unknown>[] = [];
        for (let n = 0; n < 60; n++) {
          const call = rpc.call('svc', ['/a', '/b', '/c'][Math.floor(random() * 3)]!, [n]);
          call.catch(() => {});
          calls.push(call);
          if (random() < 0.3) await settle(1);
        }
        await Promise.allSettled(calls);
        assert.deepEqual(log, Array.from({ length: 60 }, (_, n) => [`+${n}`, `-${n}`]).flat(), `seed ${seed}`);
        await cluster.stop();
      }
    });
  }

  test('a name narrows the lane, "handler" narrows it further, concurrent handlers wait for nobody', async () => {
    const gate = deferred();
    const hold = { run: () => gate.promise };
    const quick = { run: () => 'done' };
    const { caller } = await cluster.pair({
      '/hold': hold,
      '/same': quick,
      '/hold-x': { ...hold, lane: 'x' },
      '/same-x': { ...quick, lane: 'x' },
      '/hold-own': { ...hold, lane: 'handler' },
      '/own': { ...quick, lane: 'handler' },
      '/free': { ...quick, concurrent: true },
      '/two': { ...quick, concurrent: 2 },
    });
    const held = ['/hold', '/hold-x', '/hold-own'].map((path) => caller.rpc.call('svc', path));
    await settle();
    const blocked = ['/same', '/same-x', '/hold-own'].map((path) => caller.rpc.call('svc', path));
    for (const path of ['/own', '/free', '/two']) assert.equal(await caller.rpc.call('svc', path), 'done');
    for (const call of [...held, ...blocked]) assert.equal(await stateOf(call), 'pending');
    gate.resolve();
    await Promise.all([...held, ...blocked]);
  });

  test('a number lets exactly so many run', async () => {
    let running = 0;
    let most = 0;
    const gates: (() => void)[] = [];
    const { caller } = await cluster.pair({
      '/three': {
        concurrent: 3,
        run: async () => {
          most = Math.max(most, ++running);
          await new Promise<void>((resolve) => gates.push(resolve));
          running--;
        },
      },
    });
    const calls = Array.from({ length: 10 }, () => caller.rpc.call('svc', '/three'));
    for (let left = 10; left > 0; left--) {
      await settle();
      assert.equal(running, Math.min(3, left));
      gates.shift()!();
    }
    await Promise.all(calls);
    assert.equal(most, 3);
  });

  test('past the bound a caller is refused at once, with what to do; others are served', async () => {
    const gate = deferred();
    const { caller, callee } = await cluster.pair({ '/slow': { run: () => gate.promise, queue: 2 } });
    const calls = Array.from({ length: 3 }, () => caller.rpc.call('svc', '/slow'));
    await settle();
    const error = await failure(caller.rpc.call('svc', '/slow'));
    assert.equal(error.code, 'RESOURCE_EXHAUSTED');
    assert.equal(error.reason, 'QUEUE_FULL');
    assert.match(error.message, /svc@\w+ \/slow is busy: 2 calls wait already; .*\{ queue \}/);
    assert.deepEqual([...callee.server('svc').lanes()], [{ lane: 'serial', active: 1, waiting: 2 }]);
    gate.resolve();
    await Promise.all(calls);
    assert.deepEqual([...callee.server('svc').lanes()], [{ lane: 'serial', active: 0, waiting: 0 }]);
  });

  test('refusals of a full queue are counted', async () => {
    const gate = deferred();
    const { caller } = await cluster.pair({ '/slow': { run: () => gate.promise, queue: 0 } });
    const call = caller.rpc.call('svc', '/slow');
    await settle();
    const seen = await counts(() => failure(caller.rpc.call('svc', '/slow')));
    assert.deepEqual(seen, ['queue.rejected']);
    gate.resolve();
    await call;
  });

  test('a hook that aborts a call which was just refused does not upset the lane', async () => {
    const gate = deferred();
    const abort = new AbortController();
    const { callee } = await cluster.pair({ '/slow': { run: () => gate.promise, queue: 0 } }, {}, { error: () => abort.abort() });
    const first = callee.rpc.call('svc', '/slow');
    assert.equal((await failure(callee.rpc.call('svc', '/slow', [], { signal: abort.signal }))).code, 'CANCELLED');
    assert.deepEqual([...callee.server('svc').lanes()], [{ lane: 'serial', active: 1, waiting: 0 }]);
    gate.resolve();
    await first;
    assert.equal(await callee.rpc.call('svc', '/slow'), null);
    assert.equal(callee.server('svc').size, 0);
  });

  test('refused calls are reported like all others', async () => {
    const seen: CallEvent[] = [];
    const listener = (event: unknown): void => void seen.push(event as CallEvent);
    events.serverCall.subscribe(listener);
    const { caller } = await cluster.pair({ '/one': { run: () => 1, arity: { min: 1, max: 1 } } });
    await failure(caller.rpc.call('svc', '/one'));
    events.serverCall.unsubscribe(listener);
    assert.deepEqual(seen.map(({ path, wire, error }) => [path, wire, error?.reason]), [['/one', 'anthill/1', 'ARGUMENT_COUNT']]);
  });

  test('maxConcurrent caps all handlers of a node together', async () => {
    const gate = deferred();
    const { caller, callee } = await cluster.pair({ '/free': { run: () => gate.promise, concurrent: true }, '/serial': { run: () => gate.promise } }, { maxConcurrent: 3 });
    const calls = [...Array.from({ length: 4 }, () => caller.rpc.call('svc', '/free')), caller.rpc.call('svc', '/serial')];
    await settle();
    assert.deepEqual([...callee.server('svc').lanes()].find(({ lane }) => lane === 'node'), { lane: 'node', active: 3, waiting: 2 });
    gate.resolve();
    await Promise.all(calls);
    assert.deepEqual([...callee.server('svc').lanes()].map(({ active, waiting }) => active + waiting), [0, 0]);
  });

  test('a queued call whose deadline passes never starts, and makes room', async () => {
    const gate = deferred();
    const started: unknown[] = [];
    const { caller } = await cluster.pair({
      '/slow': {
        queue: 1,
        abandonMs: Infinity,
        run: ([n]) => {
          started.push(n);
          return gate.promise;
        },
      },
    });
    const first = caller.rpc.call('svc', '/slow', [1], { timeoutMs: 60_000 });
    await settle();
    const second = failure(caller.rpc.call('svc', '/slow', [2], { timeoutMs: 100 }));
    await settle();
    cluster.clock.advance(200);
    assert.equal((await second).code, 'DEADLINE_EXCEEDED');
    await settle();
    const third = caller.rpc.call('svc', '/slow', [3], { timeoutMs: 60_000 });
    await settle();
    gate.resolve();
    await Promise.all([first, third]);
    assert.deepEqual(started, [1, 3]);
  });

  test('a queued call that its caller gives up never starts', async () => {
    const gate = deferred();
    const started: unknown[] = [];
    const { caller, callee } = await cluster.pair({ '/slow': { run: ([n]) => (started.push(n), gate.promise) } });
    const first = caller.rpc.call('svc', '/slow', [1]);
    const abort = new AbortController();
    const second = failure(caller.rpc.call('svc', '/slow', [2], { signal: abort.signal }));
    await settle();
    abort.abort();
    assert.equal((await second).code, 'CANCELLED');
    await settle();
    assert.deepEqual([...callee.server('svc').lanes()], [{ lane: 'serial', active: 1, waiting: 0 }]);
    gate.resolve();
    await first;
    assert.deepEqual(started, [1]);
  });

  test('ten thousand waiting calls to a handler without await are served without deep recursion', async () => {
    const gate = deferred();
    let served = 0;
    const { caller } = await cluster.pair({ '/hold': { run: () => gate.promise, queue: 20_000 }, '/sync': { run: () => ++served, queue: 20_000 } }, { maxConcurrent: 2 });
    const calls = [caller.rpc.call('svc', '/hold'), ...Array.from({ length: 10_000 }, () => caller.rpc.call('svc', '/sync'))];
    await settle();
    assert.equal(served, 0);
    gate.resolve();
    await Promise.all(calls);
    assert.equal(served, 10_000);
  });

  test('a chain of a thousand nested local calls ends well', async () => {
    const process: TestProcess = await cluster.start([{ type: 'deep', handlers: { '/down': ([n]) => ((n as number) === 0 ? 'bottom' : process.rpc.call('deep', '/down', [(n as number) - 1])) } }]);
    assert.equal(await process.rpc.call('deep', '/down', [1000]), 'bottom');
  });
});
