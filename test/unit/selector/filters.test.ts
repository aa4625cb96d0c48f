import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NodeFilter } from '../../../lib/common/selection.js';
import type { ServiceNode } from '../../../lib/common/service-node.js';
import { any, label, not, version, where } from '../../../lib/selector/filters.js';

const nodes: ServiceNode[] = [
  { id: 'a@1', type: 'a', version: '1.0.0', address: '1', metadata: { zone: 'east' } },
  { id: 'a@2', type: 'a', version: '2.0.0', address: '2', metadata: { zone: 'west' } },
  { id: 'a@3', type: 'a', version: '2.0.0', address: '3', metadata: {} },
];
const kept = (filter: NodeFilter) => nodes.filter(filter).map((node) => node.address).join('');

describe('filters', () => {
  it('keep by version and by label', () => {
    assert.equal(kept(version('2.0.0')), '23');
    assert.equal(kept(version('3')), '');
    assert.equal(kept(label('zone', 'east')), '1');
    assert.equal(kept(label('toString', 'x')), '');
  });

  it('combine', () => {
    assert.equal(kept(not(label('zone', 'east'))), '23');
    assert.equal(kept(any(version('1.0.0'), label('zone', 'west'))), '12');
    assert.equal(kept(any()), '');
    assert.equal(kept(where((node) => node.address > '1')), '23');
  });

  it('have the same key only when they mean the same', () => {
    assert.equal(version('1').key, version('1').key);
    const keys = [version('1'), version('2'), label('a', 'b'), label('a", "b', ''), not(version('1')), any(version('1')), any(version('1'), version('2')), where(() => true, 'version("1")')].map((filter) => filter.key);
    assert.equal(new Set(keys).size, keys.length);
    assert.ok(keys.every((key) => key !== undefined));
  });

  it('have no key when they hold a function without one', () => {
    const own = where(() => true);
    for (const filter of [own, not(own), any(version('1'), own)]) assert.equal(filter.key, undefined);
  });
});
