import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { RpcError } from '../../../lib/common/rpc-error.js';
import type { Selector } from '../../../lib/common/selection.js';
import { anthillWire } from '../../../lib/wire/anthill/anthill.wire.js';
import { Cluster, counts, failure, settle, stateOf, type TestProcess } from './support.js';

/** Always the first candidate, so that a test knows who is asked. */
const first = (): Selector => ({ name: 'first', pick: (candidates) => [...candidates].sort((a, b) => (a.id < b.id ? -1 : 1))[0] });

describe('redirects', () => {
  let cluster = new Cluster();
  afterEach(async () => {
    await cluster.stop();
    cluster = new Cluster();
  });

  async function nodes(ids: readonly string[], served: string[] = []): Promise<{ processes: Record<string, TestProcess>; caller: TestProcess; served: string[] }> {
    const processes: Record<string, TestProcess> = {};
    for (const id of ids) processes[id] = await cluster.start([{ type: 'svc', id, handlers: { '/go': () => (served.push(id), id) } }]);
    const caller = await cluster.start([], { selector: first() });
    await caller.rpc.nodes('svc');
    return { processes, caller, served };
  }

  /** Its process vanishes without a word to the registry. */
  const kill = (process: TestProcess): void => cluster.hub.cut(process.transport);

  test('a draining node refuses, and another one serves; the caller notices nothing', async () => {
    const { processes, caller } = await nodes(['a', 'b']);
    processes['a']!.runtime.refuse('all');
    for (let i = 0; i < 5; i++) assert.equal(await caller.rpc.call('svc', '/go'), 'b');
  });

  test('a node whose process is gone is marked at once and its call goes elsewhere', async () => {
    const { processes, caller, served } = await nodes(['a', 'b']);
    kill(processes['a']!);
    assert.equal(await caller.rpc.call('svc', '/go'), 'b');
    cluster.posted.length = 0;
    assert.equal(await caller.rpc.call('svc', '/go'), 'b');
    await settle();
    assert.equal(cluster.posted.length, 2, 'the second call does not even try');
    assert.deepEqual(served, ['b', 'b']);
  });

  test('all calls of a message that reached nobody go elsewhere, each once', async () => {
    const { processes, caller, served } = await nodes(['a', 'b']);
    kill(processes['a']!);
    assert.deepEqual(new Set(await Promise.all(Array.from({ length: 100 }, () => caller.rpc.call('svc', '/go')))), new Set(['b']));
    assert.equal(served.length, 100);
  });

  test('calls of earlier messages may have been served: they fail, and are not sent again', async () => {
    const served: string[] = [];
    const a = await cluster.start([{ type: 'svc', id: 'a', handlers: { '/hang': () => (served.push('a'), new Promise(() => {})), '/go': () => 'a' } }]);
    await cluster.start([{ type: 'svc', id: 'b', handlers: { '/hang': () => (served.push('b'), 'b'), '/go': () => 'b' } }]);
    const caller = await cluster.start([], { selector: first() });
    const hanging = failure(caller.rpc.call('svc', '/hang'));
    await settle();
    kill(a);
    assert.equal(await caller.rpc.call('svc', '/go'), 'b');
    // Replies that were under way may arrive after the news.
    cluster.clock.advance(290);
    assert.equal(await stateOf(hanging), 'pending');
    cluster.clock.advance(20);
    const error = await hanging;
    assert.deepEqual([error.code, error.reason, error.undelivered], ['UNAVAILABLE', 'NODE_UNREACHABLE', false]);
    assert.match(error.message, /svc@a went away before it replied; the call may have been served/);
    assert.deepEqual(served, ['a']);
  });

  test('a node that is no more in its process (a late call to a restarted one) is an undelivered refusal', async () => {
    const { processes, caller } = await nodes(['a', 'b']);
    const [node] = (await caller.rpc.nodes('svc')).filter(({ id }) => id === 'svc@a');
    (processes['a']!.runtime as unknown as { nodes: Map<string, unknown> }).nodes.clear();
    assert.equal(await caller.rpc.call('svc', '/go'), 'b');
    const error = await failure(caller.rpc.call(node!.id, '/go'));
    assert.deepEqual([error.reason, error.undelivered, error.remote], ['NODE_UNREACHABLE', true, true]);
  });

  test('bounded: three other nodes by default, as many as said otherwise', async () => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
    const { processes, caller } = await nodes(ids);
    for (const id of ids.slice(0, 5)) processes[id]!.runtime.refuse('all');
    const error = await failure(caller.rpc.call('svc', '/go'));
    assert.deepEqual([error.code, error.reason, error.undelivered], ['UNAVAILABLE', 'DRAINING', true]);
    assert.equal(error.metadata['node'], 'svc@d');
    // Who refused is avoided by the next calls: a fresh caller knows of nobody yet.
    for (const [redirects, last] of [[0, 'svc@a'], [1, 'svc@b']] as const) {
      const { rpc } = await cluster.start([], { selector: first() });
      assert.equal((await failure(rpc.call('svc', '/go', [], { redirects }))).metadata['node'], last);
    }
    const { rpc } = await cluster.start([], { selector: first() });
    assert.equal(await rpc.call('svc', '/go', [], { redirects: 5 }), 'f');
  });

  test('when no other node is left the first reason is told, and that nothing was delivered', async () => {
    const { processes, caller } = await nodes(['a', 'b']);
    for (const process of Object.values(processes)) process.runtime.refuse('all');
    const error = await failure(caller.rpc.call('svc', '/go'));
    assert.deepEqual([error.reason, error.undelivered], ['DRAINING', true]);
    assert.match(error.message, /is stopping and takes no new calls/);
  });

  test('type@id means that node and no other', async () => {
    const { processes, caller, served } = await nodes(['a', 'b']);
    processes['a']!.runtime.refuse('all');
    const error = await failure(caller.rpc.call('svc@a', '/go'));
    assert.deepEqual([error.reason, error.undelivered], ['DRAINING', true]);
    kill(processes['a']!);
    assert.equal((await failure(caller.rpc.call('svc@a', '/go'))).reason, 'NODE_UNREACHABLE');
    assert.deepEqual(served, []);
  });

  test('a handler that passes on a refusal of its own callee is not itself taken for a draining node', async () => {
    const fail = (): never => {
      throw new RpcError({ code: 'UNAVAILABLE', reason: 'DRAINING', message: 'another one', undelivered: true });
    };
    for (const id of ['a', 'b']) await cluster.start([{ type: 'svc', id, handlers: { '/fail': fail, '/go': () => id } }]);
    const caller = await cluster.start([], { selector: first() });
    assert.equal((await failure(caller.rpc.call('svc', '/fail'))).reason, 'DRAINING');
    assert.equal(await caller.rpc.call('svc', '/go'), 'a');
  });

  test('errors of handlers are never sent elsewhere, whatever they claim', async () => {
    let runs = 0;
    const fail = (): never => {
      runs++;
      throw new RpcError({ code: 'UNAVAILABLE', reason: 'NODE_UNREACHABLE', message: 'm', undelivered: true });
    };
    for (const id of ['a', 'b']) await cluster.start([{ type: 'svc', id, handlers: { '/fail': fail } }]);
    const caller = await cluster.start();
    await failure(caller.rpc.call('svc', '/fail'));
    assert.equal(runs, 1);
  });

  test('a result that cannot be sent does not run the handler again elsewhere', async () => {
    let runs = 0;
    for (const id of ['a', 'b']) await cluster.start([{ type: 'svc', id, handlers: { '/large': () => (runs++, new Uint8Array(50 * 1024 * 1024)) } }]);
    const caller = await cluster.start();
    const error = await failure(caller.rpc.call('svc', '/large'));
    assert.equal(error.reason, 'PAYLOAD_TOO_LARGE');
    assert.equal(runs, 1);
  });

  test('while the own link is down calls fail at once, and nothing is tried elsewhere', async () => {
    const { caller } = await nodes(['a', 'b']);
    cluster.hub.cut(caller.transport);
    const error = await failure(caller.rpc.call('svc', '/go'));
    assert.deepEqual([error.code, error.reason, error.undelivered], ['UNAVAILABLE', 'TRANSPORT_DOWN', true]);
    cluster.hub.restore(caller.transport);
    assert.equal(await caller.rpc.call('svc', '/go'), 'a');
  });

  test('the link goes down: what was sent fails as perhaps served, what was not sent as undelivered', async () => {
    const served: unknown[] = [];
    await cluster.start([{ type: 'svc', handlers: { '/hang': ([n]) => (served.push(n), new Promise(() => {})) } }]);
    const caller = await cluster.start();
    const sent = failure(caller.rpc.call('svc', '/hang', [1]));
    await settle();
    const unsent = failure(caller.rpc.call('svc', '/hang', [2]));
    await Promise.resolve();
    cluster.hub.cut(caller.transport);
    assert.deepEqual([(await sent).reason, (await sent).undelivered], ['TRANSPORT_DOWN', false]);
    assert.deepEqual([(await unsent).reason, (await unsent).undelivered], ['TRANSPORT_DOWN', true]);
    cluster.hub.restore(caller.transport);
    await settle();
    assert.deepEqual(served, [1], 'nothing stale leaves when the link is back');
  });

  test('a local node that drains: call and notify go to the other process', async () => {
    const served: string[] = [];
    const local = await cluster.start([{ type: 'svc', id: 'a', handlers: { '/go': () => served.push('a') } }], { selector: first() });
    await cluster.start([{ type: 'svc', id: 'b', handlers: { '/go': () => served.push('b') } }]);
    await local.rpc.nodes('svc');
    local.runtime.refuse('all');
    await local.rpc.call('svc', '/go');
    await local.rpc.notify('svc', '/go');
    await settle();
    assert.deepEqual(served, ['b', 'b']);
    assert.equal((await failure(local.rpc.notify('svc@a', '/go'))).reason, 'DRAINING');
  });

  test('a notification to a process that is gone is lost, but the next ones go elsewhere', async () => {
    const { processes, caller, served } = await nodes(['a', 'b']);
    kill(processes['a']!);
    await caller.rpc.notify('svc', '/go');
    await settle();
    assert.deepEqual(served, []);
    await caller.rpc.notify('svc', '/go');
    await settle();
    assert.deepEqual(served, ['b']);
  });

  test('a node that says it speaks the wire but has no address, and one that speaks another wire', async () => {
    const process = await cluster.start([{ type: 'svc', id: 'a', handlers: {} }]);
    await process.runtime.local[0]!.setMetadata({ 'anthill.process': undefined });
    const caller = await cluster.start();
    const error = await failure(caller.rpc.call('svc', '/go'));
    assert.deepEqual([error.code, error.reason], ['UNIMPLEMENTED', 'WIRE_MISMATCH']);
    assert.match(error.message, /svc@a says it speaks anthill\/1 but publishes no anthill\.process/);
    await process.runtime.local[0]!.setMetadata({ 'anthill.wires': 'mqant' });
    const other = await cluster.start();
    assert.match((await failure(other.rpc.call('svc', '/go'))).message, /svc@a speaks mqant over memory, this process anthill\/1 over memory/);
  });

  test('before listen a call to another process says why it cannot work', async () => {
    await cluster.start([{ type: 'svc', handlers: { '/go': () => 1 } }]);
    const { RpcRuntime } = await import('../../../lib/bootstrap/rpc-runtime.js');
    const model = await cluster.start();
    const options = (model.runtime as unknown as { options: ConstructorParameters<typeof RpcRuntime>[0] }).options;
    const early = new RpcRuntime({ ...options, wires: [anthillWire()] });
    assert.equal((await failure(early.rpc.call('svc', '/go'))).reason, 'APP_NOT_STARTED');
    await early.close();
  });

  test('a strategy whose done or pick throws costs nobody the reply', async () => {
    const { processes } = await nodes(['a']);
    assert.ok(processes['a']);
    const bad: Selector = { ...first(), name: 'bad', done: () => { throw new Error('in done'); } };
    const caller = await cluster.start([], { selector: bad });
    const seen = await counts(async () => assert.equal(await caller.rpc.call('svc', '/go'), 'a'));
    assert.deepEqual(seen, ['selector.failed']);
    const worse = await cluster.start([], { selector: { name: 'worse', pick: () => { throw new Error('in pick'); } } });
    const error = await failure(worse.rpc.call('svc', '/go'));
    assert.match(error.message, /in pick/);
  });
});
