import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { EtcdRequestError, type EtcdClient } from '../../lib/backend/etcd/etcd.client.js';
import { resolveEtcdConnection, type EtcdConnectionOptions } from '../../lib/backend/etcd/etcd.connection.js';
import { openEtcdClient } from '../../lib/backend/etcd/etcd.open.js';
import { etcdClientSuite } from '../unit/backend/etcd-client.suite.js';
import { describeWith, startEtcd, type RunningServer } from '../services/index.js';

describeWith('the client of etcd', ['etcd'], () => {
  let server: RunningServer;
  let client: EtcdClient;

  before(async () => {
    server = await startEtcd();
    client = await open({ endpoints: server.url });
  });
  after(async () => {
    client.close();
    await server.stop();
  });

  etcdClientSuite(() => ({ client, compact: (revision) => compact(server, revision) }));

  it('ends a request at once when its signal aborts, with its reason', async () => {
    const paused = await startEtcd();
    const stuck = await open({ endpoints: paused.url });
    try {
      await stuck.status();
      paused.pause();
      const ending = new AbortController();
      const asked = stuck.range('x', {}, ending.signal);
      const leased = stuck.keepAlive(5n, ending.signal);
      const reason = new Error('enough');
      ending.abort(reason);
      await assert.rejects(asked, reason);
      await assert.rejects(leased, reason);
      await assert.rejects(stuck.put('x', '1', {}, AbortSignal.abort(reason)), reason);
    } finally {
      paused.resume();
      stuck.close();
      await paused.stop();
    }
  });

  it('says who cannot be reached, and why', async () => {
    const nobody = await open({ endpoints: '127.0.0.1:1' });
    await assert.rejects(nobody.status(), (error: EtcdRequestError) => {
      assert.equal(error.kind, 'unreachable');
      assert.match(error.message, /^etcd at 127\.0\.0\.1:1 cannot be reached \(connect ECONNREFUSED 127\.0\.0\.1:1\); check that it runs/);
      return true;
    });
    nobody.close();
  });

  it('takes the next endpoint when one is away, for reads and for writes', async () => {
    const several = await open({ endpoints: ['127.0.0.1:1', `127.0.0.1:${server.port}`] });
    await several.put('failover', '1');
    assert.equal((await several.range('failover')).rows.length, 1);
    several.close();
  });

  it('is there again when etcd is', async () => {
    await client.put('again', '1');
    await server.kill();
    await assert.rejects(client.range('again'), { kind: 'unreachable' });
    await server.restart();
    for (const giveUp = performance.now() + 5000; ; ) {
      try {
        assert.equal((await client.range('again')).rows[0]!.value.toString(), '1');
        break;
      } catch (cause) {
        if (!(cause instanceof EtcdRequestError) || performance.now() > giveUp) throw cause;
      }
    }
  });
});

async function open(options: EtcdConnectionOptions): Promise<EtcdClient> {
  return openEtcdClient(resolveEtcdConnection(options));
}

/** Through etcd's HTTP gateway: the library never compacts. */
async function compact(server: RunningServer, revision: bigint): Promise<void> {
  const answer = await fetch(`${server.url}/v3/kv/compaction`, { method: 'POST', body: JSON.stringify({ revision: `${revision}` }) });
  assert.ok(answer.ok, await answer.text());
}
