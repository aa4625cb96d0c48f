import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServiceNode } from '../../../lib/common/service-node.js';
import { Services } from '../../../lib/selector/services.js';
import { tagged } from '../../../lib/selector/tagged.js';
import { weighted } from '../../../lib/selector/weighted.selector.js';

const node = (id: string, metadata: Record<string, string>): ServiceNode => ({ id: `order@${id}`, type: 'order', version: '1', address: id, metadata });
const NODES = [
  node('a', { 'anthill.grpc': '10.0.0.1:8888', 'anthill.tags': 'development,blue', weight: '1' }),
  node('b', { 'anthill.grpc': '10.0.0.2:8888', 'anthill.tags': 'development', weight: '10' }),
  node('c', { 'anthill.grpc': '[2001:db8::3]:9999', 'anthill.env': 'production' }),
  node('d', { 'anthill.tags': 'development' }),
  node('e', { 'anthill.grpc': '10.0.0.5:8888', 'anthill.tags': 'development', state: 'forbidden', weight: '99' }),
];

function services(environment?: string, random = { next: () => 0.5, hex: () => '' }): Services {
  return new Services(async (type) => (type === 'order' ? NODES : []), () => environment, weighted({ random }));
}

const ids = async (found: Promise<readonly { node: ServiceNode }[]>) => (await found).map(({ node: { address } }) => address);

describe('Services', () => {
  it("gives those of the app's environment, of another tag, or all; only what has a gRPC endpoint and is not forbidden", async () => {
    assert.deepEqual(await ids(services('development').all('order')), ['a', 'b']);
    assert.deepEqual(await ids(services('production').all('order')), ['c']);
    assert.deepEqual(await ids(services('production').all('order', { tag: 'blue' })), ['a']);
    assert.deepEqual(await ids(services('production').all('order', { tag: false })), ['a', 'b', 'c']);
    assert.deepEqual(await ids(services().all('order')), ['a', 'b', 'c']);
    assert.deepEqual(await ids(services().all('nobody')), []);
  });

  it('chooses by weight: all in proportion, or the largest as hrpc does', async () => {
    let at = 0;
    const spread = services('development', { next: () => (at++ % 11) / 11, hex: () => '' });
    const counts: Record<string, number> = { a: 0, b: 0 };
    for (let i = 0; i < 110; i++) counts[(await spread.get('order')).node.address]!++;
    assert.deepEqual(counts, { a: 10, b: 100 });
    for (let i = 0; i < 5; i++) assert.equal((await spread.get('order', { choose: 'largest' })).node.address, 'b');
  });

  it('gives what a client wants to connect to', async () => {
    const instance = await services('development').get('order', { choose: 'largest' });
    assert.deepEqual([instance.name, instance.endpoint, instance.port, instance.weight, `${instance}`], ['order', '10.0.0.2', 8888, 10, '10.0.0.2:8888']);
    assert.equal(instance.target(), 'order:8888');
    assert.equal(instance.target('{name}.{namespace}.svc.cluster.local:{port}'), 'order.dev.svc.cluster.local:8888');
    const other = await services('development').get('order', { tag: 'production' });
    assert.deepEqual([other.endpoint, `${other}`, other.weight], ['2001:db8::3', '[2001:db8::3]:9999', 100]);
    assert.equal(other.target('{host}/{tag}/{namespace}/{x}'), '2001:db8::3/production/prod/{x}');
  });

  it("says with hrpc's words that there is none, and why", async () => {
    await assert.rejects(services().get('nobody'), { reason: 'SERVICE_NOT_FOUND', message: '[nobody] not found or no permission to read' });
    await assert.rejects(services('staging').get('order'), { message: "[order] not found or no permission to read; of its 5 nodes none has a gRPC endpoint and the tag 'staging'" });
    const bare = new Services(async () => [node('x', {})], () => undefined);
    await assert.rejects(bare.get('order'), { message: '[order] not found or no permission to read; of its 1 nodes none has a gRPC endpoint' });
  });
});

describe('filter tagged', () => {
  it('compares whole tags and has a key of its own', () => {
    assert.equal(tagged('blue')(NODES[0]!), true);
    assert.equal(tagged('blu')(NODES[0]!), false);
    assert.equal(tagged('production')(NODES[2]!), true);
    assert.equal(tagged('x')(node('z', {})), false);
    assert.equal(tagged('a"b').key, 'tagged("a\\"b")');
  });
});
