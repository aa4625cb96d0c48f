import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BootError } from '../../../lib/common/boot-error.js';
import type { PickHint, Selector } from '../../../lib/common/selection.js';
import type { ServiceNode } from '../../../lib/common/service-node.js';
import { custom } from '../../../lib/selector/custom.selector.js';
import { leastInFlight } from '../../../lib/selector/least-in-flight.selector.js';
import { preferZone, type PreferZoneOptions } from '../../../lib/selector/prefer-zone.selector.js';
import { roundRobin } from '../../../lib/selector/round-robin.selector.js';

const node = (id: string, zone?: string): ServiceNode => ({ id: `a@${id}`, type: 'a', version: '1', address: id, metadata: zone === undefined ? {} : { zone } });
const east = ['a', 'b', 'c', 'd'].map((id) => node(id, 'east'));
const west = ['x', 'y'].map((id) => node(id, 'west'));
const all = [...east, ...west];
const hint: PickHint = { type: 'a', path: '/p' };
const used = (selector: Selector, candidates: readonly ServiceNode[], as: PickHint = hint) =>
  [...new Set(Array.from({ length: 12 }, () => selector.pick(candidates, as)!.address))].sort().join('');

describe('preferred zone', () => {
  it('is served alone while it has enough usable nodes', () => {
    const selector = preferZone({ zone: 'east', selector: roundRobin() });
    assert.equal(used(selector, all), 'abcd');
    assert.equal(used(selector, [...east.slice(0, 2), ...west], { ...hint, eligible: all }), 'ab', 'half of it is enough');
    assert.equal(used(selector, [...east.slice(0, 1), ...west], { ...hint, eligible: all }), 'axy', 'a quarter is not: all zones serve');
    assert.equal(used(selector, west, { ...hint, eligible: all }), 'xy');
    assert.equal(used(preferZone({ zone: 'north', selector: roundRobin() }), all), 'abcdxy');
  });

  it('is the one of the process, unless another is named', () => {
    assert.equal(used(preferZone({ selector: roundRobin() }), all, { ...hint, zone: 'west' }), 'xy');
    assert.equal(used(preferZone({ selector: roundRobin(), zone: 'east' }), all, { ...hint, zone: 'west' }), 'abcd');
    assert.equal(used(preferZone({ selector: roundRobin() }), all), 'abcdxy');
  });

  it('can be asked for more: nodes, and another share', () => {
    const as = { ...hint, eligible: all };
    assert.equal(used(preferZone({ zone: 'west', minNodes: 3, selector: roundRobin() }), all), 'abcdxy');
    assert.equal(used(preferZone({ zone: 'east', minShare: 1, selector: roundRobin() }), [...east.slice(1), ...west], as), 'bcdxy');
    assert.equal(used(preferZone({ zone: 'east', minShare: 0, selector: roundRobin() }), [east[0]!, ...west], as), 'a');
  });

  it('is read from another key, and only from a node’s own', () => {
    const racks = [{ ...node('p'), metadata: { rack: '7' } }, { ...node('q'), metadata: { rack: '8' } }];
    assert.equal(used(preferZone({ key: 'rack', zone: '7' }), racks), 'p');
    assert.equal(used(preferZone({ key: 'constructor', zone: 'x', selector: roundRobin() }), racks), 'pq');
  });

  it('is worked out once per snapshot, and again when the zone of the process changes', () => {
    const seen = new Set<readonly ServiceNode[]>();
    const selector = preferZone({ selector: custom((nodes) => (seen.add(nodes), nodes[0])) });
    for (let i = 0; i < 5; i++) selector.pick(all, { ...hint, zone: 'east' });
    assert.equal(seen.size, 1);
    assert.equal(selector.pick(all, { ...hint, zone: 'west' })!.address, 'x');
    assert.equal(seen.size, 2);
    seen.clear();
    selector.pick(west, { ...hint, zone: 'west' });
    assert.ok(seen.has(west), 'the array itself where nothing is left out');
  });

  it('tells the inner strategy how nodes did, and nothing where that does not ask', () => {
    const selector = preferZone({ zone: 'west', selector: leastInFlight({ next: () => 0, hex: () => '' }) });
    const first = selector.pick(all, hint)!;
    assert.notEqual(selector.pick(all, hint), first);
    selector.done!(first, { ok: true, latencyMs: 1 });
    assert.equal(selector.pick(all, hint), first);
    assert.equal(preferZone({ selector: roundRobin() }).done, undefined);
  });

  it('nests', () => {
    const rack = (id: string, zone: string, rack: string): ServiceNode => ({ ...node(id), metadata: { zone, rack } });
    const nodes = [rack('1', 'east', 'r1'), rack('2', 'east', 'r2'), rack('3', 'west', 'r1')];
    const selector = preferZone({ zone: 'east', selector: preferZone({ zone: 'r1', key: 'rack' }) });
    assert.equal(used(selector, nodes), '1');
    assert.equal(used(selector, nodes.slice(1), { ...hint, eligible: nodes }), '2', 'the zone before the rack');
  });

  it('explains what it leaves out, and then what the inner strategy does', () => {
    const selector = preferZone({ zone: 'east', selector: roundRobin() });
    const view = selector.explain!(all, hint);
    assert.equal(view.choice, east[0]);
    assert.deepEqual([...view.leftOut!], [['a@x', 'not in zone east'], ['a@y', 'not in zone east']]);
    assert.deepEqual(view.notes, ['zone east is preferred', 'then roundRobin']);
    const few = selector.explain!([east[0]!, ...west], { ...hint, eligible: all });
    assert.deepEqual([few.leftOut!.size, few.notes![0]], [0, 'zone east has 1 usable nodes, which is too few: all zones serve']);
    assert.deepEqual(preferZone({ selector: custom(() => undefined, 'mine') }).explain!(all, hint).notes, ['this process knows no zone of its own', 'then mine', 'mine does not explain itself']);
  });

  it('refuses options that make no sense', () => {
    for (const options of [{ zone: '' }, { key: '' }, { minShare: 2 }, { minNodes: 0 }, { zones: 'x' } as PreferZoneOptions]) {
      assert.throws(() => preferZone(options), (error) => error instanceof BootError && error.reason === 'SELECTOR_OPTIONS');
    }
  });
});
