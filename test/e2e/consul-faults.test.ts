import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceNode } from '../../lib/common/service-node.js';
import { Advertiser } from '../../lib/registry/advertiser.js';
import { checkId } from '../../lib/registry/consul/consul.registrations.js';
import { consul, mqantRecord } from '../../lib/registry/consul/index.js';
import type { Registry } from '../../lib/registry/registry.js';
import { ServiceDirectory } from '../../lib/selector/service-directory.js';
import { describeWith, startConsul, type RunningServer } from '../services/index.js';

/** How long Consul is away; `npm run test:soak` makes it a minute. */
const awayMs = Number(process.env['ANTHILL_CONSUL_AWAY_MS'] ?? 4000);

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

describeWith('consul faults', ['consul'], () => {
  let server: RunningServer;
  const ends: (() => Promise<unknown> | void)[] = [];
  const open = (options: Parameters<typeof consul>[0] = {}): Registry => {
    const registry = consul({ addr: server.url, timeoutMs: 1000, ...options });
    ends.push(() => registry.close());
    return registry;
  };
  const listed = async (type: string): Promise<number> => {
    const answer = await fetch(`${server.url}/v1/health/service/${type}?passing=1`);
    return ((await answer.json()) as unknown[]).length;
  };
  /** Changes whenever the service is put in anew; undefined while it is out. */
  const birthOf = async (type: string): Promise<number | undefined> => {
    const answer = await fetch(`${server.url}/v1/health/service/${type}?passing=1`);
    const [entry] = (await answer.json()) as { Service: { CreateIndex: number } }[];
    return entry?.Service.CreateIndex;
  };
  const put = async (path: string, body?: object): Promise<void> => {
    const answer = await fetch(`${server.url}/v1/${path}`, { method: 'PUT', body: body === undefined ? null : JSON.stringify(body) });
    assert.ok(answer.ok, `${path}: ${answer.status}`);
  };

  before(async () => {
    server = await startConsul();
  });
  after(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await server.stop();
  });

  it('goes on through a restart that loses all state: no node leaves the callers, all are registered again within 5 s', async () => {
    const advertiser = new Advertiser(open());
    const nodes = ['x', 'y', 'z'].map((id) => makeNode(id, 'faults-restart'));
    await Promise.all(nodes.map((node) => advertiser.advertise(node)));
    // A node of mqant notices the loss at its next renewal only.
    const goNode = mqantRecord().encode(makeNode('go', 'faults-restart'), 20_000)!;
    const registerGoNode = async () => {
      await put(`agent/service/register`, { ...goNode, Check: { TTL: goNode.Check.TTL } });
      await put(`agent/check/pass/${checkId(goNode.ID)}`);
    };
    await registerGoNode();
    await within(2000, 'the node of mqant', async () => (await listed('faults-restart')) === 4);
    const callerRegistry = open();
    const directory = new ServiceDirectory(callerRegistry);
    ends.push(() => directory.close());
    await directory.pick('faults-restart', '/p', undefined);
    const lost: string[] = [];
    directory.onChange(({ removed }) => lost.push(...removed.map((node) => node.id)));

    await server.kill();
    const awayUntil = performance.now() + awayMs;
    while (performance.now() < awayUntil) {
      assert.ok(!(directory.pick('faults-restart', '/p', undefined) instanceof Promise));
      await delay(100);
    }
    assert.match(callerRegistry.health().detail ?? '', new RegExp(`consul at 127\\.0\\.0\\.1:${server.port} cannot be reached \\(ECONNREFUSED\\)`));
    await assert.rejects(async () => directory.pick('faults-other', '/p', undefined), { reason: 'REGISTRY_UNAVAILABLE' });

    await server.restart();
    await within(5000, 'registration of all nodes', async () => (await listed('faults-restart')) === 3);
    await within(5000, 'health', () => callerRegistry.health().status === 'up');
    // By now the caller has seen the list without it, and must not have believed it.
    await delay(5000);
    assert.equal(await listed('faults-restart'), 3);
    await registerGoNode();
    await within(2000, 'the node of mqant', async () => (await listed('faults-restart')) === 4);
    assert.deepEqual(lost, []);
    assert.equal((await directory.nodes('faults-restart')).length, 4);
    await put(`agent/service/deregister/${goNode.ID}`);
    await advertiser.withdrawAll();
  });

  it('registers when Consul appears after us', async () => {
    await server.kill();
    const advertiser = new Advertiser(open());
    const node = makeNode('late');
    const registered = advertiser.advertise(node);
    await within(2000, 'a failed try', () => (advertiser.report()[0]?.failures ?? 0) >= 2);
    assert.match(advertiser.health().detail ?? '', /node faults-\d+@late not registered: consul at .* cannot be reached/);
    await server.restart();
    await registered;
    assert.equal(await listed(node.type), 1);
    assert.equal(advertiser.health().status, 'up');
    await advertiser.withdrawAll();
  });

  it('puts a node back at once when somebody took it out', async () => {
    const advertiser = new Advertiser(open());
    const node = makeNode('x');
    await advertiser.advertise(node);
    // The guard must be watching before the node goes.
    await delay(200);
    const before = await birthOf(node.type);
    await put(`agent/service/deregister/${node.id}`);
    // It may be back before anybody can see that it was out.
    await within(10_000, 'the node', async () => {
      const now = await birthOf(node.type);
      return now !== undefined && now !== before;
    });
    await advertiser.withdrawAll();
    assert.equal(await listed(node.type), 0);
    // And it stays out.
    await delay(1500);
    assert.equal(await listed(node.type), 0);
  });

  it('shows a change of metadata to callers at once, and never drops the node for it', async () => {
    const advertiser = new Advertiser(open());
    const node = makeNode('x');
    await advertiser.advertise(node);
    const directory = new ServiceDirectory(open());
    ends.push(() => directory.close());
    await directory.pick(node.type, '/p', undefined);
    const removed: string[] = [];
    directory.onChange((change) => removed.push(...change.removed.map(({ id }) => id)));
    for (const state of ['one', 'two', 'three']) {
      await delay(100);
      await advertiser.update({ ...node, metadata: { state } });
      await within(1500, 'the change', async () => (await directory.node(node.id))?.metadata['state'] === state);
    }
    assert.deepEqual(removed, []);
    await advertiser.withdrawAll();
  });

  it('is not held up by a Consul that hangs: requests end in their time, the last list serves', async () => {
    const registry = open({ timeoutMs: 300 });
    const advertiser = new Advertiser(registry, { attemptTimeoutMs: 1000 });
    const node = makeNode('x');
    await advertiser.advertise(node, { ttlMs: 20_000, intervalMs: 500 });
    const directory = new ServiceDirectory(registry);
    ends.push(() => directory.close());
    await directory.pick(node.type, '/p', undefined);
    server.pause();
    try {
      const startedAt = performance.now();
      // Its threads stop a moment after the signal: until then one of them may still answer.
      let error: Error | undefined;
      while (error === undefined && performance.now() - startedAt < 5000) error = await registry.get('faults-hang').then(() => undefined, (refusal: Error) => refusal);
      assert.match(String(error), /cannot be reached \(it did not answer in time\)/);
      assert.ok(performance.now() - startedAt < 5000);
      await within(3000, 'a failed renewal', () => advertiser.report()[0]!.state === 'failing');
      assert.ok(!(directory.pick(node.type, '/p', undefined) instanceof Promise));
      assert.equal(registry.health().status, 'down');
    } finally {
      server.resume();
    }
    await within(5000, 'the renewal', () => advertiser.report()[0]!.state === 'registered');
    await advertiser.withdrawAll();
  });

  it('keeps nodes for a while when Consul, well all the time, loses them all at once; those that calls find dead go at once', async () => {
    const type = 'faults-emptied';
    // Nodes of others, which nobody puts back.
    const [host, rows] = ['faults-host', [...'abcdef'].map((id) => mqantRecord().encode(makeNode(id, type), 20_000)!)];
    const added = rows.map(({ ID, Name, Address, Tags }) => ({ Service: { Verb: 'set', Node: host, Service: { ID, Service: Name, Address, Tags } } }));
    await put('txn', [{ Node: { Verb: 'set', Node: { Node: host, Address: '127.0.0.1' } } }, ...added]);
    const directory = new ServiceDirectory(open(), { holdMs: 2000 });
    ends.push(() => directory.close());
    const known = async () => (await directory.nodes(type)).map(({ id }) => id.at(-1)).join('');
    await within(3000, 'six nodes', async () => (await known()) === 'abcdef');
    const removed: string[] = [];
    directory.onChange((change) => removed.push(...change.removed.map(({ id }) => id.at(-1)!)));

    await put('txn', rows.map(({ ID }) => ({ Service: { Verb: 'delete', Node: host, Service: { ID, Service: type } } })));
    await within(2000, 'the loss in Consul', async () => (await listed(type)) === 0);
    const dead = (await directory.node(`${type}@c`))!;
    // Our watch hears of the loss a moment after Consul shows it: a call that fails before that is a call that fails again.
    await within(2000, 'the end of the dead one', async () => {
      directory.markUnreachable(dead);
      return (await known()) === 'abdef';
    });
    assert.ok(!(directory.pick(type, '/p', undefined) instanceof Promise));
    await within(6000, 'the end of the hold', async () => (await known()) === '');
    assert.deepEqual([removed[0], removed.slice(1).sort().join('')], ['c', 'abdef']);
  });

  it('finds services beyond the connections it may hold', async () => {
    const registry = open({ maxHeldConnections: 1 });
    const advertiser = new Advertiser(open());
    const nodes = [makeNode('x'), makeNode('y'), makeNode('z')];
    await Promise.all(nodes.map((node) => advertiser.advertise(node)));
    const directory = new ServiceDirectory(registry);
    ends.push(() => directory.close());
    for (const node of nodes) assert.equal((await directory.pick(node.type, '/p', undefined)).node.id, node.id);
    // By now one watch has the only connection, and the others only ask.
    await delay(300);
    await advertiser.update({ ...nodes[2]!, version: '2' });
    await within(7000, 'the change', async () => (await directory.node(nodes[2]!.id))?.version === '2');
    await advertiser.withdrawAll();
  });

  it('gives the name that was perhaps meant, and costs Consul no watch for strangers’ names', async () => {
    const advertiser = new Advertiser(open());
    const node = makeNode('x', 'faults-helloworld');
    await advertiser.advertise(node);
    const directory = new ServiceDirectory(open());
    ends.push(() => directory.close());
    await assert.rejects(async () => directory.pick('faults-heloworld', '/p', undefined), /did you mean "faults-helloworld"/);
    for (const name of ['..', 'a/../b', 'x\u0000y', '名', 'a b?c', 'faults-helloworld ', 'FAULTS-HELLOWORLD']) {
      await assert.rejects(async () => directory.pick(name, '/p', undefined), { reason: 'SERVICE_NOT_FOUND' }, JSON.stringify(name));
    }
    assert.equal(directory.counters.watches, 0);
    await advertiser.withdrawAll();
  });
});
