import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PickHint, Selector } from '../../../lib/common/selection.js';
import type { ServiceNode } from '../../../lib/common/service-node.js';
import { custom } from '../../../lib/selector/custom.selector.js';
import { leastInFlight } from '../../../lib/selector/least-in-flight.selector.js';
import { random } from '../../../lib/selector/random.selector.js';
import { roundRobin } from '../../../lib/selector/round-robin.selector.js';
import { weighted } from '../../../lib/selector/weighted.selector.js';
import { sequence } from '../registry/fake-clock.js';

const node = (id: string, metadata: Record<string, string> = {}): ServiceNode => ({ id: `a@${id}`, type: 'a', version: '1', address: id, metadata });
const hint: PickHint = { type: 'a', path: '/p' };
const picks = (selector: Selector, nodes: readonly ServiceNode[], count: number, as: PickHint = hint) =>
  Array.from({ length: count }, () => selector.pick(nodes, as)?.address).join('');
/** Evenly spread numbers in [0, 1): what a fair source gives in the long run. */
const even = (count: number) => sequence(...Array.from({ length: count }, (_, i) => (i + 0.5) / count));
const shares = (text: string) => Object.fromEntries([...new Set(text)].sort().map((letter) => [letter, text.split(letter).length - 1]));

describe('random', () => {
  it('gives each node the same chance', () => {
    assert.deepEqual(shares(picks(random(even(300)), [node('x'), node('y'), node('z')], 300)), { x: 100, y: 100, z: 100 });
  });

  it('never reaches past the last node', () => {
    assert.equal(picks(random(sequence(0.9999999999999999, 0)), [node('x'), node('y')], 2), 'yx');
  });
});

describe('round robin', () => {
  const nodes = [node('x'), node('y'), node('z')];

  it('takes one after the other', () => {
    assert.equal(picks(roundRobin(), nodes, 7), 'xyzxyzx');
  });

  it('counts per service', () => {
    const selector = roundRobin();
    assert.equal(picks(selector, nodes, 2), 'xy');
    assert.equal(picks(selector, [node('o'), node('p')], 3, { type: 'b', path: '' }), 'opo');
    assert.equal(picks(selector, nodes, 2), 'zx');
  });

  it('serves all nodes to two kinds of calls that take turns', () => {
    const selector = roundRobin();
    const [some, others] = [[node('x'), node('y')], [node('x'), node('y')]];
    let seen = '';
    for (let i = 0; i < 4; i++) {
      seen += selector.pick(some, hint)!.address;
      selector.pick(others, hint);
    }
    assert.equal(seen, 'xyxy');
  });

  it('does not favour the first node when the nodes change all the time', () => {
    const selector = roundRobin();
    const seen = Array.from({ length: 6 }, () => selector.pick([...nodes], hint)!.address).join('');
    assert.deepEqual(shares(seen), { x: 2, y: 2, z: 2 });
  });
});

describe('weighted', () => {
  const source = () => even(1000);

  it('shares by weight, 100 where none is given', () => {
    const nodes = [node('x', { weight: '300' }), node('y'), node('z', { weight: '100' })];
    assert.deepEqual(shares(picks(weighted({ random: source() }), nodes, 1000)), { x: 600, y: 200, z: 200 });
  });

  it('gives nothing to weight 0, and the default to what is no weight', () => {
    const nodes = [node('x', { weight: '0' }), node('y', { weight: 'heavy' }), node('z', { weight: '-5' }), node('w', { weight: '' }), node('v', { weight: '50' })];
    assert.deepEqual(shares(picks(weighted({ random: source(), default: 50 }), nodes, 1000)), { v: 250, w: 250, y: 250, z: 250 });
  });

  it('reads another key', () => {
    const nodes = [node('x', { share: '1', weight: '0' }), node('y', { share: '3' })];
    assert.deepEqual(shares(picks(weighted({ key: 'share', random: source() }), nodes, 1000)), { x: 250, y: 750 });
  });

  it('never takes a forbidden node, not even when it falls back to random', () => {
    const forbidden = node('x', { weight: '1000', state: 'forbidden' });
    assert.deepEqual(shares(picks(weighted({ random: source() }), [forbidden, node('y'), node('z')], 1000)), { y: 500, z: 500 });
    const zeros = [forbidden, node('y', { weight: '0' }), node('z', { weight: '0' })];
    assert.deepEqual(shares(picks(weighted({ random: source() }), zeros, 1000)), { y: 500, z: 500 });
    assert.equal(weighted().pick([forbidden], hint), undefined);
  });

  it('finds the borders exactly', () => {
    const nodes = [node('x', { weight: '1' }), node('y', { weight: '0' }), node('z', { weight: '1' })];
    assert.equal(picks(weighted({ random: sequence(0, 0.4999, 0.5, 0.9999999999999999) }), nodes, 4), 'xxzz');
  });
});

describe('least in flight', () => {
  it('takes the less busy one of two, and forgets a call when it is done', () => {
    const [x, y] = [node('x'), node('y')];
    const selector = leastInFlight(sequence(0));
    assert.equal(picks(selector, [x, y], 3), 'xyx');
    selector.done!(x, { ok: true, latencyMs: 1 });
    selector.done!(x, { ok: false, latencyMs: 1 });
    assert.equal(picks(selector, [x, y], 1), 'x');
  });

  it('avoids a slow node when others answer at once', () => {
    const nodes = [node('x'), node('y'), node('z')];
    const selector = leastInFlight(sequence(0.1, 0.4, 0.8, 0.3, 0.6, 0.95));
    let toSlow = 0;
    for (let i = 0; i < 300; i++) {
      const picked = selector.pick(nodes, hint)!;
      if (picked.address === 'x') toSlow++;
      else selector.done!(picked, { ok: true, latencyMs: 1 });
    }
    assert.ok(toSlow <= 3, `${toSlow} of 300 calls went to a node that never answers`);
  });

  it('lives with a single node', () => {
    assert.equal(picks(leastInFlight(), [node('x')], 3), 'xxx');
  });
});

describe('own strategy', () => {
  it('is given candidates and hint, and may refuse', () => {
    const seen: unknown[] = [];
    const selector = custom((candidates, { path }) => {
      seen.push(path);
      return candidates.find((candidate) => candidate.address === 'y');
    }, 'mine');
    assert.equal(selector.name, 'mine');
    assert.equal(selector.pick([node('x'), node('y')], hint)?.address, 'y');
    assert.equal(selector.pick([node('x')], hint), undefined);
    assert.deepEqual(seen, ['/p', '/p']);
  });
});
