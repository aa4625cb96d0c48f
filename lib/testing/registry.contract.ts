import assert from 'node:assert/strict';
import { setMaxListeners } from 'node:events';
import { after, before, describe, it } from 'node:test';
import type { ServiceNode } from '../common/service-node.js';
import type { Registry } from '../registry/registry.js';
import { eventually, follow, makeNode, reach, uniqueType } from './registry-watcher.js';

/** One backend for the suite. @public */
export interface RegistryFixture {
  /** A new registry over the same backend, as another process would have it. The suite closes it. */
  open(): Registry;
  /** Lets this much time pass for the TTLs: moves the fake clock, or waits. */
  elapse(ms: number): Promise<void>;
  /** Ends the backend. */
  dispose?(): Promise<void>;
}

const LONG = { ttlMs: 20_000, intervalMs: 10_000 };
const SHORT = { ttlMs: 1000, intervalMs: 400 };

/**
 * What every registry must do; registers a `describe` of node:test. The in-memory registry is the reference and passes it, and so must an adapter of yours.
 * @public
 */
export function registryContract(name: string, create: () => Promise<RegistryFixture> | RegistryFixture): void {
  describe(`registry contract: ${name}`, { timeout: 60_000 }, () => {
    let fixture: RegistryFixture;
    const opened: Registry[] = [];
    const open = () => {
      const registry = fixture.open();
      opened.push(registry);
      return registry;
    };

    before(async () => {
      fixture = await create();
    });
    after(async () => {
      for (const registry of opened) await registry.close();
      await fixture.dispose?.();
    });

    it('shows a registered node with all it has, to itself at once and to others', async () => {
      const [ours, theirs] = [open(), open()];
      const node = makeNode(uniqueType(), 'a', { version: '1.2.3-beta', metadata: { state: 'alive', 城市: '北京 = "x"', empty: '', 'anthill.wires': 'anthill/1,mqant' } });
      await ours.register(node, LONG);
      assert.deepEqual(await ours.get(node.type), { service: node.type, nodes: [node] });
      assert.deepEqual((await reach(theirs, node.type, (nodes) => nodes.length > 0)).nodes, [node]);
    });

    it('answers with no nodes for a service that nobody has', async () => {
      const service = uniqueType();
      assert.deepEqual(await open().get(service), { service, nodes: [] });
    });

    it('survives names that are not names', async () => {
      const registry = open();
      for (const service of ['__proto__', 'constructor', '../x', '..', '.', '', 'a/b?c#d', 'x'.repeat(5000), 'a\u0000b', '\ud800', 'ß 名']) {
        assert.deepEqual((await registry.get(service)).nodes, [], JSON.stringify(service).slice(0, 40));
      }
    });

    it('keeps the case of names, and foreign keys of metadata', async () => {
      const registry = open();
      const metadata: Record<string, string> = Object.fromEntries([['__proto__', 'p'], ['constructor', 'c'], ['Key', 'V'], ['key', 'v']]);
      const node = makeNode(`Mixed${uniqueType()}`, 'a', { metadata });
      await registry.register(node, LONG);
      const [shown] = (await registry.get(node.type)).nodes;
      assert.deepEqual(Object.entries(shown!.metadata).sort(), Object.entries(metadata).sort());
      assert.deepEqual((await registry.get(node.type.toLowerCase())).nodes, []);
      await registry.deregister(node);
    });

    it('hands out what nobody can change, and keeps nothing that others can', async () => {
      const registry = open();
      const metadata = { state: 'alive' };
      const node = makeNode(uniqueType(), 'a', { metadata });
      await registry.register(node, LONG);
      metadata.state = 'changed';
      const snapshot = await registry.get(node.type);
      assert.equal(snapshot.nodes[0]!.metadata['state'], 'alive');
      for (const part of [snapshot, snapshot.nodes, snapshot.nodes[0], snapshot.nodes[0]!.metadata]) assert.ok(Object.isFrozen(part));
    });

    it('registers again without harm, and shows what changed', async () => {
      const registry = open();
      const node = makeNode(uniqueType(), 'a');
      await registry.register(node, LONG);
      await registry.register(node, LONG);
      assert.deepEqual((await registry.get(node.type)).nodes, [node]);
      const changed: ServiceNode = { ...node, version: '2.0.0', address: `${node.address}.new`, metadata: { state: 'forbidden' } };
      await registry.register(changed, LONG);
      assert.deepEqual((await registry.get(node.type)).nodes, [changed]);
    });

    it('keeps the nodes of one service apart, sorted by id', async () => {
      const registry = open();
      const type = uniqueType();
      const [a, b, c] = [makeNode(type, 'a'), makeNode(type, 'b'), makeNode(type, 'c', { version: '2.0.0' })];
      for (const node of [c, a, b]) await registry.register(node, LONG);
      assert.deepEqual((await registry.get(type)).nodes, [a, b, c]);
      await registry.deregister(b);
      assert.deepEqual((await reach(registry, type, (nodes) => nodes.length === 2)).nodes, [a, c]);
      await registry.register(a, LONG);
      await registry.register(c, LONG);
      assert.deepEqual((await registry.get(type)).nodes, [a, c]);
    });

    it('takes out without complaint what is not in', async () => {
      const registry = open();
      const node = makeNode(uniqueType(), 'a');
      await registry.deregister(node);
      await registry.register(node, LONG);
      await registry.deregister(node);
      await registry.deregister(node);
      await reach(registry, node.type, (nodes) => nodes.length === 0);
    });

    it('registers again what was taken out', async () => {
      const registry = open();
      const node = makeNode(uniqueType(), 'a');
      await registry.register(node, LONG);
      await registry.deregister(node);
      await registry.register(node, LONG);
      assert.deepEqual((await registry.get(node.type)).nodes, [node]);
    });

    it('lists the names of services that have nodes', async () => {
      const registry = open();
      const node = makeNode(uniqueType(), 'a');
      assert.ok(!(await registry.list()).includes(node.type));
      await registry.register(node, LONG);
      assert.ok((await registry.list()).includes(node.type));
      await registry.deregister(node);
      await eventually(async () => !(await registry.list()).includes(node.type), 'the name of an empty service stays listed');
    });

    it('watches: what is now first, then each change made by others', async () => {
      const [ours, theirs] = [open(), open()];
      const type = uniqueType();
      const [a, b] = [makeNode(type, 'a'), makeNode(type, 'b')];
      const watched = follow(ours, type);
      assert.deepEqual((await watched.next()).nodes, []);
      await theirs.register(a, LONG);
      assert.deepEqual((await watched.until((nodes) => nodes.length === 1)).nodes, [a]);
      const forbidden: ServiceNode = { ...a, metadata: { state: 'forbidden' } };
      await theirs.register(forbidden, LONG);
      assert.deepEqual((await watched.until((nodes) => nodes[0]?.metadata['state'] === 'forbidden')).nodes, [forbidden]);
      await theirs.register(b, LONG);
      await theirs.deregister(forbidden);
      assert.deepEqual((await watched.until((nodes) => nodes.length === 1 && nodes[0]!.id === b.id)).nodes, [b]);
      await theirs.deregister(b);
      await watched.until((nodes) => nodes.length === 0);
      await watched.end();
    });

    it('does not repeat itself while nodes only renew', async () => {
      const registry = open();
      const node = makeNode(uniqueType(), 'a');
      await registry.register(node, LONG);
      const watched = follow(registry, node.type);
      assert.deepEqual((await watched.next()).nodes, [node]);
      for (let i = 0; i < 3; i++) await registry.register(node, LONG);
      const changed: ServiceNode = { ...node, version: '9' };
      await registry.register(changed, LONG);
      assert.deepEqual((await watched.next()).nodes, [changed]);
      await watched.end();
    });

    it('keeps the identity of nodes that did not change', async () => {
      const registry = open();
      const type = uniqueType();
      await registry.register(makeNode(type, 'a'), LONG);
      const watched = follow(registry, type);
      const before = await watched.until((nodes) => nodes.length === 1);
      await registry.register(makeNode(type, 'b'), LONG);
      const after = await watched.until((nodes) => nodes.length === 2);
      assert.equal(after.nodes[0], before.nodes[0]);
      await watched.end();
    });

    it('ends a watch at once when its signal aborts, before the first snapshot too', async () => {
      const registry = open();
      const watched = follow(registry, uniqueType());
      await watched.next();
      const startedAt = performance.now();
      await watched.end();
      assert.ok(performance.now() - startedAt < 1000, 'an aborted watch must not wait for its next event');
      for await (const snapshot of registry.watch(uniqueType(), AbortSignal.abort())) assert.fail(`an aborted watch yields nothing, got ${JSON.stringify(snapshot)}`);
    });

    it('watches many services without a warning of leaks', async () => {
      const warnings: Error[] = [];
      const onWarning = (warning: Error) => warnings.push(warning);
      process.on('warning', onWarning);
      try {
        const registry = open();
        const aborter = new AbortController();
        setMaxListeners(0, aborter.signal);
        const watches = Array.from({ length: 30 }, () => follow(registry, uniqueType(), aborter));
        for (const watched of watches) await watched.next();
        await Promise.all(watches.map((watched) => watched.end()));
        await new Promise((resolve) => setImmediate(resolve));
        assert.deepEqual(warnings, []);
      } finally {
        process.off('warning', onWarning);
      }
    });

    it('drops a node that stops renewing, and keeps those that renew', async () => {
      const registry = open();
      const type = uniqueType();
      const [gone, alive] = [makeNode(type, 'gone'), makeNode(type, 'alive')];
      await registry.register(gone, SHORT);
      await registry.register(alive, SHORT);
      const watched = follow(registry, type);
      await watched.until((nodes) => nodes.length === 2);
      for (let i = 0; i < 4; i++) {
        await fixture.elapse(SHORT.intervalMs);
        await registry.register(alive, SHORT);
      }
      assert.deepEqual((await watched.until((nodes) => nodes.length < 2)).nodes, [alive]);
      assert.deepEqual((await registry.get(type)).nodes, [alive]);
      // It comes back when it renews after all, as after a long pause of its process.
      await registry.register(gone, LONG);
      assert.deepEqual((await watched.until((nodes) => nodes.length === 2)).nodes.map((node) => node.id), [alive.id, gone.id]);
      await watched.end();
      await registry.deregister(gone);
    });

    it('is up after it was asked, and ends its watches when it is closed', async () => {
      const registry = open();
      await registry.connect();
      assert.equal(registry.health().status, 'up');
      const watched = follow(registry, uniqueType());
      await watched.next();
      await registry.close();
      await watched.ended();
    });
  });
}
