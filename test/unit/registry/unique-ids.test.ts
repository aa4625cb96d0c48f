import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { WorkerClaim, WorkerIds } from '../../../lib/common/worker-ids.js';
import { memoryWorkerIds } from '../../../lib/registry/memory.worker-ids.js';
import { uniqueIds } from '../../../lib/registry/unique-ids.js';
import { workerIdsContract } from '../../../lib/testing/worker-ids.contract.js';
import { FakeClock, sequence, settle } from './fake-clock.js';

const shared = memoryWorkerIds();
workerIdsContract('memory', () => ({ open: () => shared }));

const T = 1_700_000_000_000;
class Clock extends FakeClock {
  override wall(): number {
    return T + this.now();
  }
}

/** Claims that a test hands out and takes away. */
function rig() {
  const clock = new Clock();
  const claims: { id: number; lose: (why: string) => void; until: number; released: (number | undefined)[] }[] = [];
  let refusal: Error | undefined;
  let closed = 0;
  const workers: WorkerIds = {
    name: 'a test',
    async claim(signal) {
      signal?.throwIfAborted();
      if (refusal !== undefined) throw refusal;
      const losing = new AbortController();
      const claim = { id: claims.length, until: clock.wall() + 15_000, released: [] as (number | undefined)[], lose: (why: string) => losing.abort(new Error(why)) };
      claims.push(claim);
      return { id: claim.id, fromMs: 0, untilMs: () => claim.until, lost: losing.signal, release: async (used) => void claim.released.push(used) } satisfies WorkerClaim;
    },
    close: async () => void closed++,
  };
  const log: string[] = [];
  const logger = { debug: () => {}, info: (text: string) => log.push(text), warn: (text: string) => log.push(text), error: () => {} };
  const ids = uniqueIds({ workers, clock, logger, random: sequence(0.5) });
  return { clock, claims, ids, log, refuse: (error?: Error) => (refusal = error), closed: () => closed };
}

describe('unique ids', () => {
  it('are refused before the start and after the end, and made between', async () => {
    const { ids, claims, closed } = rig();
    assert.throws(() => ids.next(), { reason: 'UNIQUE_IDS_UNAVAILABLE', message: 'no unique ids now: start() was not called' });
    await Promise.all([ids.start(), ids.start()]);
    assert.equal(ids.workerId, 0);
    assert.deepEqual(ids.health(), { status: 'up' });
    const id = ids.next();
    assert.equal(Number((id >> 12n) & 1023n), 0);
    await ids.stop();
    assert.deepEqual(claims[0]!.released, [T]);
    assert.equal(closed(), 1);
    assert.throws(() => ids.next(), { message: 'no unique ids now: they are stopped' });
  });

  it('are refused with the reason from the loss of the worker id until there is another', async () => {
    const { ids, claims, clock, log, refuse } = rig();
    await ids.start();
    const before = ids.next();
    refuse(new Error('etcd is away'));
    claims[0]!.lose('etcd no longer has its lease');
    await settle();
    assert.throws(() => ids.next(), { reason: 'UNIQUE_IDS_UNAVAILABLE', message: 'no unique ids now: worker id 0 was lost (etcd no longer has its lease); another is claimed' });
    assert.equal(ids.health().status, 'down');
    await clock.advance(60_000);
    assert.throws(() => ids.next(), { message: /no worker id could be claimed \(etcd is away\); it is tried again/ });
    refuse();
    await clock.advance(5000);
    assert.equal(ids.workerId, 1);
    assert.notEqual(ids.next(), before);
    assert.deepEqual(claims[0]!.released, [], 'what was lost is not given back');
    assert.equal(log.length, 4, log.join('\n'));
    await ids.stop();
  });

  it('start with the first try, and go on trying', async () => {
    const { ids, clock, refuse } = rig();
    refuse(new Error('nobody there'));
    await ids.start();
    assert.equal(ids.health().detail, 'no worker id: no worker id could be claimed (nobody there); it is tried again');
    refuse();
    await clock.advance(500);
    assert.equal(ids.health().status, 'up');
    await ids.stop();
  });

  it('keep within what the claim covers', async () => {
    const { ids, claims } = rig();
    await ids.start();
    claims[0]!.until = T;
    assert.throws(() => ids.next(), { reason: 'UNIQUE_IDS_UNAVAILABLE' });
    claims[0]!.until = T + 1;
    ids.next();
    await ids.stop();
  });

  it('are given up when the start is', async () => {
    const { ids } = rig();
    await assert.rejects(ids.start(AbortSignal.abort(new Error('stopped'))), /stopped/);
    assert.throws(() => ids.next(), { message: /they are stopped/ });
  });

  it('do not come back after the stop, nor keep a start waiting', { timeout: 30_000 }, async () => {
    const { ids, claims } = rig();
    await ids.stop();
    await ids.start();
    assert.equal(claims.length, 0);
    assert.throws(() => ids.next(), { message: 'no unique ids now: they are stopped' });
  });

  it('go on while the app drains: a signal of the start that aborts later is none of theirs', async () => {
    const { ids } = rig();
    const starting = new AbortController();
    await ids.start(starting.signal);
    starting.abort();
    await settle();
    ids.next();
    await ids.stop();
  });
});
