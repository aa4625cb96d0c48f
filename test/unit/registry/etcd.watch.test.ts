import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeRecord, nodeKey } from '../../../lib/registry/etcd/etcd.record.js';
import { watchService, type RecentNodes } from '../../../lib/registry/etcd/etcd.watch.js';
import { FakeEtcd } from '../backend/fake-etcd.js';
import { FakeClock, sequence, settle } from './fake-clock.js';

const PREFIX = '/mqant-registry';
const HOLD = 10_000;

function start(holdMs = HOLD, recent?: RecentNodes, prepare: (etcd: FakeEtcd) => void = () => {}) {
  const clock = new FakeClock();
  const etcd = new FakeEtcd(clock);
  prepare(etcd);
  const ending = new AbortController();
  const snapshots: string[] = [];
  const ended = (async () => {
    for await (const { nodes } of watchService({ client: async () => etcd, clock, random: sequence(0.5), prefix: PREFIX, holdMs, ...(recent && { recent }) }, 'a', ending.signal)) snapshots.push(nodes.map(({ address }) => address).join());
  })();
  const node = (id: string, address = id) => ({ id: `a@${id}`, type: 'a', version: '1', address, metadata: {} });
  return {
    clock,
    etcd,
    snapshots,
    ended,
    put: (id: string, address?: string) => etcd.put(nodeKey(PREFIX, node(id)), encodeRecord(node(id, address))),
    remove: (id: string) => etcd.deleteRange(nodeKey(PREFIX, node(id))),
    end: async () => {
      ending.abort();
      await ended;
    },
  };
}

describe('etcd watch', () => {
  it('gives what is, then each change', async () => {
    const w = start();
    await settle();
    await w.put('x');
    await w.clock.advance(50);
    await w.put('y');
    await w.clock.advance(50);
    await w.put('x', 'moved');
    await w.clock.advance(50);
    await w.remove('y');
    await w.clock.advance(50);
    assert.deepEqual(w.snapshots, ['', 'x', 'x,y', 'moved,y', 'moved']);
    await w.end();
    assert.equal(w.etcd.watching, 0);
    assert.equal(w.clock.pending, 0);
  });

  it('gives a burst of changes as one, and a change that changes nothing not at all', async () => {
    const w = start();
    await settle();
    for (let i = 0; i < 100; i++) await w.put(`${i}`.padStart(2, '0'));
    await settle();
    await w.clock.advance(50);
    assert.deepEqual([w.snapshots.length, w.snapshots.at(-1)?.split(',').length], [2, 100]);
    await w.put('00');
    await w.clock.advance(1000);
    assert.equal(w.snapshots.length, 2);
    await w.end();
  });

  it('keeps through an outage what it had, and for the hold what is missing after it', async () => {
    const w = start();
    await w.put('x');
    await w.put('y');
    await w.clock.advance(50);
    w.snapshots.length = 0;
    w.etcd.takeAway();
    await w.clock.advance(30_000);
    w.etcd.wipe();
    w.etcd.comeBack();
    await w.clock.advance(4000);
    await w.put('x', 'back');
    await w.put('z');
    await w.clock.advance(50);
    assert.equal(w.snapshots.at(-1), 'back,y,z');
    assert.ok(w.snapshots.every((nodes) => /^(x|back),y/.test(nodes)), w.snapshots.join(' '));
    await w.clock.advance(HOLD);
    assert.equal(w.snapshots.at(-1), 'back,z');
    await w.end();
  });

  it('keeps what a question just before it brought, when etcd went between the two', async () => {
    const recent = { nodes: [{ id: 'a@x', type: 'a', version: '1', address: 'x', metadata: {} }], revision: 9n };
    const away = start(HOLD, recent, (etcd) => etcd.takeAway());
    await away.clock.advance(3000);
    away.etcd.comeBack();
    await away.clock.advance(4000);
    assert.deepEqual(away.snapshots, ['x']);
    await away.clock.advance(HOLD);
    assert.deepEqual(away.snapshots, ['x', '']);
    await away.end();
    const wiped = start(HOLD, recent);
    await wiped.clock.advance(1000);
    assert.deepEqual(wiped.snapshots, ['x'], 'no request failed, and the revision is lower than before');
    await wiped.end();
    const quiet = start(HOLD, { ...recent, revision: 1n });
    await quiet.clock.advance(1000);
    assert.deepEqual(quiet.snapshots, [''], 'in quiet times the list counts');
    await quiet.end();
  });

  it('believes at once what is deleted while it watches, in the hold too', async () => {
    const w = start();
    await w.put('x');
    await w.put('y');
    await w.clock.advance(50);
    w.snapshots.length = 0;
    w.etcd.takeAway();
    await w.clock.advance(1000);
    w.etcd.comeBack();
    await w.clock.advance(4000);
    await w.remove('x');
    await w.clock.advance(50);
    assert.deepEqual(w.snapshots, ['y']);
    await w.end();
  });

  it('holds nothing where that is not wanted', async () => {
    const w = start(0);
    await w.put('x');
    await settle();
    w.etcd.takeAway();
    await w.clock.advance(1000);
    w.etcd.wipe();
    w.etcd.comeBack();
    await w.clock.advance(4000);
    assert.deepEqual(w.snapshots, ['x', '']);
    await w.end();
  });

  it('is not hurt by records of strangers', async () => {
    const w = start();
    await settle();
    await w.etcd.put(`${PREFIX}/a/garbage`, new Uint8Array([0xff, 0x00]));
    await w.put('x');
    await w.etcd.put(`${PREFIX}/a/garbage`, '{"name":"a","nodes":[{"id":"a@g","address":"g"}]}');
    await w.clock.advance(100);
    assert.equal(w.snapshots.at(-1), 'g,x');
    await w.etcd.put(`${PREFIX}/a/garbage`, 'no more');
    await w.clock.advance(100);
    assert.equal(w.snapshots.at(-1), 'x');
    await w.end();
  });

  it('lets go of everything when its reader leaves', async () => {
    const clock = new FakeClock();
    const etcd = new FakeEtcd(clock);
    for await (const { nodes } of watchService({ client: async () => etcd, clock, random: sequence(0.5), prefix: PREFIX, holdMs: 0 }, 'a', new AbortController().signal)) {
      assert.deepEqual(nodes, []);
      break;
    }
    assert.deepEqual([etcd.watching, clock.pending], [0, 0]);
  });
});
