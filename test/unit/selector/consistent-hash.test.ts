import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BootError } from '../../../lib/common/boot-error.js';
import type { PickHint, Selector } from '../../../lib/common/selection.js';
import type { ServiceNode } from '../../../lib/common/service-node.js';
import { consistentHash, type ConsistentHashOptions } from '../../../lib/selector/consistent-hash.selector.js';
import { HashRing } from '../../../lib/selector/hash-ring.js';
import { sortByKey } from '../../../lib/selector/sort-by-key.js';
import { hashOf } from '../../../lib/selector/text-hash.js';
import { sequence } from '../registry/fake-clock.js';

const KEYS = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);
const node = (id: string, metadata: Record<string, string> = {}): ServiceNode => ({ id: `a@${id}`, type: 'a', version: '1', address: id, metadata });
/** Sorted by id, as the directory gives them. */
const nodes = (count: number, first = 0) => Array.from({ length: count }, (_, i) => node(`${1000 + first + i}`));
const hint = (hashKey?: string): PickHint => ({ type: 'a', path: '/p', hashKey });
const good = { ok: true, latencyMs: 1 };

/** Where each key goes when its call ends before the next begins. */
function owners(selector: Selector, candidates: readonly ServiceNode[], keys = KEYS): ServiceNode[] {
  return keys.map((key) => {
    const picked = selector.pick(candidates, hint(key))!;
    selector.done!(picked, good);
    return picked;
  });
}
const counts = (picked: readonly ServiceNode[]) => {
  const result = new Map<string, number>();
  for (const { id } of picked) result.set(id, (result.get(id) ?? 0) + 1);
  return result;
};

describe('consistent hash', () => {
  it('moves to an eleventh node what is its share, and nothing between the others', () => {
    const eleven = nodes(11);
    const ten = eleven.filter((_, i) => i !== 4);
    const selector = consistentHash();
    const before = owners(selector, ten);
    const after = owners(selector, eleven);
    const moved = after.filter((owner, i) => owner !== before[i]);
    assert.equal(moved.length, 1679, 'of 20,000 keys');
    assert.ok(moved.length <= 0.11 * KEYS.length);
    assert.deepEqual(new Set(moved), new Set([eleven[4]]), 'all of them to the new one');
    assert.deepEqual(owners(selector, [...ten]), before, 'and back when it leaves');
  });

  it('spreads keys evenly: at most 1.25 times the mean', () => {
    const shares = [...counts(owners(consistentHash(), nodes(10))).values()];
    assert.equal(shares.length, 10);
    assert.deepEqual([Math.max(...shares), Math.min(...shares)], [2140, 1822]);
    assert.ok(Math.max(...shares) <= 1.25 * (KEYS.length / 10));
  });

  it('holds both for other ids and numbers of nodes as well', () => {
    for (let i = 1; i <= 30; i++) {
      const eleven = nodes(11, 100 * i);
      const selector = consistentHash();
      const before = owners(selector, eleven.slice(0, 10));
      const moved = owners(selector, eleven).filter((owner, j) => owner !== before[j]);
      assert.ok(moved.length <= 2200 && moved.every((owner) => owner === eleven[10]), `${moved.length} keys of set ${i}`);
      assert.ok(Math.max(...counts(before).values()) <= 2500, `set ${i}`);
    }
  });

  it('lets no node have more than its share of calls in flight, whatever the keys', () => {
    const ten = nodes(10);
    for (const key of [() => 'all the same', (i: number) => `user-${i % 3}`, (i: number) => `user-${i}`]) {
      const selector = consistentHash();
      const picked = KEYS.map((_, i) => selector.pick(ten, hint(key(i)))!);
      const loads = [...counts(picked).values()];
      assert.equal(loads.reduce((a, b) => a + b), KEYS.length);
      assert.ok(Math.max(...loads) <= 1.25 * 2000, `${Math.max(...loads)} of one node`);
    }
  });

  it('sends what is too much for its node always to the same next one, and comes back', () => {
    const ten = nodes(10);
    const selector = consistentHash({ allowance: 2 });
    const [own] = owners(selector, ten, ['k']);
    const held = [selector.pick(ten, hint('k'))!, selector.pick(ten, hint('k'))!];
    assert.deepEqual(held, [own, own], 'as many as every node may have');
    const others = Array.from({ length: 5 }, () => owners(selector, ten, ['k'])[0]!);
    assert.ok(others[0] !== own);
    assert.equal(new Set(others).size, 1);
    selector.done!(held[0]!, good);
    assert.equal(owners(selector, ten, ['k'])[0], own);
  });

  it('knows no limit with an infinite load factor', () => {
    const ten = nodes(10);
    const selector = consistentHash({ loadFactor: Infinity });
    assert.equal(new Set(Array.from({ length: 1000 }, () => selector.pick(ten, hint('k')))).size, 1);
  });

  it('agrees with other processes, whatever they saw before', () => {
    const all = nodes(40);
    const much = consistentHash();
    // A ring that changed many times, against one made at once.
    for (let i = 0; i < 40; i += 3) owners(much, all.filter((_, j) => j % 40 >= i && j !== i + 1), ['x']);
    assert.deepEqual(owners(much, [...all]), owners(consistentHash(), all));
  });

  it('keeps a key on a node whose metadata changes, and the node its calls', () => {
    const ten = nodes(10);
    const selector = consistentHash({ allowance: 1, loadFactor: 1 });
    const first = selector.pick(ten, hint('k'))!;
    const renewed = ten.map((each) => (each === first ? { ...each, metadata: { load: '1' } } : each));
    assert.notEqual(selector.pick(renewed, hint('k'))!.id, first.id, 'it has its one call');
    selector.done!(first, good);
    assert.equal(selector.pick(renewed, hint('k'))!.id, first.id);
  });

  it('is least in flight without a key', () => {
    const [x, y] = [node('x'), node('y')];
    const candidates = [x, y];
    const selector = consistentHash({ random: sequence(0) });
    const picked = Array.from({ length: 3 }, () => selector.pick(candidates, hint())!.address);
    assert.deepEqual(picked, ['x', 'y', 'x']);
  });

  it('takes an empty key for a key, and lives with one node', () => {
    const selector = consistentHash();
    assert.equal(new Set(owners(selector, nodes(10), Array<string>(20).fill(''))).size, 1);
    assert.equal(new Set(owners(selector, nodes(1))).size, 1);
  });

  it('explains whose a key is without a trace', () => {
    const ten = nodes(10);
    const selector = consistentHash({ allowance: 1 });
    const view = selector.explain!(ten, hint('k'));
    const [own] = owners(selector, ten, ['k']);
    assert.deepEqual([view.choice, view.certain, view.scoring, view.scores!.get(own!.id)], [own, true, 'calls in flight', 0]);
    assert.deepEqual(view.notes, [`key "k" belongs to ${own!.id}`]);
    selector.pick(ten, hint('k'));
    const full = selector.explain!(ten, hint('k'));
    assert.match(full.notes![1]!, new RegExp(`${own!.id} has its limit of 1 calls in flight, ${full.choice!.id} is the key's next`));
    assert.equal(selector.pick(ten, hint('k')), full.choice);
    assert.equal(selector.explain!(ten, hint()).certain, false);
  });

  it('refuses options that make no sense', () => {
    const wrong = { replicas: 0, loadFactor: 0.5, allowance: 1.5, random: undefined };
    for (const [key, value] of Object.entries(wrong).slice(0, 3)) assert.throws(() => consistentHash({ [key]: value }), (error) => error instanceof BootError && error.reason === 'SELECTOR_OPTIONS' && error.message.includes(key));
    assert.throws(() => consistentHash({ replica: 5 } as ConsistentHashOptions), /unknown option "replica" \(did you mean "replicas"\?\)/);
    assert.throws(() => consistentHash({ replicas: '5' } as unknown as ConsistentHashOptions), /replicas must be a number from 1 to 10000, got 5/);
  });
});

describe('hash ring', () => {
  it('made of another ring is the ring made at once', () => {
    const all = nodes(200);
    const some = all.filter((_, i) => i % 7 !== 0);
    const more = [...some, ...nodes(20, 5000)];
    for (const [from, to] of [[all, some], [some, all], [some, more], [more, nodes(3)], [nodes(3), all]] as const) {
      const changed = HashRing.of(to, 16, HashRing.of(from, 16));
      const fresh = HashRing.of(to, 16);
      for (const key of KEYS.slice(0, 3000)) assert.equal(changed.owner(hashOf(key)), fresh.owner(hashOf(key)));
    }
  });

  it('that remembers keys gives each the node that it would have without memory', () => {
    const many = nodes(200);
    const remembering = HashRing.of(many, 48);
    // Twice, and back again: among so many keys, some share a place in memory.
    for (const key of [...KEYS, ...KEYS.toReversed(), ...KEYS]) assert.equal(remembering.owner(hashOf(key)), remembering.search(hashOf(key)), key);
  });

  it('tries all nodes before it gives up', () => {
    const ring = HashRing.of(nodes(50), 4);
    for (const wanted of [0, 17, 49]) assert.equal(ring.other(hashOf('k'), (index) => index === wanted), wanted);
    const asked = new Set<number>();
    assert.equal(ring.other(hashOf('k'), (index) => !asked.add(index)), -1);
    assert.equal(asked.size, 50);
  });
});

describe('sort by key', () => {
  it('takes values along and keeps the order of equal keys, few and many', () => {
    for (const count of [0, 1, 2, 100, 4095, 4096, 50_000]) {
      const keys = Uint32Array.from({ length: count }, (_, i) => hashOf(`${i % Math.max(1, count - 10)}`));
      const [sorted, values] = sortByKey(keys.slice(), Uint32Array.from(keys, (_, i) => i));
      const expected = [...keys.keys()].sort((a, b) => keys[a]! - keys[b]! || a - b);
      assert.deepEqual([...values], expected);
      assert.deepEqual([...sorted], expected.map((i) => keys[i]!));
    }
  });
});
