import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { EtcdRequestError, type EtcdClient } from '../../lib/backend/etcd/etcd.client.js';
import { resolveEtcdConnection, type EtcdConnectionOptions } from '../../lib/backend/etcd/etcd.connection.js';
import { openEtcdClient } from '../../lib/backend/etcd/etcd.open.js';
import type { EtcdChanges, EtcdEvent } from '../../lib/backend/etcd/etcd.rows.js';
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

  it('writes, reads and deletes, text and bytes', async () => {
    const { revision } = await client.put('kv/a', '名');
    await client.put('kv/b', new Uint8Array([0, 255]));
    const all = await client.range({ prefix: 'kv/' });
    assert.deepEqual(all.rows.map(({ key, value }) => [key, value.toString('latin1')]), [['kv/a', '\xe5\x90\x8d'], ['kv/b', '\x00\xff']]);
    assert.equal(all.rows[0]!.value.toString(), '名');
    assert.deepEqual([all.more, all.revision, all.rows[0]!.modRevision], [false, revision + 1n, revision]);
    assert.deepEqual((await client.range('kv')).rows, []);
    assert.deepEqual(await client.deleteRange({ prefix: 'kv/' }), { revision: revision + 2n, deleted: 2 });
    assert.deepEqual((await client.range({ prefix: 'kv/' })).rows, []);
  });

  it('reads a part, keys only, and as it was', async () => {
    for (const key of ['part/1', 'part/2', 'part/3']) await client.put(key, key);
    const { rows, more, revision } = await client.range({ prefix: 'part/' }, { limit: 2, keysOnly: true });
    assert.deepEqual([rows.map(({ key, value }) => `${key}=${value}`), more], [['part/1=', 'part/2='], true]);
    await client.put('part/1', 'new');
    assert.equal((await client.range('part/1', { revision })).rows[0]!.value.toString(), 'part/1');
    assert.equal((await client.range('part/1')).rows[0]!.version, 2n);
  });

  it('knows all keys by the empty prefix', async () => {
    await client.put('\u0000', 'smallest');
    const { rows } = await client.range({ prefix: '' }, { keysOnly: true });
    assert.equal(rows[0]!.key, '\u0000');
    assert.ok(rows.length > 1);
  });

  it('sets only what is as expected, and tells what is there instead', async () => {
    const create = { compare: [{ key: 'cas', createRevision: 0n }], success: [{ put: 'cas', value: '1' }], failure: [{ range: 'cas' }] };
    const first = await client.txn(create);
    assert.equal(first.succeeded, true);
    const second = await client.txn(create);
    assert.equal(second.succeeded, false);
    assert.equal(second.ranges[0]![0]!.value.toString(), '1');
    const change = (modRevision: bigint) => client.txn({ compare: [{ key: 'cas', modRevision }], success: [{ put: 'cas', value: '2' }, { range: 'cas' }] });
    assert.equal((await change(first.revision - 1n)).succeeded, false);
    const changed = await change(first.revision);
    assert.deepEqual([changed.succeeded, changed.ranges[0]![0]!.value.toString()], [true, '2']);
    const odd = await client.txn({ compare: [{ key: 'cas', value: '2' }, { key: 'cas', version: 1n, is: 'greater' }, { key: 'cas', lease: 1n, is: 'notEqual' }], success: [{ delete: 'cas' }] });
    assert.equal(odd.succeeded, true);
    assert.deepEqual((await client.range('cas')).rows, []);
  });

  it('ties keys to leases', async () => {
    const lease = await client.grantLease(30);
    assert.ok(lease.id !== 0n && lease.ttlSeconds === 30);
    await client.put('leased', '1', { lease: lease.id });
    assert.equal((await client.range('leased')).rows[0]!.lease, lease.id);
    assert.equal(await client.keepAlive(lease.id), 30);
    await client.revokeLease(lease.id);
    assert.deepEqual((await client.range('leased')).rows, []);
    assert.equal(await client.keepAlive(lease.id), 0);
    await client.revokeLease(lease.id);
    await assert.rejects(client.put('leased', '1', { lease: lease.id }), { kind: 'lease-gone', message: /does not know the lease/ });
  });

  it('watches from a revision: nothing missed, transactions whole, what was there before', async () => {
    const { revision } = await client.put('watch/a', '1');
    await client.put('watch/b', '2');
    const ending = new AbortController();
    const changes = client.watch({ prefix: 'watch/' }, revision + 1n, ending.signal)[Symbol.asyncIterator]();
    assert.deepEqual(told(await step(changes)), ['put watch/b=2']);
    await client.txn({ compare: [], success: [{ put: 'watch/c', value: '3' }, { delete: 'watch/a' }] });
    const both = await step(changes);
    assert.deepEqual(told(both), ['put watch/c=3', 'delete watch/a=']);
    assert.equal(both[1]!.previous?.value.toString(), '1');
    const next = changes.next();
    ending.abort();
    assert.deepEqual(await next, { done: true, value: undefined });
  });

  it('tells that a revision is compacted, and from which on it can be watched', async () => {
    const { revision } = await client.put('compact', '1');
    const last = await client.put('compact', '2');
    await compact(server, last.revision);
    const watching = client.watch('compact', revision, new AbortController().signal)[Symbol.asyncIterator]();
    await assert.rejects(watching.next(), { kind: 'compacted', compactRevision: last.revision, message: /list again/ });
    await assert.rejects(client.range('compact', { revision }), { kind: 'compacted' });
  });

  it('does not wait in silence for revisions that are to come', async () => {
    const watching = client.watch('future', 1_000_000n, new AbortController().signal)[Symbol.asyncIterator]();
    await assert.rejects(watching.next(), { kind: 'unreachable', message: /revision \d+ is before the 1000000/ });
  });

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

function told(events: readonly EtcdEvent[]): string[] {
  return events.map(({ type, row }) => `${type} ${row.key}=${row.value}`);
}

async function step(changes: AsyncIterator<EtcdChanges>): Promise<readonly EtcdEvent[]> {
  const { done, value } = await changes.next();
  assert.ok(!done, 'the watch ended');
  return value.events;
}

/** Through etcd's HTTP gateway: the library never compacts. */
async function compact(server: RunningServer, revision: bigint): Promise<void> {
  const answer = await fetch(`${server.url}/v3/kv/compaction`, { method: 'POST', body: JSON.stringify({ revision: `${revision}` }) });
  assert.ok(answer.ok, await answer.text());
}
