import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { RpcContext } from '../../../lib/common/call-context.js';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { Cluster, counts, deferred, failure, settle, type TestProcess } from './support.js';

describe('cancellation', () => {
  let cluster = new Cluster();
  afterEach(async () => {
    await cluster.stop();
    cluster = new Cluster();
  });

  /** a calls b calls c, each waiting for its own signal. */
  async function chain(where: 'local' | 'remote'): Promise<{ rpc: TestProcess['rpc']; contexts: Record<string, RpcContext>; inner: Promise<unknown>[] }> {
    const contexts: Record<string, RpcContext> = {};
    const inner: Promise<unknown>[] = [];
    const forward = (name: string, next: string) => (_args: readonly unknown[], ctx: RpcContext) => {
      contexts[name] = ctx;
      const call = processes[name]!.rpc.call(next, '/go');
      inner.push(call);
      call.catch(() => {});
      return call;
    };
    const wait = (name: string) => (_args: readonly unknown[], ctx: RpcContext) => {
      contexts[name] = ctx;
      return new Promise(() => {});
    };
    const handlers = { a: { '/go': forward('a', 'b') }, b: { '/go': forward('b', 'c') }, c: { '/go': wait('c') } };
    const processes: Record<string, TestProcess> = {};
    if (where === 'local') {
      const all = await cluster.start(Object.entries(handlers).map(([type, own]) => ({ type, handlers: own })));
      for (const type of Object.keys(handlers)) processes[type] = all;
      return { rpc: all.rpc, contexts, inner };
    }
    for (const [type, own] of Object.entries(handlers)) processes[type] = await cluster.start([{ type, handlers: own }]);
    return { rpc: (await cluster.start()).rpc, contexts, inner };
  }

  for (const where of ['local', 'remote'] as const) {
    test(`${where}: the caller's abort reaches the handler and the calls it made, two hops on`, async () => {
      const { rpc, contexts, inner } = await chain(where);
      const abort = new AbortController();
      const call = failure(rpc.call('a', '/go', [], { signal: abort.signal }));
      await settle(20);
      assert.deepEqual(Object.keys(contexts), ['a', 'b', 'c']);
      for (const ctx of Object.values(contexts)) assert.equal(ctx.signal.aborted, false);
      abort.abort(new Error('changed my mind'));
      const error = await call;
      assert.equal(error.code, 'CANCELLED');
      assert.equal(error.reason, 'ABORTED_BY_CALLER');
      assert.match(String((error.cause as Error).message), /changed my mind/);
      await settle(20);
      for (const [name, ctx] of Object.entries(contexts)) {
        assert.equal(ctx.signal.aborted, true, name);
        assert.ok(RpcError.is(ctx.signal.reason), name);
        assert.equal((ctx.signal.reason as RpcError).code, 'CANCELLED', name);
        assert.throws(() => ctx.throwIfAborted(), { code: 'CANCELLED' });
      }
      for (const nested of inner) assert.equal((await failure(nested)).code, 'CANCELLED');
    });

    test(`${where}: the caller's timeout does the same`, async () => {
      const { rpc, contexts, inner } = await chain(where);
      const call = failure(rpc.call('a', '/go', [], { timeoutMs: 300 }));
      await settle(20);
      cluster.clock.advance(320);
      assert.equal((await call).code, 'DEADLINE_EXCEEDED');
      await settle(20);
      for (const [name, ctx] of Object.entries(contexts)) assert.equal(ctx.signal.aborted, true, name);
      for (const nested of inner) assert.ok(['DEADLINE_EXCEEDED', 'CANCELLED'].includes((await failure(nested)).code));
    });

    test(`${where}: a call made by an aborted handler fails at once and sends nothing`, async () => {
      const outcome = deferred<RpcError>();
      const process: TestProcess = await cluster.start([
        {
          type: 'a',
          handlers: {
            '/go': async (_args, ctx) => {
              await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
              const from = cluster.posted.length;
              outcome.resolve(await failure(process.rpc.call('b', '/x')));
              await settle();
              assert.ok(cluster.posted.slice(from).every(({ bytes }) => !Buffer.from(bytes).includes('/x')));
            },
          },
        },
      ]);
      await cluster.start([{ type: 'b', handlers: { '/x': () => 1 } }]);
      const caller = where === 'local' ? process : await cluster.start();
      const abort = new AbortController();
      const call = failure(caller.rpc.call('a', '/go', [], { signal: abort.signal }));
      await settle();
      abort.abort();
      await call;
      assert.equal((await outcome.promise).code, 'CANCELLED');
    });
  }

  test('a signal that is aborted already sends nothing', async () => {
    const { caller } = await cluster.pair({ '/go': () => 1 });
    await caller.rpc.nodes('svc');
    cluster.posted.length = 0;
    const error = await failure(caller.rpc.call('svc', '/go', [], { signal: AbortSignal.abort() }));
    assert.equal(error.code, 'CANCELLED');
    await settle();
    assert.equal(cluster.posted.length, 0);
  });

  test('a cancel never overtakes its request: given up in the turn it was made, the handler still sees it cancelled', async () => {
    const contexts: RpcContext[] = [];
    const { caller } = await cluster.pair({ '/go': (_args, ctx) => (contexts.push(ctx), new Promise(() => {})) });
    await caller.rpc.nodes('svc');
    for (let i = 0; i < 50; i++) {
      const abort = new AbortController();
      const call = failure(caller.rpc.call('svc', '/go', [], { signal: abort.signal }));
      if (i % 2) await Promise.resolve();
      abort.abort();
      await call;
    }
    await settle();
    assert.equal(contexts.length, 50);
    assert.ok(contexts.every((ctx) => ctx.aborted));
  });

  test('what the callee says after it was told to stop is not sent, so that nothing unknown comes back', async () => {
    const gate = deferred();
    const { caller, callee } = await cluster.pair({ '/go': () => gate.promise });
    const abort = new AbortController();
    const call = failure(caller.rpc.call('svc', '/go', [], { signal: abort.signal }));
    await settle();
    const seen = await counts(async () => {
      abort.abort();
      await call;
      await settle();
      gate.resolve();
      await settle();
    });
    assert.deepEqual(seen, []);
    assert.equal(callee.server('svc').size, 0);
  });

  test('an abort that comes after the reply changes nothing, and the listener is gone', async () => {
    const { caller } = await cluster.pair({ '/go': () => 'done' });
    const abort = new AbortController();
    let listeners = 0;
    const add = abort.signal.addEventListener.bind(abort.signal);
    const remove = abort.signal.removeEventListener.bind(abort.signal);
    abort.signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
    abort.signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args));
    for (let i = 0; i < 20; i++) assert.equal(await caller.rpc.call('svc', '/go', [], { signal: abort.signal }), 'done');
    assert.equal(listeners, 0);
    abort.abort();
  });

  test('a thousand calls with one signal end together, without a warning of leaks', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    try {
      const { caller, callee } = await cluster.pair({ '/go': () => new Promise(() => {}) });
      const abort = new AbortController();
      const calls = Array.from({ length: 1000 }, () => failure(caller.rpc.call('svc', '/go', [], { signal: abort.signal })));
      await settle();
      abort.abort();
      for (const error of await Promise.all(calls)) assert.equal(error.code, 'CANCELLED');
      await settle();
      cluster.clock.advance(1100);
      assert.equal(callee.server('svc').size, 0);
    } finally {
      process.off('warning', onWarning);
    }
    assert.deepEqual(warnings.map(({ message }) => message), []);
  });

  test('a caller whose process goes away: its calls are cancelled here as soon as a reply finds nobody', async () => {
    const contexts: RpcContext[] = [];
    const gate = deferred();
    const { caller, callee } = await cluster.pair({ '/hang': (_args, ctx) => (contexts.push(ctx), new Promise(() => {})), '/slow': () => gate.promise });
    for (const path of ['/hang', '/slow']) caller.rpc.call('svc', path).catch(() => {});
    await settle();
    cluster.hub.cut(caller.transport);
    gate.resolve();
    await settle();
    assert.equal(contexts[0]!.aborted, true);
    cluster.clock.advance(1100);
    assert.equal(callee.server('svc').size, 0);
  });
});
