import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memory, MemoryHub } from '../../../lib/registry/memory.registry.js';
import { registryContract } from '../../../lib/testing/registry.contract.js';
import { FakeClock } from './fake-clock.js';

registryContract('memory', () => {
  const clock = new FakeClock();
  const hub = new MemoryHub(clock);
  return { open: () => memory(hub), elapse: (ms) => clock.advance(ms) };
});

describe('memory registry', () => {
  const node = { id: 'a@1', type: 'a', version: '1', address: 'x', metadata: {} };
  const timing = { ttlMs: 1000, intervalMs: 400 };

  it('keeps instances apart unless they share a hub', async () => {
    const [one, other] = [memory(), memory()];
    await one.register(node, timing);
    assert.deepEqual((await other.get('a')).nodes, []);
    await one.deregister(node);
  });

  it('goes on for the other app when one of two that share it closes', async () => {
    const shared = memory();
    await shared.register(node, timing);
    await shared.close();
    assert.equal((await shared.get('a')).nodes.length, 1);
    const watch = shared.watch('a', new AbortController().signal)[Symbol.asyncIterator]();
    assert.equal((await watch.next()).done, false);
    await shared.close();
    assert.equal((await watch.next()).done, true);
    await shared.deregister(node);
  });

  it('leaves no timer behind a node that was taken out', async () => {
    const clock = new FakeClock();
    const registry = memory(new MemoryHub(clock));
    await registry.register(node, timing);
    await registry.register(node, timing);
    assert.equal(clock.pending, 1);
    await registry.deregister(node);
    assert.equal(clock.pending, 0);
  });
});
