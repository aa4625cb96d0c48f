import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NodeClaims } from '../../../lib/bootstrap/node-claims.js';
import { systemClock } from '../../../lib/common/clock.js';
import { silentLogger } from '../../../lib/common/logger.js';
import { memory as memoryRegistry, MemoryHub } from '../../../lib/registry/memory.registry.js';
import type { Registry } from '../../../lib/registry/registry.js';
import { memoryHub } from '../../../lib/transport/memory/memory.hub.js';
import { memory as memoryTransport } from '../../../lib/transport/memory/memory.transport.js';

const timing = { ttlMs: 20_000, intervalMs: 10_000 };

async function setUp(registry: Registry = memoryRegistry(new MemoryHub())) {
  const hub = memoryHub();
  const [first, second] = [memoryTransport(hub), memoryTransport(hub)];
  await Promise.all([first.connect(), second.connect()]);
  const infos: string[] = [];
  const claims = new NodeClaims({ transport: second, registry, clock: systemClock, logger: { ...silentLogger, info: (text: string) => infos.push(text) } });
  second.on({ onUndeliverable: (token) => claims.undeliverable(token), onLink() {} });
  return { registry, first, claims, infos };
}

describe('node ids', () => {
  it('are refused while another process listens under them, with both addresses', async () => {
    const { registry, first, claims } = await setUp();
    await first.subscribe('process.one', () => {});
    const metadata = { 'anthill.process': 'process.one', hostname: 'elsewhere', pid: '7' };
    await registry.register({ id: 't@a', type: 't', version: '1', address: 'x', metadata }, timing);
    await assert.rejects(claims.check('t', 't@a', 'process.two'), (error: Error & { reason?: string }) => {
      assert.equal(error.reason, 'NODE_ID_TAKEN');
      assert.match(error.message, /^node t@a runs already, at process\.one \(host elsewhere, pid 7\); this process, process\.two \(host .+, pid \d+\), must not take its place/);
      return true;
    });
  });

  it('are taken over from the dead, and of mqant nodes the address counts', async () => {
    const { registry, first, claims, infos } = await setUp();
    await registry.register({ id: 't@a', type: 't', version: '1', address: 'node.a', metadata: {} }, timing);
    await claims.check('t', 't@a', 'process.two');
    assert.match(infos[0] ?? '', /takes the place of a dead one at node\.a/);
    await first.subscribe('node.a', () => {});
    await assert.rejects(claims.check('t', 't@a', 'process.two'), { reason: 'NODE_ID_TAKEN' });
  });

  it('are free when nobody has them, when it is ourselves, or when the registry is away', async () => {
    const { registry, claims } = await setUp();
    await claims.check('t', 't@a', 'process.two');
    await registry.register({ id: 't@a', type: 't', version: '1', address: 'x', metadata: { 'anthill.process': 'process.two' } }, timing);
    await claims.check('t', 't@a', 'process.two');
    const away: Registry = { ...memoryRegistry(), get: () => Promise.reject(new Error('away')) };
    await (await setUp(away)).claims.check('t', 't@a', 'process.two');
  });
});
