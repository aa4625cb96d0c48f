import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ExplainedNode, PickExplanation } from '../../../lib/common/explanation.js';
import type { SelectOptions } from '../../../lib/common/selection.js';
import { custom } from '../../../lib/selector/custom.selector.js';
import { label, version } from '../../../lib/selector/filters.js';
import { leastInFlight } from '../../../lib/selector/least-in-flight.selector.js';
import { preferZone } from '../../../lib/selector/prefer-zone.selector.js';
import { random } from '../../../lib/selector/random.selector.js';
import { roundRobin } from '../../../lib/selector/round-robin.selector.js';
import { weighted } from '../../../lib/selector/weighted.selector.js';
import { settle } from '../registry/fake-clock.js';
import { failure, node, setUp } from './directory-rig.js';

const against = ({ against: objections }: ExplainedNode) => objections.map(({ by, detail }) => `${by}: ${detail}`);
const table = ({ nodes }: PickExplanation) => Object.fromEntries(nodes.map((each) => [each.node.address, [each.candidate, ...against(each)]]));
const rig = (...given: Parameters<typeof setUp>) => {
  const base = setUp(...given);
  const explain = (target = 'a', select?: SelectOptions, exclude?: string[]) => base.directory.explain(target, '/p', select, exclude && new Set(exclude));
  return { ...base, explain };
};

describe('explain', () => {
  it('says of each node what speaks against it, and who is left', async () => {
    const nodes = [node('a', { metadata: { state: 'forbidden' } }), node('b', { version: '2' }), ...['c', 'd', 'e', 'f', 'g'].map((id) => node(id))];
    const { explain, pick, directory } = rig(nodes, { filters: [version('1')], outlierDetection: { consecutiveFailures: 1 } });
    directory.markUnreachable((await pick('a@c')).node);
    (await pick('a@d')).done({ ok: false, latencyMs: 1, error: { code: 'UNAVAILABLE', reason: 'X', remote: true } });
    function mine(each: { address: string }) {
      return each.address !== 'e';
    }
    const found = await explain('a', { filters: [mine] }, ['a@f']);
    assert.deepEqual(table(found), {
      a: [false, 'state: forbidden'],
      b: [false, 'filter: version("1"), of the app'],
      c: [false, 'unreachable: tried again in 1000 ms'],
      d: [false, 'ejected: for 5000 ms more, 1 time in a row'],
      e: [false, 'filter: mine'],
      f: [false, 'excluded: has failed in this call'],
      g: [true],
    });
    assert.deepEqual([found.choice?.address, found.certain, found.known, found.selector, found.type, found.path, found.error], ['g', true, true, 'roundRobin', 'a', '/p', undefined]);
    directory.close();
  });

  it('tells all reasons of one node, not just the first', async () => {
    const { explain, directory } = rig([node('a', { version: '2', metadata: { state: 'forbidden' } }), node('b')], { filters: [version('1')] });
    assert.deepEqual(table(await explain('a', { filters: [label('zone', 'x')] })).a, [false, 'state: forbidden', 'filter: version("1"), of the app', 'filter: label("zone", "x")']);
    directory.close();
  });

  it('shows that avoided nodes are used when no others are left', async () => {
    const { explain, pick, directory } = rig([node('a'), node('b')]);
    for (const id of ['a@a', 'a@b']) directory.markUnreachable((await pick(id)).node);
    const found = await explain();
    assert.deepEqual(table(found), { a: [true, 'unreachable: tried again in 1000 ms'], b: [true, 'unreachable: tried again in 1000 ms'] });
    assert.ok(found.choice);
    directory.close();
  });

  it('gives the error that the call would get', async () => {
    const { explain, pick, directory } = rig([node('a'), node('b')]);
    for (const [target, select, exclude] of [['a', { filters: [version('9')] }, []], ['a@a', undefined, ['a@a']], ['a@z', undefined, []], ['a', undefined, ['a@a', 'a@b']], ['nobody', undefined, []], ['', undefined, []]] as const) {
      const found = await explain(target, select as SelectOptions | undefined, [...exclude]);
      const { code, reason, message } = await failure(pick(target, select as SelectOptions | undefined, [...exclude]));
      assert.deepEqual(found.error, { code, reason, message });
      assert.equal(found.choice, undefined);
    }
    directory.close();
  });

  it('means the node itself by type@id', async () => {
    const { explain, directory } = rig([node('a', { metadata: { state: 'forbidden' } }), node('b')]);
    const found = await explain('a@a', { filters: [version('9')] });
    assert.deepEqual([found.choice?.address, found.selector, found.certain, found.error], ['a', undefined, true, undefined]);
    assert.deepEqual(table(found), { a: [true, 'state: forbidden', 'filter: version("9")'], b: [false, 'filter: version("9")'] });
    directory.close();
  });

  it('says that a service is unknown, with the name that was perhaps meant, or that nobody can be asked', async () => {
    const { explain, directory, discovery } = rig([node('x')]);
    discovery.set('hello', [node('h', { type: 'hello', id: 'hello@h' })]);
    const unknown = await explain('b');
    assert.deepEqual([unknown.known, unknown.nodes, unknown.error?.reason], [false, [], 'SERVICE_NOT_FOUND']);
    assert.match((await explain('helo')).error!.message, /did you mean/);
    discovery.away = true;
    assert.equal((await explain('c')).error?.reason, 'REGISTRY_UNAVAILABLE');
    directory.close();
    assert.equal((await explain('a')).error?.reason, 'APP_STOPPED');
  });

  it('counts nothing, watches nothing, and moves no strategy on', async () => {
    const { explain, directory, discovery, clock, pick } = rig([node('x'), node('y'), node('z')]);
    await explain();
    assert.deepEqual(discovery.log, ['get a']);
    assert.equal(clock.pending, 0);
    assert.equal((await pick()).node.address, 'x');
    const before = directory.counters;
    for (let i = 0; i < 5; i++) assert.equal((await explain()).choice?.address, 'y');
    assert.deepEqual(directory.counters, before);
    assert.equal((await pick()).node.address, 'y');
    directory.close();
  });

  it('names nodes that the registry misses and that are kept for a while', async () => {
    const { explain, discovery, pick, directory } = rig([node('x'), node('y'), node('z')]);
    await pick();
    discovery.set('a', [node('x')]);
    await settle();
    assert.deepEqual((await explain()).nodes.map(({ held }) => held), [undefined, true, true]);
    directory.close();
  });

  it('gives what each strategy goes by', async () => {
    const nodes = [node('x', { metadata: { weight: '300', zone: 'east' } }), node('y', { metadata: { weight: '100', zone: 'west' } })];
    const { explain, pick, directory } = rig(nodes, { zone: 'west' });
    const scores = async (selector: SelectOptions['selector']) => {
      const found = await explain('a', { selector: selector! });
      return [found.scoring, ...found.nodes.map(({ score }) => score), found.certain];
    };
    assert.deepEqual(await scores(random()), ['chance', 0.5, 0.5, false]);
    assert.deepEqual(await scores(weighted()), ['chance', 0.75, 0.25, false]);
    assert.deepEqual(await scores(roundRobin()), ['turns to wait', 0, 1, true]);
    const busy = leastInFlight({ next: () => 0, hex: () => '' });
    await pick('a', { selector: busy });
    assert.deepEqual(await scores(busy), ['calls in flight', 1, 0, false]);
    assert.deepEqual(await scores(preferZone()), ['chance', undefined, 1, true]);
    const zoned = await explain('a', { selector: preferZone() });
    assert.deepEqual([table(zoned), zoned.choice?.address], [{ x: [false, 'selector: not in zone west'], y: [true] }, 'y']);
    directory.close();
  });

  it('does not run a strategy that cannot explain itself', async () => {
    let picks = 0;
    const { explain, directory } = rig([node('x')], { selector: custom((nodes) => nodes[picks++], 'mine') });
    const found = await explain();
    assert.deepEqual([picks, found.choice, found.certain, found.error], [0, undefined, false, undefined]);
    assert.deepEqual(found.notes, ['mine does not explain itself: what it would choose is not known']);
    directory.close();
  });

  it('takes weights of 0 and forbidden candidates as the strategy does', () => {
    const hint = { type: 'a', path: '' };
    const zero = [node('x', { metadata: { weight: '0' } }), node('y', { metadata: { weight: '0' } })];
    assert.deepEqual([...weighted().explain!(zero, hint).scores!.values()], [0.5, 0.5]);
    const view = weighted().explain!([node('x', { metadata: { weight: '0' } }), node('y')], hint);
    assert.deepEqual([view.choice?.address, view.certain], ['y', true]);
    assert.equal(weighted().explain!([node('x', { metadata: { state: 'forbidden' } })], hint).choice, undefined);
  });
});
