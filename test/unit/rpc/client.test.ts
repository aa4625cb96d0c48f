import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { events, type CallEvent } from '../../../lib/common/events.js';
import { Cluster, deferred, failure, settle, type TestProcess } from './support.js';

describe('the client', () => {
  let cluster = new Cluster();
  afterEach(async () => {
    await cluster.stop();
    cluster = new Cluster();
  });

  test('clients made with other defaults never take each other\'s replies', async () => {
    const { caller } = await cluster.pair({ '/echo': async ([value]) => (await settle(1), value) });
    const clients = [caller.rpc, caller.rpc.with({ timeoutMs: 5000 }), caller.rpc.with({}), caller.rpc.with({}).with({ metadata: { a: '1' } })];
    const calls = clients.flatMap((client, c) => Array.from({ length: 50 }, async (_, i) => assert.equal(await client.call('svc', '/echo', [`${c}-${i}`]), `${c}-${i}`)));
    await Promise.all(calls);
  });

  test('defaults: the call wins over the client, filters add up', async () => {
    await cluster.start([{ type: 'svc', id: 'a', handlers: { '/see': (_args, ctx) => [ctx.nodeId, { ...ctx.metadata }, ctx.remainingMs()] } }]);
    await cluster.start([{ type: 'svc', id: 'b', handlers: { '/see': (_args, ctx) => [ctx.nodeId, { ...ctx.metadata }, ctx.remainingMs()] } }]);
    const { rpc } = await cluster.start();
    const client = rpc.with({ timeoutMs: 500, metadata: { a: '1' }, filters: [({ id }) => id !== 'svc@a'] });
    for (let i = 0; i < 10; i++) assert.deepEqual(await client.call('svc', '/see'), ['svc@b', { a: '1' }, 500]);
    assert.deepEqual(await client.call('svc', '/see', [], { metadata: { b: '2' }, timeoutMs: 700 }), ['svc@b', { b: '2' }, 700]);
    assert.equal((await failure(client.call('svc', '/see', [], { filters: [({ id }) => id !== 'svc@b'] }))).reason, 'NO_NODE_MATCHES');
  });

  test('mapRoute rewrites every target, by path too; sessions keep their node', async () => {
    await cluster.start([{ type: 'real', id: 'r', handlers: { '/go': () => 'real', '/special': () => 'special' } }]);
    await cluster.start([{ type: 'other', id: 'o', handlers: { '/special': () => 'other' } }]);
    const routed: string[] = [];
    const { rpc } = await cluster.start([], {
      mapRoute: (target, path) => {
        routed.push(`${target} ${path}`);
        return path === '/special' ? 'other' : target === 'alias' ? 'real' : target;
      },
    });
    assert.equal(await rpc.call('alias', '/go'), 'real');
    assert.equal(await rpc.call('alias', '/special'), 'other');
    const session = await rpc.session('alias');
    assert.equal(session.node.id, 'real@r');
    assert.equal(await session.call('/special'), 'special');
    assert.deepEqual(routed, ['alias /go', 'alias /special', 'alias ']);
  });

  test('a mapRoute that throws rejects, with and without interceptors', async () => {
    for (const clientInterceptors of [[], [(_call: unknown, next: () => Promise<unknown>) => next()]]) {
      const { rpc } = await cluster.start([], {
        clientInterceptors,
        mapRoute: () => {
          throw new Error('in mapRoute');
        },
      });
      const error = await failure(rpc.call('svc', '/go'));
      assert.equal(error.reason, 'CLIENT_HOOK_FAILED');
      assert.match(error.message, /svc \/go: in mapRoute/);
      assert.match((await failure(rpc.notify('svc', '/go'))).message, /in mapRoute/);
    }
  });

  test('a session stays with its node, and notifies it', async () => {
    const served: string[] = [];
    for (const id of ['a', 'b', 'c']) await cluster.start([{ type: 'svc', id, handlers: { '/go': () => (served.push(id), id) } }]);
    const { rpc } = await cluster.start();
    const session = await rpc.session('svc', { timeoutMs: 900 });
    const id = session.node.id.slice(4);
    for (let i = 0; i < 20; i++) assert.equal(await session.call('/go'), id);
    await session.notify('/go');
    await settle();
    assert.deepEqual(new Set(served), new Set([id]));
    assert.equal(served.length, 21);
    assert.equal((await failure(rpc.session('nobody'))).reason, 'SERVICE_NOT_FOUND');
    assert.equal((await rpc.session('svc@b')).node.id, 'svc@b');
  });

  test('nodes by type and by id', async () => {
    for (const id of ['a', 'b']) await cluster.start([{ type: 'svc', id, handlers: {}, metadata: { zone: id } }]);
    const { rpc } = await cluster.start();
    assert.deepEqual((await rpc.nodes('svc')).map((node) => node.id).sort(), ['svc@a', 'svc@b']);
    assert.deepEqual(await rpc.nodes('nobody'), []);
    const node = await rpc.node('svc@b');
    assert.equal(node.metadata['zone'], 'b');
    assert.equal(node.metadata['anthill.wires'], 'anthill/1');
    assert.match(node.metadata['anthill.process']!, /^anthill\.process\.[0-9a-f]{16}$/);
    assert.equal((await failure(rpc.node('svc@nope'))).reason, 'NODE_NOT_FOUND');
  });

  test('notify resolves before the handler is done, and errors stay unknown', async () => {
    const gate = deferred();
    let ended = false;
    const { caller, callee } = await cluster.pair({
      '/slow': async () => {
        await gate.promise;
        ended = true;
        throw new Error('nobody hears it');
      },
    });
    for (const { rpc } of [caller, callee]) {
      assert.equal(await rpc.notify('svc', '/slow'), undefined);
      assert.equal(ended, false);
    }
    gate.resolve();
    await settle();
    assert.equal(ended, true);
    assert.equal(callee.log.filter(({ message }) => message === 'a handler failed').length, 2);
    assert.equal((await failure(caller.rpc.notify('nobody', '/x'))).reason, 'SERVICE_NOT_FOUND');
    assert.equal((await failure(caller.rpc.notify('svc', '/slow', [() => 1]))).reason, 'UNSUPPORTED_VALUE');
  });

  test('no reply is sent for a notification', async () => {
    const { caller } = await cluster.pair({ '/go': () => 'x', '/fail': () => Promise.reject(new Error('x')) });
    await caller.rpc.nodes('svc');
    cluster.posted.length = 0;
    for (const path of ['/go', '/fail', '/unknown']) await caller.rpc.notify('svc', path);
    await settle();
    assert.ok(cluster.posted.every(({ address }) => address !== `anthill.process.${caller.runtime.processId}`));
  });

  test('the caller is the node that calls, or the process, or what the call says', async () => {
    const { callee, caller } = await cluster.pair({ '/who': (_args, ctx) => ctx.caller });
    const via: TestProcess = await cluster.start([{ type: 'via', id: 'v', handlers: { '/go': () => via.rpc.call('svc', '/who') } }]);
    assert.equal(await caller.rpc.call('svc', '/who'), 'tester');
    assert.equal(await callee.rpc.call('svc', '/who'), 'tester');
    assert.equal(await caller.rpc.call('via', '/go'), 'via@v');
    assert.equal(await caller.rpc.call('svc', '/who', [], { caller: 'someone' }), 'someone');
  });

  test('metadata keys that begin with x- travel on, own ones win, others stay', async () => {
    const { caller } = await cluster.pair({ '/see': (_args, ctx) => ({ ...ctx.metadata }) });
    const via: TestProcess = await cluster.start([
      { type: 'via', handlers: { '/go': ([own]) => via.rpc.call('svc', '/see', [], own === null ? {} : { metadata: own as Record<string, string> }) } },
    ]);
    const metadata = { 'x-trace': '1', 'X-Case': '2', token: 'secret', 'x-__proto__': '3' };
    for (const { rpc } of [caller, via]) {
      assert.deepEqual(await rpc.call('via', '/go', [null], { metadata }), { 'x-trace': '1', 'x-__proto__': '3' });
      assert.deepEqual(await rpc.call('via', '/go', [{ 'x-trace': 'own', b: 'c' }], { metadata }), { 'x-trace': 'own', 'x-__proto__': '3', b: 'c' });
      assert.deepEqual(await rpc.call('via', '/go', [null]), {});
    }
  });

  test('localCopy: false shares values both ways with a node of this process, and only with one', async () => {
    const { caller, callee } = await cluster.pair({ '/same': ([value]) => value });
    const value = { a: [1], f: () => 1 };
    assert.equal(await callee.rpc.call('svc', '/same', [value], { localCopy: false }), value);
    assert.equal((await failure(caller.rpc.call('svc', '/same', [value], { localCopy: false }))).reason, 'UNSUPPORTED_VALUE');
  });

  test('a local call crosses no transport, and works while the link is down', async () => {
    const { callee } = await cluster.pair({ '/go': ([value]) => value });
    cluster.hub.cut(callee.transport);
    cluster.posted.length = 0;
    assert.equal(await callee.rpc.call('svc', '/go', [1]), 1);
    assert.equal(cluster.posted.length, 0);
  });

  test('calls are reported on both sides', async () => {
    const seen: (CallEvent & { side: string })[] = [];
    const onClient = (event: unknown): void => void seen.push({ side: 'client', ...(event as CallEvent) });
    const onServer = (event: unknown): void => void seen.push({ side: 'server', ...(event as CallEvent) });
    events.clientCall.subscribe(onClient);
    events.serverCall.subscribe(onServer);
    try {
      const callee = await cluster.start([{ type: 'svc', id: 'n', handlers: { '/go': async () => (await settle(1), cluster.clock.advance(20)), '/fail': () => Promise.reject(new Error('x')) } }]);
      const caller = await cluster.start();
      await caller.rpc.call('svc', '/go');
      await failure(callee.rpc.call('svc', '/fail'));
    } finally {
      events.clientCall.unsubscribe(onClient);
      events.serverCall.unsubscribe(onServer);
    }
    assert.deepEqual(seen, [
      { side: 'server', target: 'svc@n', path: '/go', wire: 'anthill/1', durationMs: 20 },
      { side: 'client', target: 'svc@n', path: '/go', wire: 'remote', durationMs: 20 },
      { side: 'server', target: 'svc@n', path: '/fail', wire: 'local', durationMs: 0, error: { code: 'INTERNAL', reason: 'HANDLER_FAILED' } },
      { side: 'client', target: 'svc@n', path: '/fail', wire: 'local', durationMs: 0, error: { code: 'INTERNAL', reason: 'HANDLER_FAILED' } },
    ]);
  });

  test('unknown services and odd targets are NOT_FOUND', async () => {
    const { caller } = await cluster.pair({});
    for (const target of ['nobody', '', '@', 'a@b@c', '__proto__', 'constructor', '../x', '\u0000', 'x'.repeat(64 * 1024), 'svc@', 'svc@nope']) {
      const error = await failure(caller.rpc.call(target, '/x'));
      assert.ok(['NOT_FOUND'].includes(error.code), `${target.slice(0, 20)}: ${error.code} ${error.reason}`);
      assert.ok(error.message.length < 500);
    }
  });

  test('a Client is nothing that await takes for a promise', async () => {
    const { caller } = await cluster.pair({ '/go': () => 1 });
    assert.equal(((await caller.rpc) as { call: unknown }).call, caller.rpc.call);
  });
});

describe('draining', () => {
  let cluster = new Cluster();
  afterEach(async () => {
    await cluster.stop();
    cluster = new Cluster();
  });

  test('refuse: new calls are turned away, calls in flight and the calls they make go on, idle tells when they are done', async () => {
    const gate = deferred();
    await cluster.start([{ type: 'other', handlers: { '/x': () => 'other' } }]);
    const callee: TestProcess = await cluster.start([{ type: 'svc', handlers: { '/slow': async () => (await gate.promise, callee.rpc.call('other', '/x')), '/waiting': { run: () => 'waited' }, '/hold': { run: () => gate.promise } } }]);
    const caller = await cluster.start();
    const inFlight = [caller.rpc.call('svc', '/slow'), caller.rpc.call('svc', '/hold'), caller.rpc.call('svc', '/waiting')];
    await settle();
    callee.runtime.refuse('all');
    const error = await failure(caller.rpc.call('svc', '/slow'));
    assert.deepEqual([error.code, error.reason, error.undelivered], ['UNAVAILABLE', 'DRAINING', true]);
    const never = new AbortController();
    let idle = 0;
    const both = [callee.runtime.idle(never.signal).then(() => idle++), callee.runtime.idle(never.signal).then(() => idle++)];
    await settle();
    assert.equal(idle, 0);
    gate.resolve();
    assert.deepEqual(await Promise.all(inFlight), ['other', null, 'waited']);
    await Promise.all(both);
    assert.equal(idle, 2);
  });

  test('idle ends with its signal, and at once when there is nothing', async () => {
    const { callee, caller } = await cluster.pair({ '/hang': () => new Promise(() => {}) });
    await callee.runtime.idle(new AbortController().signal);
    caller.rpc.call('svc', '/hang').catch(() => {});
    await settle();
    const abort = new AbortController();
    const idle = callee.runtime.idle(abort.signal);
    abort.abort();
    await idle;
    await callee.runtime.idle(AbortSignal.abort());
  });

  test('abortAll ends what is left: signals fire, callers are told, and it names what it cut', async () => {
    const signals: AbortSignal[] = [];
    const hang = (_args: readonly unknown[], ctx: { signal: AbortSignal }): Promise<never> => (signals.push(ctx.signal), new Promise(() => {}));
    const { callee, caller } = await cluster.pair({ '/hang': hang, '/serial': { run: hang } });
    const calls = [caller.rpc.call('svc', '/hang'), caller.rpc.call('svc', '/serial'), caller.rpc.call('svc', '/serial')].map(failure);
    await settle();
    cluster.clock.advance(1500);
    const cut = callee.runtime.abortAll();
    assert.equal(cut.length, 3);
    assert.match(cut[0]!, /^svc@\w+ \/hang \(1\.5 s\)$/);
    for (const error of await Promise.all(calls)) assert.deepEqual([error.code, error.reason, error.undelivered], ['UNAVAILABLE', 'HANDLER_ABORTED', false]);
    assert.equal(signals.length, 2, 'the one that waited never started');
    assert.ok(signals.every(({ aborted }) => aborted));
    assert.deepEqual(callee.runtime.abortAll().length, 2, 'handlers that ignore it are still there');
    cluster.clock.advance(1100);
    await callee.runtime.idle(new AbortController().signal);
    assert.equal(callee.server('svc').abandoned, 2);
  });

  test('close fails what still waits, and later calls', async () => {
    const { caller } = await cluster.pair({ '/hang': () => new Promise(() => {}) });
    const call = failure(caller.rpc.call('svc', '/hang'));
    await settle();
    await caller.stop();
    assert.deepEqual([(await call).code, (await call).reason], ['UNAVAILABLE', 'APP_STOPPED']);
    assert.equal((await failure(caller.rpc.call('svc', '/hang'))).code, 'UNAVAILABLE');
  });

  test('close fails calls that run in the same process', async () => {
    const process = await cluster.start([{ type: 'svc', handlers: { '/hang': () => new Promise(() => {}) } }]);
    const call = failure(process.rpc.call('svc', '/hang'));
    await settle();
    process.runtime.abortAll();
    await process.stop();
    assert.equal((await call).reason, 'HANDLER_ABORTED');
  });
});
