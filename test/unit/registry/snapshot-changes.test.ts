import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServiceNode } from '../../../lib/common/service-node.js';
import { changesBetween } from '../../../lib/registry/snapshot.js';

const node = (id: string, version = '1'): ServiceNode => ({ id, type: 'a', version, address: id, metadata: {} });
const show = (nodes: readonly ServiceNode[]) => nodes.map(({ id, version }) => id + version).join(' ');

describe('changes between snapshots', () => {
  it('are what came, changed and went; the rest keeps its identity', () => {
    const before = ['b', 'c', 'e'].map((id) => node(id));
    const changes = changesBetween(before, [node('a'), node('b'), node('c', '2'), node('f')])!;
    assert.deepEqual([show(changes.nodes), show(changes.added), show(changes.changed), show(changes.removed)], ['a1 b1 c2 f1', 'a1 f1', 'c2', 'e1']);
    assert.equal(changes.nodes[1], before[0]);
    assert.ok(Object.isFrozen(changes.nodes));
  });

  it('are none when the content is the same', () => {
    assert.equal(changesBetween([node('a'), node('b')], [node('a'), node('b')]), undefined);
    assert.equal(changesBetween([], []), undefined);
  });

  it('are right for a registry that does not sort, or names an id twice: the last counts', () => {
    const before = [node('a'), node('b')];
    assert.equal(changesBetween(before, [node('b'), node('a')]), undefined);
    const changes = changesBetween(before, [node('c'), node('b', '2'), node('a'), node('b', '3')])!;
    assert.deepEqual([show(changes.nodes), show(changes.added), show(changes.changed)], ['a1 b3 c1', 'c1', 'b3']);
  });

  it('are everything at the first and at the last snapshot', () => {
    const all = [node('a'), node('b')];
    assert.equal(show(changesBetween([], all)!.added), 'a1 b1');
    assert.equal(show(changesBetween(all, [])!.removed), 'a1 b1');
  });
});
