import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NodeFilter, Picked } from '../../../lib/common/selection.js';
import type { ServiceNode } from '../../../lib/common/service-node.js';
import { custom } from '../../../lib/selector/custom.selector.js';
import { label, version } from '../../../lib/selector/filters.js';
import { settle } from '../registry/fake-clock.js';
import { failure, good, node, setUp } from './directory-rig.js';

describe('service directory: picking', () => {
  it('asks once for all who ask first, then watches and asks no more', async () => {
    const { discovery, directory, pick } = setUp([node('x'), node('y')]);
    await Promise.all(Array.from({ length: 20 }, () => pick()));
    assert.deepEqual(discovery.log, ['get a', 'watch a']);
    const picked = directory.pick('a', '/p', undefined);
    assert.ok(!(picked instanceof Promise), 'with a snapshot at hand a pick is synchronous');
    discovery.set('a', [node('z')]);
    await settle();
    assert.equal((await pick()).node.address, 'z');
    assert.deepEqual(discovery.log, ['get a', 'watch a']);
    directory.close();
  });

  it('uses the strategy of the call before that of the app', async () => {
    const { sequenceOf, directory } = setUp([node('x'), node('y')]);
    assert.equal(await sequenceOf(4), 'xyxy');
    assert.equal(await sequenceOf(3, { selector: custom((nodes) => nodes.at(-1)) }), 'yyy');
    directory.close();
  });

  it('tells the strategy how the node did, once', async () => {
    const outcomes: string[] = [];
    const selector = { name: 's', pick: (nodes: readonly ServiceNode[]) => nodes[0], done: (n: ServiceNode, o: { ok: boolean }) => outcomes.push(`${n.address} ${o.ok}`) };
    const { pick, directory } = setUp([node('x')], { selector });
    const picked = await pick();
    picked.done({ ok: false, latencyMs: 3 });
    picked.done(good);
    assert.deepEqual(outcomes, ['x false']);
    directory.close();
  });

  it('adds up the filters of app and call', async () => {
    const nodes = [node('x', { version: '2', metadata: { zone: 'east' } }), node('y', { version: '2' }), node('z', { metadata: { zone: 'east' } })];
    const { distinct, directory } = setUp(nodes, { filters: [version('2')] });
    assert.equal(await distinct(), 'xy');
    assert.equal(await distinct({ filters: [label('zone', 'east')] }), 'x');
    directory.close();
  });

  it('runs filters with a key once per change, and those without on each pick', async () => {
    const runs = { keyed: 0, free: 0 };
    const keyed: NodeFilter = Object.assign(() => ++runs.keyed > 0, { key: 'k' });
    const free: NodeFilter = () => ++runs.free > 0;
    const { sequenceOf, discovery, directory } = setUp([node('x'), node('y')]);
    for (let i = 0; i < 10; i++) await sequenceOf(1, { filters: [keyed, free] });
    assert.deepEqual(runs, { keyed: 2, free: 20 });
    discovery.set('a', [node('x'), node('y'), node('z')]);
    await settle();
    await sequenceOf(1, { filters: [keyed] });
    assert.deepEqual(runs, { keyed: 5, free: 20 });
    directory.close();
  });

  it('gives strategies the same array as long as nothing changed', async () => {
    const seen = new Set<readonly ServiceNode[]>();
    const selector = custom((nodes) => (seen.add(nodes), nodes[0]));
    const { sequenceOf, directory, discovery } = setUp([node('x'), node('y')], { selector });
    for (let i = 0; i < 5; i++) await sequenceOf(1, { filters: [version('1')] });
    assert.equal(seen.size, 1);
    discovery.set('a', [node('x')]);
    await settle();
    await sequenceOf(3, { filters: [version('1')] });
    assert.equal(seen.size, 2);
    directory.close();
  });

  it('keeps compiled filters bounded, and right, when keys have no end', async () => {
    const { pick, directory } = setUp([node('x'), node('y')]);
    for (let i = 0; i < 300; i++) {
      const wanted = i % 2 === 0 ? 'x' : 'y';
      const filter: NodeFilter = Object.assign((n: ServiceNode) => n.address === wanted, { key: `k${i}` });
      assert.equal((await pick('a', { filters: [filter] })).node.address, wanted);
    }
    directory.close();
  });

  it('reaches a node by type@id whatever its state and the filters say', async () => {
    const { pick, distinct, directory } = setUp([node('x', { metadata: { state: 'forbidden' } }), node('y')], { filters: [version('9')] });
    assert.equal((await pick('a@x', { filters: [version('8')] })).node.address, 'x');
    const other = setUp([node('x', { metadata: { state: 'forbidden' } }), node('y')]);
    assert.equal(await other.distinct(), 'y');
    assert.equal((await other.pick('a@')).node.address, 'y', 'an empty id is none');
    await assert.rejects(distinct());
    directory.close();
    other.directory.close();
  });

  it('does not pick what this call has tried', async () => {
    const { pick, directory } = setUp([node('x'), node('y'), node('z')]);
    for (let i = 0; i < 6; i++) assert.equal((await pick('a', undefined, ['a@x', 'a@z'])).node.address, 'y');
    const error = await failure(pick('a', undefined, ['a@x', 'a@y', 'a@z']));
    assert.equal(error.reason, 'NO_NODE_MATCHES');
    assert.match(error.message, /none of the 3 nodes of service "a" can be used: 3 dropped by failing earlier in this call/);
    assert.equal((await failure(pick('a@x', undefined, ['a@x']))).reason, 'NO_NODE_MATCHES');
    directory.close();
  });
});

describe('service directory: unreachable nodes', () => {
  it('avoids a node at once, and tries it again after pauses that grow', async () => {
    const { clock, directory, distinct, pick } = setUp([node('x'), node('y')]);
    assert.equal(await distinct(), 'xy');
    const x = (await pick('a@x')).node;
    for (const pause of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
      directory.markUnreachable(x);
      assert.equal(await distinct(), 'y');
      await clock.advance(pause - 1);
      assert.equal(await distinct(), 'y', `avoided for ${pause} ms`);
      await clock.advance(1);
      assert.equal(await distinct(), 'xy', `tried again after ${pause} ms`);
    }
    directory.close();
  });

  it('counts failures that come together as one', async () => {
    const { clock, directory, distinct, pick } = setUp([node('x'), node('y')]);
    const x = (await pick('a@x')).node;
    for (let i = 0; i < 50; i++) directory.markUnreachable(x);
    await clock.advance(1000);
    assert.equal(await distinct(), 'xy');
    directory.close();
  });

  it('starts over after a success, and believes one at once', async () => {
    const { clock, directory, distinct, pick } = setUp([node('x'), node('y')]);
    const x = (await pick('a@x')).node;
    directory.markUnreachable(x);
    await clock.advance(1000);
    directory.markUnreachable(x);
    assert.equal(await distinct(), 'y');
    (await pick('a@x')).done({ ok: true, latencyMs: 0 });
    (await pick('a@x')).done({ ok: false, latencyMs: 5 });
    assert.equal(await distinct(), 'y', 'a look-up or a failure proves nothing');
    (await pick('a@x')).done(good);
    assert.equal(await distinct(), 'xy');
    directory.markUnreachable(x);
    await clock.advance(1000);
    assert.equal(await distinct(), 'xy');
    assert.equal(directory.counters.avoided, 0);
    directory.close();
  });

  it('tries a node again when the registry says something new of it', async () => {
    const { directory, discovery, distinct, pick } = setUp([node('x'), node('y')]);
    const old = (await pick('a@x')).node;
    directory.markUnreachable(old);
    discovery.set('a', [node('x'), node('y'), node('z')]);
    await settle();
    assert.equal(await distinct(), 'yz', 'news of another node is no news of this one');
    discovery.set('a', [node('x', { metadata: { pid: '2' } }), node('y')]);
    await settle();
    assert.equal(await distinct(), 'xy');
    directory.markUnreachable(old);
    assert.equal(await distinct(), 'xy', 'a late failure of the old one says nothing of the new one');
    directory.close();
  });

  it('tries a node again when it left and came back', async () => {
    const { directory, discovery, distinct, pick } = setUp([node('x'), node('y')]);
    directory.markUnreachable((await pick('a@x')).node);
    for (const nodes of [[node('y')], [node('x'), node('y')]]) {
      discovery.set('a', nodes);
      await settle();
    }
    assert.equal(await distinct(), 'xy');
    directory.close();
  });

  it('tries all rather than none when all are unreachable', async () => {
    const { directory, distinct, pick } = setUp([node('x'), node('y'), node('z', { version: '2' })]);
    for (const id of ['a@x', 'a@y', 'a@z']) directory.markUnreachable((await pick(id)).node);
    assert.equal(await distinct(), 'xyz');
    assert.equal(await distinct({ filters: [version('2')] }), 'z');
    assert.equal((await pick('a', undefined, ['a@x', 'a@y'])).node.address, 'z');
    directory.close();
  });

  it('prefers a reachable one, and takes an unreachable one when only that was not tried', async () => {
    const { directory, pick, distinct } = setUp([node('x'), node('y')]);
    directory.markUnreachable((await pick('a@x')).node);
    assert.equal(await distinct(), 'y');
    assert.equal((await pick('a', undefined, ['a@y'])).node.address, 'x');
    directory.close();
  });
});

describe('service directory: what is not there', () => {
  it('says so, with the name that was perhaps meant, and asks once for a while', async () => {
    const { clock, discovery, pick, directory } = setUp([node('x')]);
    discovery.set('helloworld', [node('h', { type: 'helloworld', id: 'helloworld@h' })]);
    const error = await failure(pick('heloworld'));
    assert.deepEqual([error.code, error.reason], ['NOT_FOUND', 'SERVICE_NOT_FOUND']);
    assert.match(error.message, /no node of service "heloworld" is registered \(did you mean "helloworld"\?\); is it started/);
    const again = await failure(pick('heloworld'));
    assert.notEqual(again, error);
    assert.equal(again.message, error.message);
    assert.throws(() => void directory.pick('heloworld', '', undefined), /did you mean/, 'a remembered miss needs no promise');
    assert.deepEqual(discovery.log, ['get heloworld', 'list']);
    await clock.advance(1001);
    discovery.set('heloworld', [node('n', { type: 'heloworld', id: 'heloworld@n' })]);
    assert.equal((await pick('heloworld')).node.address, 'n');
    directory.close();
  });

  it('lets strangers’ names cost nothing: no watch, few questions, a bounded table', async () => {
    const { clock, discovery, pick, directory } = setUp([node('x')]);
    for (let i = 0; i < 5000; i++) assert.equal((await failure(pick(`stranger-${i}`))).reason, 'SERVICE_NOT_FOUND');
    assert.ok(discovery.log.length <= 60, `${discovery.log.length} questions for 5000 names`);
    assert.ok(!discovery.log.some((entry) => entry.startsWith('watch')));
    assert.equal(directory.counters.misses, 1024);
    // A service that exists is found in the middle of it.
    assert.equal((await pick()).node.address, 'x');
    await clock.advance(1000);
    const before = discovery.log.length;
    for (let i = 0; i < 5000; i++) await failure(pick(`second-${i}`));
    assert.ok(discovery.log.length - before <= 25, 'twenty names and a list per second');
    directory.close();
  });

  it('refuses names that cannot be, without asking, and does not repeat them at length', async () => {
    const { discovery, pick, directory } = setUp();
    for (const target of ['', '@x', 'x'.repeat(65_536)]) {
      const error = await failure(pick(target));
      assert.equal(error.reason, 'SERVICE_NOT_FOUND');
      assert.ok(error.message.length < 400);
    }
    assert.deepEqual(discovery.log, []);
    for (const target of ['__proto__', 'constructor', 'then', '../x', 'a\u0000b', 'hasOwnProperty@x']) assert.equal((await failure(pick(target))).reason, 'SERVICE_NOT_FOUND');
    directory.close();
  });

  it('names what there is when a node is not', async () => {
    const { pick, directory } = setUp([node('x'), node('y')]);
    const error = await failure(pick('a@z'));
    assert.deepEqual([error.code, error.reason], ['NOT_FOUND', 'NODE_NOT_FOUND']);
    assert.match(error.message, /node "a@z" is not registered; service "a" has 2: "a@x", "a@y"/);
    directory.close();
  });

  it('says which filter dropped how many', async () => {
    const nodes = [node('x', { metadata: { state: 'forbidden' } }), node('y', { version: '2' }), node('z')];
    const { pick, directory } = setUp(nodes, { filters: [label('zone', 'east')] });
    function mine() {
      return true;
    }
    const error = await failure(pick('a', { filters: [mine, version('2')] }));
    assert.deepEqual([error.code, error.reason, error.undelivered], ['UNAVAILABLE', 'NO_NODE_MATCHES', true]);
    assert.match(error.message, /none of the 3 nodes of service "a" can be used: 1 dropped by state "forbidden", 2 dropped by filter label\("zone", "east"\)\. Their versions: 1, 2; check the filters/);
    const refused = await failure(setUp([node('x')]).pick('a', { selector: custom(() => undefined, 'picky') }));
    assert.match(refused.message, /1 refused by selector picky/);
    directory.close();
  });

  it('tells "all gone" from "never was"', async () => {
    const { discovery, pick, directory } = setUp([node('x')]);
    await pick();
    discovery.set('a', []);
    await settle();
    const error = await failure(pick());
    assert.deepEqual([error.code, error.reason], ['UNAVAILABLE', 'NO_NODE_MATCHES']);
    assert.match(error.message, /service "a" has no running node now/);
    assert.equal((await failure(pick('a@x'))).reason, 'NODE_NOT_FOUND');
    discovery.set('a', [node('y')]);
    await settle();
    assert.equal((await pick()).node.address, 'y');
    directory.close();
  });
});

describe('service directory: registry away', () => {
  it('serves the last snapshot, and says why it cannot find a new service', async () => {
    const { clock, discovery, pick, directory } = setUp([node('x')]);
    await pick();
    discovery.away = true;
    assert.equal((await pick()).node.address, 'x');
    const error = await failure(pick('b'));
    assert.deepEqual([error.code, error.reason, error.undelivered], ['UNAVAILABLE', 'REGISTRY_UNAVAILABLE', true]);
    assert.match(error.message, /service "b" cannot be looked up, and it was never seen before: registry is away/);
    await failure(pick('b'));
    assert.equal(discovery.log.filter((entry) => entry === 'get b').length, 1, 'asked once for a while');
    await clock.advance(1001);
    discovery.away = false;
    discovery.set('b', [node('y', { type: 'b', id: 'b@y' })]);
    assert.equal((await pick('b')).node.address, 'y');
    directory.close();
  });

  it('watches again with a pause when a watch ends or fails, and keeps what it knows', async () => {
    const { clock, discovery, pick, directory } = setUp([node('x')]);
    await pick();
    for (const how of ['end', 'fail'] as const) {
      const before = discovery.log.length;
      discovery.breakWatches(how);
      await settle();
      assert.equal((await pick()).node.address, 'x');
      assert.equal(discovery.log.length, before, 'not at once');
      await clock.advance(10_000);
      assert.deepEqual(discovery.log.slice(before), ['watch a']);
    }
    directory.close();
  });
});

describe('service directory: life', () => {
  it('ends the watch of a service that nobody calls, and finds it again', async () => {
    const { clock, discovery, pick, directory } = setUp([node('x')], { idleMs: 1000 });
    await pick();
    for (let i = 0; i < 10; i++) {
      await clock.advance(500);
      await pick();
    }
    assert.equal(discovery.watching, 1);
    await clock.advance(1400);
    assert.equal(discovery.watching, 0);
    assert.equal(directory.counters.watches, 0);
    assert.equal(clock.pending, 0, 'nothing ticks when nothing is watched');
    assert.equal((await pick()).node.address, 'x');
    assert.equal(discovery.watching, 1);
    directory.close();
  });

  it('ends everything at close, and a look-up in flight too', async () => {
    const { clock, discovery, pick, directory } = setUp([node('x')]);
    await pick();
    discovery.hanging = true;
    const waiting = pick('b');
    await settle();
    directory.close();
    assert.equal((await failure(waiting)).reason, 'APP_STOPPED');
    await settle();
    assert.equal(discovery.watching, 0);
    assert.equal(clock.pending, 0);
    assert.equal((await failure(pick())).reason, 'APP_STOPPED');
  });

  it('answers look-ups of nodes, forbidden and unreachable ones too', async () => {
    const { pick, directory } = setUp([node('x', { metadata: { state: 'forbidden' } }), node('y')]);
    directory.markUnreachable((await pick('a@y')).node);
    assert.deepEqual((await directory.nodes('a')).map((n) => n.address), ['x', 'y']);
    assert.equal((await directory.node('a@x'))?.address, 'x');
    assert.equal(await directory.node('a@z'), undefined);
    assert.deepEqual(await directory.nodes('nobody'), []);
    assert.deepEqual(await directory.list(), ['a']);
    directory.close();
  });

  it('tells listeners which nodes came, changed and went', async () => {
    const { discovery, pick, directory } = setUp([node('x'), node('y')]);
    const seen: string[] = [];
    const show = (nodes: readonly ServiceNode[]) => nodes.map((n) => n.address).join('');
    const end = directory.onChange(({ added, changed, removed }) => seen.push(`+${show(added)} ~${show(changed)} -${show(removed)}`));
    await pick();
    discovery.set('a', [node('x', { version: '2' }), node('z')]);
    await settle();
    end();
    discovery.set('a', []);
    await settle();
    assert.deepEqual(seen, ['+xy ~ -', '+z ~x -y']);
    directory.close();
  });

  it('counts what it does', async () => {
    const { pick, directory } = setUp([node('x')]);
    const picked: Picked = await pick();
    await pick();
    await failure(pick('b'));
    await failure(pick('b'));
    directory.markUnreachable(picked.node);
    assert.deepEqual(directory.counters, { picks: 4, failures: 2, lookups: 2, missesRecalled: 1, snapshots: 1, unreachableMarks: 1, ejections: 0, watches: 1, misses: 1, avoided: 1, ejected: 0 });
    directory.close();
  });
});
