import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { etcdWorkerIds, type EtcdWorkerIdsOptions } from '../../../lib/registry/etcd/index.js';
import { workerIdsOver } from '../../../lib/registry/etcd/etcd.worker-ids.js';
import { FakeEtcd } from '../backend/fake-etcd.js';
import { FakeClock, sequence, settle } from './fake-clock.js';

const T = 1_700_000_000_000;
const TTL = 15_000;

/** A host with a clock of its own. */
class HostClock extends FakeClock {
  skew = 0;
  override wall(): number {
    return T + this.now() + this.skew;
  }
}

function start() {
  const clock = new HostClock();
  const etcd = new FakeEtcd(clock);
  const open = (random = sequence(0), wall = clock) => workerIdsOver(async () => etcd, '127.0.0.1:2379', { prefix: '/w', ttlMs: TTL, clock: wall, random });
  return { clock, etcd, open };
}

describe('worker ids in etcd', () => {
  it('are two keys: whose it is, under a lease, and up to when, which stays', async () => {
    const { etcd, clock, open } = start();
    const claim = await open().claim();
    assert.deepEqual([claim.id, claim.fromMs, claim.untilMs()], [0, 0, T + TTL]);
    const { rows } = await etcd.range({ prefix: '/w/0/' });
    assert.deepEqual(rows.map(({ key, lease }) => [key, lease !== 0n]), [['/w/0/holder', true], ['/w/0/until', false]]);
    await clock.advance(TTL / 3);
    assert.equal(claim.untilMs(), T + TTL / 3 + TTL);
    await claim.release(T + 7);
    assert.deepEqual((await etcd.range({ prefix: '/w/' })).rows.map(({ key, value }) => `${key}=${value}`), ['/w/0/until=' + (T + 8)]);
    assert.deepEqual([etcd.leaseIds, clock.pending], [[], 0]);
    const next = await open().claim();
    assert.deepEqual([next.id, next.fromMs], [0, T + 8]);
    await next.release();
  });

  it('go to one when two try for the same', async () => {
    const { open } = start();
    // Both begin with the first free one.
    const [a, b] = await Promise.all([open().claim(), open().claim()]);
    assert.notEqual(a.id, b.id);
    await Promise.all([a.release(), b.release()]);
  });

  it('of a holder that died are not given out before its time is over, by the clock of who asks', async () => {
    const { etcd, clock, open } = start();
    const dead = open();
    const claim = await dead.claim();
    await dead.close();
    etcd.endLease(etcd.leaseIds[0]!);
    assert.equal((await open().claim()).id, 1, 'its lease is gone, and what it may have used is not over');
    await clock.advance(TTL);
    const next = await open().claim();
    assert.deepEqual([next.id, next.fromMs], [0, claim.untilMs()]);
  });

  it('stay apart when the clocks of hosts differ', async () => {
    const { etcd, clock, open } = start();
    const ahead = new HostClock();
    ahead.skew = 3_600_000;
    const first = await open(sequence(0), ahead).claim();
    assert.equal(first.untilMs(), T + 3_600_000 + TTL);
    await first.release(T + 3_600_000);
    const second = await open().claim();
    assert.equal(second.id, 1, 'used up to a time that has not come here');
    await second.release(T);
    clock.skew = 3_600_001;
    assert.equal((await open().claim()).fromMs, T + 3_600_001);
    void etcd;
  });

  it('are lost when the lease is, at the next renewal', async () => {
    const { etcd, clock, open } = start();
    const claim = await open().claim();
    etcd.endLease(etcd.leaseIds[0]!);
    await clock.advance(TTL / 3);
    assert.equal((claim.lost.reason as Error).message, 'etcd no longer has its lease');
    assert.equal(clock.pending, 0);
    await claim.release();
  });

  it('outlive an outage that is shorter than the TTL, and are lost in one that is longer', async () => {
    const { etcd, clock, open } = start();
    const claim = await open().claim();
    etcd.away = new Error('etcd is away');
    await clock.advance(TTL - 3000);
    etcd.comeBack();
    await clock.advance(3000);
    assert.equal(claim.lost.aborted, false);
    assert.ok(claim.untilMs() > clock.wall());
    etcd.away = new Error('etcd is away');
    await clock.advance(TTL + 2000);
    assert.equal((claim.lost.reason as Error).message, 'etcd is away');
  });

  it('never cover a time that is not written down', async () => {
    const { etcd, clock, open } = start();
    const claim = await open().claim();
    const written = async () => Number((await etcd.range('/w/0/until')).rows[0]!.value.toString());
    etcd.txn = () => Promise.reject(new Error('no'));
    await clock.advance(TTL / 3);
    assert.equal(claim.untilMs(), T + TTL);
    assert.equal(await written(), T + TTL);
  });

  it('are refused in words when there is none', async () => {
    const { etcd, open } = start();
    for (let id = 0; id < 1024; id++) await etcd.put(`/w/${id}/holder`, 'somebody');
    await assert.rejects(open().claim(), /etcd at 127\.0\.0\.1:2379: all 1024 worker ids under \/w are taken; give groups of processes prefixes/);
    await etcd.deleteRange('/w/7/holder');
    await etcd.put('/w/7/until', 'garbage');
    await assert.rejects(open().claim(), /1 worker ids under \/w are free, and by our clock none of them yet; is the clock right\?/);
    assert.deepEqual(etcd.leaseIds, []);
    await etcd.put('/w/7/until', '5');
    const claim = await open().claim();
    assert.deepEqual([claim.id, claim.fromMs], [7, 5]);
    await claim.release();
  });

  it('end with who handed them out', async () => {
    const { clock, open } = start();
    const workers = open();
    await workers.claim();
    await workers.close();
    await settle();
    assert.equal(clock.pending, 1, 'only the lease runs on');
    await assert.rejects(workers.claim(), /the worker ids of etcd at 127\.0\.0\.1:2379 are closed/);
  });

  it('take options that can be meant', () => {
    const cases: [object, RegExp][] = [
      [{ ttl: 5 }, /unknown option "ttl"/],
      [{ ttlMs: 2000 }, /ttlMs must be whole seconds, at least 3000, got 2000/],
      [{ ttlMs: 3500 }, /whole seconds/],
      [{ prefix: '/' }, /prefix must name a folder of keys/],
    ];
    for (const [options, message] of cases) assert.throws(() => etcdWorkerIds(options as EtcdWorkerIdsOptions), { reason: 'ETCD_OPTIONS', message });
  });
});
