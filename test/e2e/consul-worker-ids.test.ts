import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkerIds } from '../../lib/common/worker-ids.js';
import { consulWorkerIds } from '../../lib/registry/consul/index.js';
import { uniqueIds, type UniqueIds } from '../../lib/registry/unique-ids.js';
import { workerIdsContract } from '../../lib/testing/worker-ids.contract.js';
import { describeWith, startConsul, type RunningServer } from '../services/index.js';

interface Key {
  Key: string;
  Session?: string;
  Value: string;
}

const keysOf = async (server: RunningServer): Promise<Key[]> => {
  const answer = await fetch(`${server.url}/v1/kv/anthill/workers/?recurse`);
  return answer.status === 404 ? [] : ((await answer.json()) as Key[]);
};

/** As when the agent believes that the process is dead. */
async function endSession(server: RunningServer, id: number): Promise<void> {
  const holder = (await keysOf(server)).find(({ Key }) => Key === `anthill/workers/${id}/holder`);
  const answer = await fetch(`${server.url}/v1/session/destroy/${holder!.Session}`, { method: 'PUT' });
  assert.ok(answer.ok);
}

const TTL = 10_000;

describeWith('worker ids from consul', ['consul'], () => {
  workerIdsContract('consul', async () => {
    const server = await startConsul();
    return {
      open: (): WorkerIds => consulWorkerIds({ addr: server.url, env: {}, ttlMs: TTL }),
      lose: ({ id }) => endSession(server, id),
      dispose: () => server.stop(),
    };
  });
});

describeWith('unique ids over consul', ['consul'], () => {
  let server: RunningServer;
  const started: UniqueIds[] = [];
  const start = async (): Promise<UniqueIds> => {
    const ids = uniqueIds({ workers: consulWorkerIds({ addr: server.url, env: {}, ttlMs: TTL }) });
    started.push(ids);
    await ids.start();
    return ids;
  };

  before(async () => {
    server = await startConsul();
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
    const left = (await keysOf(server)).map(({ Key }) => Key);
    assert.ok(left.length > 0 && left.every((key) => key.endsWith('/until')), 'what stays says up to when, and locks nothing');
  });

  it('are refused when the session was ended, and made again under another', async () => {
    const ids = await start();
    const seen = [ids.next()];
    await endSession(server, ids.workerId!);
    for (const giveUp = performance.now() + 20_000; ids.health().status === 'up'; await delay(20)) assert.ok(performance.now() < giveUp, 'the loss was not seen within 20 s');
    assert.throws(() => ids.next(), { reason: 'UNIQUE_IDS_UNAVAILABLE', message: /worker id \d+ was lost \(consul no longer has its session\)/ });
    for (const giveUp = performance.now() + 20_000; ids.health().status === 'down'; await delay(20)) assert.ok(performance.now() < giveUp, 'no other id within 20 s');
    seen.push(ids.next());
    assert.equal(new Set(seen).size, 2);
    await ids.stop();
  });
});
