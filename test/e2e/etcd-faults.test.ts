import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceNode } from '../../lib/common/service-node.js';
import { Advertiser } from '../../lib/registry/advertiser.js';
import { encodeRecord, nodeKey } from '../../lib/registry/etcd/etcd.record.js';
import { etcd } from '../../lib/registry/etcd/index.js';
import type { Registry } from '../../lib/registry/registry.js';
import { ServiceDirectory } from '../../lib/selector/service-directory.js';
import { describeWith, startEtcd, type RunningServer } from '../services/index.js';

const PREFIX = '/mqant-registry';
/** How long etcd is away; the time of F33's partition in miniature. */
const awayMs = Number(process.env['ANTHILL_ETCD_AWAY_MS'] ?? 3000);

let counter = 0;
const makeNode = (id: string, type = `faults-${++counter}`): ServiceNode => ({ id: `${type}@${id}`, type, version: '1.0.0', address: `anthill.rpc.${type}.${id}`, metadata: { pid: '1' } });

/** Waits for what should come, and says how long it took. */
async function within(limitMs: number, what: string, holds: () => boolean | Promise<boolean>): Promise<number> {
  const startedAt = performance.now();
  while (!(await Promise.resolve(holds()).catch(() => false))) {
    if (performance.now() - startedAt > limitMs) assert.fail(`${what} did not come within ${limitMs} ms`);
    await delay(20);
  }
  return performance.now() - startedAt;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describeWith('etcd faults', ['etcd'], () => {
  let server: RunningServer;
  const ends: (() => Promise<unknown> | void)[] = [];
  const open = (options: Parameters<typeof etcd>[0] = {}): Registry => {
    const registry = etcd({ endpoints: server.url, timeoutMs: 1000, ...options });
    ends.push(() => registry.close());
    return registry;
  };
  /** As an operator would, past our client. */
  const ask = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${server.url}/v3/${path}`, { method: 'POST', body: JSON.stringify(body), signal: AbortSignal.timeout(2000) });
    assert.ok(answer.ok, `${path}: ${answer.status}`);
    return (await answer.json()) as Record<string, unknown>;
  };
  const rowOf = async (node: ServiceNode): Promise<{ lease: string; create_revision: string; mod_revision: string } | undefined> => {
    const { kvs } = (await ask('kv/range', { key: base64(nodeKey(PREFIX, node)) })) as { kvs?: [{ lease: string; create_revision: string; mod_revision: string }] };
    return kvs?.[0];
  };
  const follow = async (type: string) => {
    const registry = open();
    const directory = new ServiceDirectory(registry);
    ends.push(() => directory.close());
    await directory.pick(type, '/p', undefined);
    const lost: string[] = [];
    directory.onChange(({ removed }) => lost.push(...removed.map(({ id }) => id)));
    return { registry, directory, lost };
  };

  before(async () => {
    server = await startEtcd();
  });
  after(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await server.stop();
  });

  it('goes on through kill and restart: no node leaves the callers, who serve from what they know', async () => {
    const advertiser = new Advertiser(open());
    const nodes = ['x', 'y', 'z'].map((id) => makeNode(id, 'faults-restart'));
    await Promise.all(nodes.map((node) => advertiser.advertise(node, { ttlMs: 2000, intervalMs: 500 })));
    const { registry, directory, lost } = await follow('faults-restart');
    await server.kill();
    const awayUntil = performance.now() + awayMs;
    while (performance.now() < awayUntil) {
      assert.ok(!(directory.pick('faults-restart', '/p', undefined) instanceof Promise));
      await delay(100);
    }
    await within(1000, 'health', () => registry.health().status === 'down');
    assert.match(registry.health().detail!, new RegExp(`etcd at 127\\.0\\.0\\.1:${server.port} cannot be reached \\(connect ECONNREFUSED 127\\.0\\.0\\.1:${server.port}\\)`));
    await assert.rejects(async () => directory.pick('faults-other', '/p', undefined), { reason: 'REGISTRY_UNAVAILABLE' });
    await server.restart();
    await within(5000, 'health', () => registry.health().status === 'up');
    await within(5000, 'the renewals', () => advertiser.report().every(({ state }) => state === 'registered'));
    // The watch is alive again, and leases end in it.
    await advertiser.withdraw(nodes[2]!.id);
    await within(2000, 'the end of a node', async () => (await directory.nodes('faults-restart')).length === 2);
    assert.deepEqual(lost, [nodes[2]!.id]);
    await advertiser.withdrawAll();
  });

  it('puts everything back within 5 s when etcd comes back without its data, and callers lose nobody meanwhile', async () => {
    const advertiser = new Advertiser(open());
    const nodes = ['x', 'y'].map((id) => makeNode(id, 'faults-wiped'));
    await Promise.all(nodes.map((node) => advertiser.advertise(node)));
    const { directory, lost } = await follow('faults-wiped');
    // Stopping removes the data.
    await server.stop();
    await server.restart();
    const births = await Promise.all(nodes.map((node) => within(5000, node.id, async () => (await rowOf(node)) !== undefined)));
    assert.equal(births.length, 2);
    await within(5000, 'a change', async () => {
      await advertiser.update({ ...nodes[0]!, metadata: { state: 'after' } });
      return (await directory.node(nodes[0]!.id))?.metadata['state'] === 'after';
    });
    assert.deepEqual(lost, []);
    await advertiser.withdrawAll();
  });

  it('registers when etcd appears after us', async () => {
    await server.kill();
    const advertiser = new Advertiser(open());
    const node = makeNode('late');
    const registered = advertiser.advertise(node);
    await within(3000, 'a failed try', () => (advertiser.report()[0]?.failures ?? 0) >= 2);
    assert.match(advertiser.health().detail!, /node faults-\d+@late not registered: etcd at .* cannot be reached \(connect ECONNREFUSED/);
    await server.restart();
    await registered;
    assert.notEqual(await rowOf(node), undefined);
    assert.equal(advertiser.health().status, 'up');
    await advertiser.withdrawAll();
  });

  it('puts a node back at once when its lease is revoked, or its record deleted, and leaves it out when it has stopped', async () => {
    const advertiser = new Advertiser(open());
    const node = makeNode('x');
    await advertiser.advertise(node);
    const first = (await rowOf(node))!;
    await ask('lease/revoke', { ID: first.lease });
    let lease = '';
    const healed = await within(3000, 'the node', async () => {
      const now = await rowOf(node);
      lease = now?.lease ?? '';
      return now !== undefined && now.lease !== first.lease;
    });
    assert.ok(healed < 3000);
    await ask('kv/deleterange', { key: base64(nodeKey(PREFIX, node)) });
    await within(3000, 'the record', async () => (await rowOf(node)) !== undefined);
    assert.equal((await rowOf(node))!.lease, lease, 'the lease lives on');
    await advertiser.withdrawAll();
    assert.equal(await rowOf(node), undefined);
    await delay(1500);
    assert.equal(await rowOf(node), undefined);
  });

  it('misses nothing when history is compacted during a watch, and over a restart after it', async () => {
    const { directory } = await (async () => {
      const type = 'faults-compact';
      const advertiser = new Advertiser(open());
      await advertiser.advertise(makeNode('first', type));
      ends.push(() => advertiser.withdrawAll().catch(() => {}));
      return follow(type);
    })();
    const writer = open();
    const seen = async (count: number) => within(6000, `${count} nodes`, async () => (await directory.nodes('faults-compact')).length === count);
    const compact = async () => {
      const { header } = (await ask('kv/range', { key: base64('x') })) as { header: { revision: string } };
      await ask('kv/compaction', { revision: header.revision, physical: true });
    };
    const timing = { ttlMs: 20_000, intervalMs: 10_000 };
    await writer.register(makeNode('a', 'faults-compact'), timing);
    await seen(2);
    await compact();
    await writer.register(makeNode('b', 'faults-compact'), timing);
    await seen(3);
    // While the watch is broken nodes come and go, and what it would ask for is compacted.
    await server.restart();
    await within(3000, 'a write', () => writer.register(makeNode('c', 'faults-compact'), timing).then(() => true));
    await writer.deregister(makeNode('a', 'faults-compact'));
    await compact();
    await within(6000, 'the new node', async () => (await directory.nodes('faults-compact')).some(({ id }) => id === 'faults-compact@c'));
    for (const id of ['b', 'c']) await writer.deregister(makeNode(id, 'faults-compact'));
  });

  it('is not held up by an etcd that hangs: requests end in their time, the last list serves', async () => {
    const registry = open({ timeoutMs: 300 });
    const advertiser = new Advertiser(registry, { attemptTimeoutMs: 1000 });
    const node = makeNode('x');
    await advertiser.advertise(node, { ttlMs: 20_000, intervalMs: 500 });
    const directory = new ServiceDirectory(registry);
    ends.push(() => directory.close());
    await directory.pick(node.type, '/p', undefined);
    server.pause();
    try {
      let error: Error | undefined;
      await within(5000, 'a refusal', async () => {
        error = await registry.get('faults-hang').then(() => undefined, (refusal: Error) => refusal);
        return error !== undefined;
      });
      assert.match(String(error), /cannot be reached \(it did not answer in time\)/);
      await within(3000, 'a failed renewal', () => advertiser.report()[0]!.state === 'failing');
      assert.ok(!(directory.pick(node.type, '/p', undefined) instanceof Promise));
      assert.equal(registry.health().status, 'down');
    } finally {
      server.resume();
    }
    await within(5000, 'the renewal', () => advertiser.report()[0]!.state === 'registered');
    await advertiser.withdrawAll();
  });

  it('shows a change of metadata to callers at once, and never drops the node for it', async () => {
    const advertiser = new Advertiser(open());
    const node = makeNode('x');
    await advertiser.advertise(node);
    const { directory, lost } = await follow(node.type);
    for (const state of ['one', 'two', 'three']) {
      await advertiser.update({ ...node, metadata: { state } });
      await within(1000, 'the change', async () => (await directory.node(node.id))?.metadata['state'] === state);
    }
    assert.deepEqual(lost, []);
    await advertiser.withdrawAll();
  });

  it('takes the next member when the first is away from the start', async () => {
    const registry = open({ endpoints: ['127.0.0.1:1', server.url.replace('http://', '')] });
    const node = makeNode('x');
    await registry.register(node, { ttlMs: 20_000, intervalMs: 10_000 });
    assert.deepEqual((await registry.get(node.type)).nodes, [node]);
    assert.equal(registry.health().status, 'up');
    await registry.deregister(node);
  });

  it('gives the name that was perhaps meant, and costs etcd no watch for strangers’ names', async () => {
    const registry = open();
    const node = makeNode('x', 'faults-helloworld');
    await registry.register(node, { ttlMs: 20_000, intervalMs: 10_000 });
    const directory = new ServiceDirectory(open());
    ends.push(() => directory.close());
    await assert.rejects(async () => directory.pick('faults-heloworld', '/p', undefined), /did you mean "faults-helloworld"/);
    for (const name of ['..', 'a/../b', 'x\u0000y', '名', 'a b?c', 'faults-helloworld ', 'FAULTS-HELLOWORLD']) {
      await assert.rejects(async () => directory.pick(name, '/p', undefined), { reason: 'SERVICE_NOT_FOUND' }, JSON.stringify(name));
    }
    assert.equal(directory.counters.watches, 0);
    await registry.deregister(node);
  });

  it('survives records that are none', async () => {
    const node = makeNode('x');
    for (const [key, value] of [['garbage', '\u0000\u0001'], ['json', '{"name":7}'], ['other', encodeRecord(makeNode('y', 'another'))]]) {
      await ask('kv/put', { key: base64(`${PREFIX}/${node.type}/${key}`), value: base64(value!) });
    }
    await ask('kv/put', { key: base64(PREFIX), value: base64('x') });
    const registry = open();
    await registry.register(node, { ttlMs: 20_000, intervalMs: 10_000 });
    assert.deepEqual((await registry.get(node.type)).nodes, [node]);
    assert.ok((await registry.list()).includes(node.type));
    await registry.deregister(node);
  });
});
