import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { EtcdClient } from '../../../lib/backend/etcd/etcd.client.js';
import type { EtcdChanges, EtcdEvent } from '../../../lib/backend/etcd/etcd.rows.js';

/** What is asked of etcd, the real one and the fake. */
export interface EtcdFixture {
  readonly client: EtcdClient;
  compact(revision: bigint): Promise<void> | void;
}

/** Registers the tests that need no control over a server. */
export function etcdClientSuite(fixture: () => EtcdFixture): void {
  it('writes, reads and deletes, text and bytes', async () => {
    const { revision } = await fixture().client.put('kv/a', '名');
    await fixture().client.put('kv/b', new Uint8Array([0, 255]));
    const all = await fixture().client.range({ prefix: 'kv/' });
    assert.deepEqual(all.rows.map(({ key, value }) => [key, value.toString('latin1')]), [['kv/a', '\xe5\x90\x8d'], ['kv/b', '\x00\xff']]);
    assert.equal(all.rows[0]!.value.toString(), '名');
    assert.deepEqual([all.more, all.revision, all.rows[0]!.modRevision], [false, revision + 1n, revision]);
    assert.deepEqual((await fixture().client.range('kv')).rows, []);
    assert.deepEqual(await fixture().client.deleteRange({ prefix: 'kv/' }), { revision: revision + 2n, deleted: 2 });
    assert.deepEqual((await fixture().client.range({ prefix: 'kv/' })).rows, []);
  });

  it('reads a part, keys only, and as it was', async () => {
    for (const key of ['part/1', 'part/2', 'part/3']) await fixture().client.put(key, key);
    const { rows, more, revision } = await fixture().client.range({ prefix: 'part/' }, { limit: 2, keysOnly: true });
    assert.deepEqual([rows.map(({ key, value }) => `${key}=${value}`), more], [['part/1=', 'part/2='], true]);
    await fixture().client.put('part/1', 'new');
    assert.equal((await fixture().client.range('part/1', { revision })).rows[0]!.value.toString(), 'part/1');
    assert.equal((await fixture().client.range('part/1')).rows[0]!.version, 2n);
  });

  it('knows all keys by the empty prefix', async () => {
    await fixture().client.put('\u0000', 'smallest');
    const { rows } = await fixture().client.range({ prefix: '' }, { keysOnly: true });
    assert.equal(rows[0]!.key, '\u0000');
    assert.ok(rows.length > 1);
  });

  it('sets only what is as expected, and tells what is there instead', async () => {
    const create = { compare: [{ key: 'cas', createRevision: 0n }], success: [{ put: 'cas', value: '1' }], failure: [{ range: 'cas' }] };
    const first = await fixture().client.txn(create);
    assert.equal(first.succeeded, true);
    const second = await fixture().client.txn(create);
    assert.equal(second.succeeded, false);
    assert.equal(second.ranges[0]![0]!.value.toString(), '1');
    const change = (modRevision: bigint) => fixture().client.txn({ compare: [{ key: 'cas', modRevision }], success: [{ put: 'cas', value: '2' }, { range: 'cas' }] });
    assert.equal((await change(first.revision - 1n)).succeeded, false);
    const changed = await change(first.revision);
    assert.deepEqual([changed.succeeded, changed.ranges[0]![0]!.value.toString()], [true, '2']);
    const odd = await fixture().client.txn({ compare: [{ key: 'cas', value: '2' }, { key: 'cas', version: 1n, is: 'greater' }, { key: 'cas', lease: 1n, is: 'notEqual' }], success: [{ delete: 'cas' }] });
    assert.equal(odd.succeeded, true);
    assert.deepEqual((await fixture().client.range('cas')).rows, []);
  });

  it('ties keys to leases', async () => {
    const lease = await fixture().client.grantLease(30);
    assert.ok(lease.id !== 0n && lease.ttlSeconds === 30);
    await fixture().client.put('leased', '1', { lease: lease.id });
    assert.equal((await fixture().client.range('leased')).rows[0]!.lease, lease.id);
    assert.equal(await fixture().client.keepAlive(lease.id), 30);
    await fixture().client.revokeLease(lease.id);
    assert.deepEqual((await fixture().client.range('leased')).rows, []);
    assert.equal(await fixture().client.keepAlive(lease.id), 0);
    await fixture().client.revokeLease(lease.id);
    await assert.rejects(fixture().client.put('leased', '1', { lease: lease.id }), { kind: 'lease-gone', message: /does not know the lease/ });
  });

  it('watches from a revision: nothing missed, transactions whole, what was there before', async () => {
    const { revision } = await fixture().client.put('watch/a', '1');
    await fixture().client.put('watch/b', '2');
    const ending = new AbortController();
    const changes = fixture().client.watch({ prefix: 'watch/' }, revision + 1n, ending.signal)[Symbol.asyncIterator]();
    assert.deepEqual(told(await step(changes)), ['put watch/b=2']);
    await fixture().client.txn({ compare: [], success: [{ put: 'watch/c', value: '3' }, { delete: 'watch/a' }] });
    const both = await step(changes);
    assert.deepEqual(told(both), ['put watch/c=3', 'delete watch/a=']);
    assert.equal(both[1]!.previous?.value.toString(), '1');
    const next = changes.next();
    ending.abort();
    assert.deepEqual(await next, { done: true, value: undefined });
  });

  it('tells that a revision is compacted, and from which on it can be watched', async () => {
    const { revision } = await fixture().client.put('compact', '1');
    const last = await fixture().client.put('compact', '2');
    await fixture().compact(last.revision);
    const watching = fixture().client.watch('compact', revision, new AbortController().signal)[Symbol.asyncIterator]();
    await assert.rejects(watching.next(), { kind: 'compacted', compactRevision: last.revision, message: /list again/ });
    await assert.rejects(fixture().client.range('compact', { revision }), { kind: 'compacted' });
  });

  it('does not wait in silence for revisions that are to come', async () => {
    const watching = fixture().client.watch('future', 1_000_000n, new AbortController().signal)[Symbol.asyncIterator]();
    await assert.rejects(watching.next(), { kind: 'unreachable', message: /revision \d+ is before the 1000000/ });
  });
}

function told(events: readonly EtcdEvent[]): string[] {
  return events.map(({ type, row }) => `${type} ${row.key}=${row.value}`);
}

async function step(changes: AsyncIterator<EtcdChanges>): Promise<readonly EtcdEvent[]> {
  const { done, value } = await changes.next();
  assert.ok(!done, 'the watch ended');
  return value.events;
}
