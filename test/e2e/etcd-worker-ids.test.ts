import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkerIds } from '../../lib/common/worker-ids.js';
import { etcdWorkerIds } from '../../lib/registry/etcd/index.js';
import { uniqueIds, type UniqueIds } from '../../lib/registry/unique-ids.js';
import { workerIdsContract } from '../../lib/testing/worker-ids.contract.js';
import { describeWith, startEtcd, type RunningServer } from '../services/index.js';

async function revoke(server: RunningServer, id: number): Promise<void> {
  const ask = async (path: string, body: object) => (await (await fetch(`${server.url}/v3/${path}`, { method: 'POST', body: JSON.stringify(body) })).json()) as { kvs?: [{ lease: string }] };
  const { kvs } = await ask('kv/range', { key: Buffer.from(`/anthill/workers/${id}/holder`).toString('base64') });
  await ask('lease/revoke', { ID: kvs![0].lease });
}

describeWith('worker ids from etcd', ['etcd'], () => {
  workerIdsContract('etcd', async () => {
    const server = await startEtcd();
    return {
      open: (): WorkerIds => etcdWorkerIds({ endpoints: server.url, ttlMs: 3000 }),
      lose: ({ id }) => revoke(server, id),
      dispose: () => server.stop(),
    };
  });
});

describeWith('unique ids over etcd', ['etcd'], () => {
  let server: RunningServer;
  const started: UniqueIds[] = [];
  const start = async (): Promise<UniqueIds> => {
    const ids = uniqueIds({ workers: etcdWorkerIds({ endpoints: server.url, ttlMs: 3000, timeoutMs: 1000 }) });
    started.push(ids);
    await ids.start();
    return ids;
  };
  const until = async (what: string, holds: () => boolean, withinMs = 10_000): Promise<void> => {
    for (const giveUp = performance.now() + withinMs; !holds(); await delay(20)) assert.ok(performance.now() < giveUp, `${what} not within ${withinMs} ms`);
  };

  before(async () => {
    server = await startEtcd();
  });
  after(async () => {
    await Promise.all(started.map((ids) => ids.stop()));
    await server.stop();
  });

  it('are never the same, among 20 who make 5,000 each, at once and one after the other', async () => {
    const seen = new Set<bigint>();
    for (let round = 0; round < 2; round++) {
      const makers = await Promise.all(Array.from({ length: 10 }, start));
      for (let i = 0; i < 5000; i++) for (const ids of makers) seen.add(ids.next());
      await Promise.all(makers.map((ids) => ids.stop()));
    }
    assert.equal(seen.size, 100_000);
  });

  it('are refused when the lease was revoked, and made again with another worker id', async () => {
    const ids = await start();
    const before = ids.workerId!;
    const seen = [ids.next()];
    await revoke(server, before);
    await until('the loss', () => ids.health().status === 'down');
    assert.throws(() => ids.next(), { reason: 'UNIQUE_IDS_UNAVAILABLE', message: /worker id \d+ was lost \(etcd no longer has its lease\)/ });
    await until('another', () => ids.health().status === 'up');
    seen.push(ids.next());
    assert.equal(new Set(seen).size, 2);
    await ids.stop();
  });

  it('go on through a restart of etcd that is shorter than the lease', async () => {
    // A lease that a restart on a loaded machine cannot outlast; what counts is that the claim is renewed with the server that came back.
    const workers = etcdWorkerIds({ endpoints: server.url, ttlMs: 15_000, timeoutMs: 1000 });
    const claim = await workers.claim(new AbortController().signal);
    const before = claim.untilMs();
    await server.restart();
    await until('a renewal', () => claim.untilMs() > before + 5000, 30_000);
    assert.equal(claim.lost.aborted, false);
    await claim.release(Date.now());
    await workers.close();
  });

  it('are refused while etcd is away for longer than the lease, and made again afterwards', async () => {
    const ids = await start();
    const seen = new Set([ids.next()]);
    await server.kill();
    await until('the refusal', () => {
      try {
        seen.add(ids.next());
        return false;
      } catch (cause) {
        assert.equal((cause as { reason?: string }).reason, 'UNIQUE_IDS_UNAVAILABLE');
        return true;
      }
    });
    await server.restart();
    await until('another', () => ids.health().status === 'up');
    const last = ids.next();
    assert.ok(!seen.has(last));
    await ids.stop();
  });
});
