import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { rpcError } from '../../../lib/common/error-catalog.js';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { withWires } from '../../../lib/rpc/explain-call.js';
import { label } from '../../../lib/selector/filters.js';
import { preferZone } from '../../../lib/selector/prefer-zone.selector.js';
import { roundRobin } from '../../../lib/selector/round-robin.selector.js';
import { mqantWire } from '../../../lib/wire/mqant/mqant.wire.js';
import { Cluster, failure } from './support.js';

describe('rpc.explain', () => {
  let cluster: Cluster;
  beforeEach(() => {
    cluster = new Cluster();
  });
  afterEach(() => cluster.stop());

  test('shows what a call does: routes, defaults of the client, and the node it goes to', async () => {
    for (const id of ['a', 'b']) await cluster.start([{ type: 'svc', id, handlers: { '/go': () => id } }]);
    const { rpc } = await cluster.start([], { selector: roundRobin(), mapRoute: (target) => (target === 'alias' ? 'svc' : target) });
    const client = rpc.with({ filters: [({ id }) => id !== 'svc@z'] });
    for (let i = 0; i < 4; i++) {
      const found = await client.explain('alias', '/go');
      assert.deepEqual([found.target, found.type, found.path, found.nodes.length], ['svc', 'svc', '/go', 2]);
      assert.equal(await client.call('alias', '/go'), found.choice!.id.slice(4));
    }
    const filtered = await rpc.with({ filters: [label('zone', 'x')] }).explain('svc', '/go');
    assert.deepEqual([filtered.error?.reason, filtered.nodes[0]!.against[0]!.detail], ['NO_NODE_MATCHES', 'label("zone", "x")']);
    assert.equal((await client.explain('svc', '/go', { exclude: ['svc@a'] })).choice?.id, 'svc@b');
  });

  test('sends nothing', async () => {
    await cluster.start([{ type: 'svc', id: 'a', handlers: { '/go': () => 'a' } }]);
    const { rpc } = await cluster.start();
    await rpc.explain('svc', '/go');
    await rpc.explain('svc@a', '/go');
    assert.deepEqual(cluster.posted, []);
  });

  test('says of an unknown service that it is unknown, and rejects only for what its own mapRoute throws', async () => {
    const { rpc } = await cluster.start([], {
      mapRoute: (target) => {
        if (target === 'bad') throw new Error('in mapRoute');
        return target;
      },
    });
    const found = await rpc.explain('svc', '/go');
    assert.deepEqual([found.known, found.choice, found.error?.reason], [false, undefined, 'SERVICE_NOT_FOUND']);
    assert.equal((await failure(rpc.explain('bad', '/go'))).reason, 'CLIENT_HOOK_FAILED');
  });

  test('names nodes that it has no wire in common with, and says when it cannot call others yet', async () => {
    await cluster.start([{ type: 'svc', id: 'a', handlers: {} }], { wires: [mqantWire()] });
    const { rpc } = await cluster.start([{ type: 'svc', id: 'b', handlers: {} }]);
    const { nodes } = await rpc.explain('svc', '/go');
    assert.deepEqual(nodes.map(({ against }) => against.map(({ by }) => by)), [['wire'], []]);
    assert.match(nodes[0]!.against[0]!.detail, /svc@a speaks mqant over memory, this process anthill\/1/);
    assert.equal((await failure(rpc.call('svc@a', '/go'))).message, nodes[0]!.against[0]!.detail);
    const early = withWires(await rpc.explain('svc', '/go'), { host: () => undefined, peer: () => { throw rpcError('APP_NOT_STARTED', 'not yet'); } });
    assert.deepEqual(early.notes, ['not yet']);
  });

  test('knows the zone of the process, by config or by its own nodes', async () => {
    const zones = { east: ['a', 'b'], west: ['c'] };
    for (const [zone, ids] of Object.entries(zones)) for (const id of ids) await cluster.start([{ type: 'svc', id, handlers: {}, metadata: { zone } }]);
    const choice = async (overrides: Parameters<Cluster['start']>[1], nodes: Parameters<Cluster['start']>[0] = []) =>
      (await (await cluster.start(nodes, { selector: preferZone({ selector: roundRobin() }), ...overrides })).rpc.explain('svc', '/')).choice?.id;
    assert.equal(await choice({ zone: 'west' }), 'svc@c');
    assert.equal(await choice({}, [{ type: 'other', handlers: {}, metadata: { zone: 'west' } }]), 'svc@c');
    assert.equal(await choice({}), 'svc@a');
  });
});

describe('outcomes of calls', () => {
  let cluster: Cluster;
  beforeEach(() => {
    cluster = new Cluster();
  });
  afterEach(() => cluster.stop());

  test('reach the detection of outliers: errors of handlers, deadlines, and nodes of the same process', async () => {
    const fail = (code: 'UNAVAILABLE' | 'INVALID_ARGUMENT') => () => {
      throw new RpcError({ code, message: 'no' });
    };
    const handlers = { '/bad': fail('UNAVAILABLE'), '/wrong': fail('INVALID_ARGUMENT'), '/bug': () => { throw new Error('bug'); }, '/never': () => new Promise(() => {}) };
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) await cluster.start([{ type: 'svc', id, handlers }]);
    const { rpc, runtime, log } = await cluster.start([{ type: 'svc', id: 'g', handlers }], { discovery: { outlierDetection: { consecutiveFailures: 2 } } });
    const twice = async (target: string, path: string) => {
      for (let i = 0; i < 2; i++) {
        const call = rpc.call(target, path, [], { timeoutMs: 100 });
        if (path === '/never') cluster.clock.advance(100);
        await failure(call);
      }
    };
    await twice('svc@a', '/bad');
    await twice('svc@b', '/wrong');
    await twice('svc@c', '/never');
    await twice('svc@g', '/bug');
    const { nodes } = await rpc.explain('svc', '/bad');
    assert.deepEqual(nodes.filter(({ candidate }) => !candidate).map(({ node, against }) => [node.id, against[0]!.by]), [['svc@a', 'ejected'], ['svc@c', 'ejected'], ['svc@g', 'ejected']]);
    assert.equal(runtime.directory.counters.ejected, 3);
    assert.equal(log.filter(({ level, message }) => level === 'warn' && message.includes('is ejected')).length, 3);
  });
});
