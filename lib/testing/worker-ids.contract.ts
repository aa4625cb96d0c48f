import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { WORKER_IDS } from '../common/snowflake.js';
import type { WorkerClaim, WorkerIds } from '../common/worker-ids.js';

/** One backend for the suite. @public */
export interface WorkerIdsFixture {
  /** Another process's view of the same backend. The suite closes it. */
  open(): WorkerIds;
  /** Makes the backend forget whose the id is. Left out where that cannot happen. */
  lose?(claim: WorkerClaim): Promise<void>;
  dispose?(): Promise<void>;
}

/**
 * What must be true of everybody who hands out worker ids; registers a `describe` of node:test.
 * @public
 */
export function workerIdsContract(name: string, create: () => Promise<WorkerIdsFixture> | WorkerIdsFixture): void {
  describe(`worker ids contract: ${name}`, { timeout: 60_000 }, () => {
    let fixture: WorkerIdsFixture;
    const opened: WorkerIds[] = [];
    const open = () => {
      const workers = fixture.open();
      opened.push(workers);
      return workers;
    };
    before(async () => {
      fixture = await create();
    });
    after(async () => {
      for (const workers of opened) await workers.close();
      await fixture.dispose?.();
    });

    it('gives each of many who ask together another one', async () => {
      const stores = [open(), open(), open()];
      const claims = await Promise.all(Array.from({ length: 30 }, (_, i) => stores[i % stores.length]!.claim()));
      assert.equal(new Set(claims.map(({ id }) => id)).size, 30);
      for (const claim of claims) {
        assert.ok(Number.isInteger(claim.id) && claim.id >= 0 && claim.id < WORKER_IDS, `${claim.id}`);
        assert.ok(claim.fromMs < claim.untilMs());
        assert.equal(claim.lost.aborted, false);
      }
      await Promise.all(claims.map((claim) => claim.release(Date.now())));
    });

    it('gives what was given back to others, and never a time that was used', async () => {
      const workers = open();
      const usedOf = new Map<number, number>();
      for (let round = 0; round < 20; round++) {
        const claim = await workers.claim();
        const used = usedOf.get(claim.id) ?? -Infinity;
        assert.ok(claim.fromMs > used, `id ${claim.id} was used up to ${used} and begins at ${claim.fromMs}`);
        const last = Math.max(claim.fromMs, Date.now());
        assert.ok(last < claim.untilMs());
        usedOf.set(claim.id, last);
        await claim.release(last);
      }
    });

    it('gives nothing to who has given up', async () => {
      await assert.rejects(open().claim(AbortSignal.abort(new Error('enough'))), /enough/);
    });

    it('says when one is lost, and gives another', async (t) => {
      if (fixture.lose === undefined) return t.diagnostic('it cannot be lost here');
      const workers = open();
      const claim = await workers.claim();
      const told = new Promise((resolve) => claim.lost.addEventListener('abort', resolve, { once: true }));
      await fixture.lose(claim);
      await told;
      assert.ok(claim.lost.reason instanceof Error && claim.lost.reason.message.length > 0);
      await claim.release();
      const next = await workers.claim();
      // Whoever has it now begins where the former could still be.
      if (next.id === claim.id) assert.ok(next.fromMs >= claim.untilMs());
      await next.release();
    });
  });
}
