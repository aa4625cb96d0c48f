import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { settle } from '../registry/fake-clock.js';
import { failure, node, setUp } from './directory-rig.js';

const of = (ids: string) => [...ids].map((id) => node(id));

async function rig(ids: string, options: Parameters<typeof setUp>[1] = {}) {
  const base = setUp(of(ids), options);
  await base.pick();
  const say = async (now: string) => {
    base.discovery.set('a', of(now));
    await settle();
  };
  const known = async () => (await base.directory.nodes('a')).map(({ address }) => address).join('');
  return { ...base, say, known };
}

describe('a registry that loses nodes all at once', () => {
  it('is believed only after a while when fewer than the panic threshold are left', async () => {
    for (const left of ['', 'a', 'ab']) {
      const { say, known, distinct, clock, directory } = await rig('abcde');
      await say(left);
      assert.equal(await known(), 'abcde');
      assert.equal(await distinct(), 'abcde');
      await clock.advance(14_999);
      assert.equal(await known(), 'abcde');
      await clock.advance(1);
      assert.equal(await known(), left);
      directory.close();
    }
  });

  it('is believed at once when enough are left, or when one node leaves', async () => {
    for (const [before, after] of [['abcde', 'abc'], ['abcd', 'ab'], ['ab', 'a'], ['a', '']] as const) {
      const { say, known, directory, clock } = await rig(before);
      await say(after);
      assert.equal(await known(), after);
      directory.close();
      assert.equal(clock.pending, 0);
    }
  });

  it('is believed at once of nodes that leave one by one over a longer time', async () => {
    const { say, known, clock, directory } = await rig('abcdef');
    for (const left of ['bcdef', 'cdef', 'def', 'ef', 'f', '']) {
      await clock.advance(15_000);
      await say(left);
      assert.equal(await known(), left);
    }
    directory.close();
  });

  it('is believed at once of a few nodes that stop one after the other', async () => {
    const { say, known, directory, clock } = await rig('abc');
    for (const left of ['bc', 'c', '']) {
      await say(left);
      assert.equal(await known(), left);
      await clock.advance(100);
    }
    directory.close();
  });

  it('is doubted as well when the loss of many comes in steps', async () => {
    const { say, known, clock, directory } = await rig('abcdef');
    for (const left of ['bcdef', 'cdef', 'def']) {
      await say(left);
      assert.equal(await known(), left);
      await clock.advance(2000);
    }
    await say('ef');
    assert.equal(await known(), 'def', 'a third of six within seconds');
    await clock.advance(3000);
    await say('');
    assert.equal(await known(), 'def');
    await clock.advance(11_999);
    assert.equal(await known(), 'def', 'counted from the moment of doubt');
    await clock.advance(1);
    assert.equal(await known(), '');
    directory.close();
  });

  it('is right about each node that calls find unreachable or draining', async () => {
    const { say, known, pick, directory } = await rig('abcde');
    await say('a');
    directory.markUnreachable((await pick('a@b')).node);
    assert.equal(await known(), 'acde');
    (await pick('a@c')).done({ ok: false, latencyMs: 1, error: { code: 'UNAVAILABLE', reason: 'DRAINING', remote: true } });
    assert.equal(await known(), 'ade');
    directory.markUnreachable((await pick('a@a')).node);
    assert.equal(await known(), 'ade', 'that one is listed');
    await say('');
    for (const id of ['d', 'e']) directory.markUnreachable((await pick(`a@${id}`)).node);
    directory.markUnreachable((await pick('a@a')).node);
    const error = await failure(pick());
    assert.match(error.message, /service "a" has no running node now/);
    directory.close();
  });

  it('may name nodes again, new ones too, and change them', async () => {
    const { say, known, discovery, pick, clock, directory } = await rig('abcde');
    await say('');
    await say('bx');
    assert.equal(await known(), 'abcdex');
    discovery.set('a', [node('b', { version: '2' }), node('x')]);
    await settle();
    assert.equal((await pick('a@b')).node.version, '2');
    await clock.advance(5000);
    await say('abx');
    assert.equal(await known(), 'abcdex', 'more than half is back, and the others may follow');
    await say('abcxyz');
    assert.equal(await known(), 'abcxyz', 'as many as there were');
    assert.equal(clock.pending, 1, 'only the sweep of unused watches');
    directory.close();
  });

  it('is doubted again after it was believed', async () => {
    const { say, known, clock, directory } = await rig('abcdef');
    await say('abcd');
    await clock.advance(20_000);
    await say('a');
    assert.equal(await known(), 'abcd');
    await clock.advance(15_000);
    assert.equal(await known(), 'a');
    directory.close();
  });

  it('is told of in the log, once', async () => {
    const lines: string[] = [];
    const logger = { debug() {}, info() {}, error() {}, warn: (line: string) => void lines.push(line) };
    const { say, directory } = await rig('abcdef', { logger });
    for (const left of ['a', '', 'b']) await say(left);
    assert.deepEqual(lines, ['the registry shows 1 of 6 nodes of service a all at once; the others are kept for a while, unless calls find them gone']);
    directory.close();
  });

  it('tells listeners what is believed', async () => {
    const { say, clock, directory, pick } = await rig('abcd');
    const seen: string[] = [];
    const show = (nodes: readonly { address: string }[]) => nodes.map(({ address }) => address).join('');
    directory.onChange(({ added, removed }) => seen.push(`+${show(added)} -${show(removed)}`));
    await say('a');
    await say('ax');
    directory.markUnreachable((await pick('a@b')).node);
    await clock.advance(15_000);
    assert.deepEqual(seen, ['+x -', '+ -b', '+ -cd']);
    directory.close();
  });

  it('is always believed with { holdMs: 0 }, and doubted by another threshold', async () => {
    const trusting = await rig('abcde', { holdMs: 0 });
    await trusting.say('');
    assert.equal(await trusting.known(), '');
    trusting.directory.close();
    const strict = await rig('abcde', { panicThreshold: 90, holdMs: 1000 });
    await strict.say('abc');
    assert.equal(await strict.known(), 'abcde');
    await strict.clock.advance(1000);
    assert.equal(await strict.known(), 'abc');
    strict.directory.close();
  });

  it('ends its hold with the directory and with an unused watch', async () => {
    const { say, clock, directory } = await rig('abcd', { idleMs: 5000, holdMs: 60_000 });
    await say('');
    await clock.advance(20_000);
    assert.equal(directory.counters.watches, 0);
    assert.equal(clock.pending, 0);
    directory.close();
  });
});
