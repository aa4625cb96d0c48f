import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServiceNode } from '../../../lib/common/service-node.js';
import { EtcdGuard } from '../../../lib/registry/etcd/etcd.guard.js';
import { resolveEtcdOptions } from '../../../lib/registry/etcd/etcd.options.js';
import { decodeRecord } from '../../../lib/registry/etcd/etcd.record.js';
import { EtcdRegistrations } from '../../../lib/registry/etcd/etcd.registrations.js';
import { FakeEtcd } from '../backend/fake-etcd.js';
import { FakeClock, sequence, settle } from './fake-clock.js';

const TTL = 20_000;
const node: ServiceNode = { id: 'a@1', type: 'a', version: '1', address: 'x', metadata: {} };
const live = new AbortController().signal;

function start() {
  const clock = new FakeClock();
  const etcd = new FakeEtcd(clock);
  const options = resolveEtcdOptions({ clock, random: sequence(0.5) });
  const client = async () => etcd;
  const registrations = new EtcdRegistrations(client, options);
  const guard = new EtcdGuard(registrations, { client, clock, random: options.random }, options);
  /** What was asked since the last time. */
  const asked = () => etcd.asked.splice(0).join(' ');
  const shown = async () => {
    const { rows } = await etcd.range({ prefix: '/mqant-registry/' });
    etcd.asked.pop();
    return rows.flatMap((row) => decodeRecord('a', row));
  };
  return { clock, etcd, registrations, guard, asked, shown };
}

describe('registrations in etcd', () => {
  it('are one lease and one key; renewing asks for the lease only', async () => {
    const { registrations, etcd, asked, shown } = start();
    await registrations.register(node, TTL, live);
    assert.equal(asked(), 'grant put');
    await registrations.register({ ...node }, TTL, live);
    assert.equal(asked(), 'keepAlive');
    assert.deepEqual(await shown(), [node]);
    assert.equal(etcd.leaseIds.length, 1);
  });

  it('keep their lease when the content changes, and get another for another TTL', async () => {
    const { registrations, etcd, asked, shown } = start();
    await registrations.register(node, TTL, live);
    asked();
    await registrations.register({ ...node, version: '2' }, TTL, live);
    assert.equal(asked(), 'keepAlive put');
    await registrations.register({ ...node, version: '2' }, 5000, live);
    assert.equal(asked(), 'grant put revoke');
    assert.deepEqual([(await shown())[0]?.version, etcd.leaseIds.length], ['2', 1]);
  });

  it('are written again with a new lease when the old one is gone', async () => {
    const { registrations, etcd, asked, shown } = start();
    await registrations.register(node, TTL, live);
    etcd.endLease(etcd.leaseIds[0]!);
    asked();
    await registrations.register(node, TTL, live);
    assert.equal(asked(), 'keepAlive grant put revoke');
    assert.deepEqual(await shown(), [node]);
  });

  it('that failed half-way are written by the next try', async () => {
    const { registrations, etcd, asked, shown } = start();
    const put = etcd.put;
    etcd.put = () => Promise.reject(new Error('no'));
    await assert.rejects(registrations.register(node, TTL, live), /no/);
    etcd.put = put;
    asked();
    await registrations.register(node, TTL, live);
    assert.equal(asked(), 'keepAlive put');
    assert.deepEqual(await shown(), [node]);
  });

  it('end with their lease, and leave alone what another process wrote since', async () => {
    const { registrations, etcd, asked, shown } = start();
    const other = new EtcdRegistrations(async () => etcd, resolveEtcdOptions({}));
    await registrations.register(node, TTL, live);
    const successor = { ...node, address: 'y' };
    await other.register(successor, TTL, live);
    asked();
    await registrations.deregister(node, live);
    assert.equal(asked(), 'revoke');
    assert.deepEqual(await shown(), [successor]);
    await registrations.deregister(node, live);
    assert.deepEqual(await shown(), [], 'who has none of its own takes out what is there');
  });

  it('of a write that was given up are taken out too', async () => {
    const { registrations, etcd, shown } = start();
    const giving = new AbortController();
    const put = etcd.put.bind(etcd);
    // It reaches etcd, and its answer does not reach us.
    etcd.put = async (key, value, options) => {
      await put(key, value, options);
      giving.abort(new Error('given up'));
      throw giving.signal.reason;
    };
    await assert.rejects(registrations.register(node, TTL, giving.signal), /given up/);
    assert.equal((await shown()).length, 1);
    await registrations.deregister(node, live);
    assert.deepEqual(await shown(), []);
  });
});

describe('the guard of registrations', () => {
  it('puts back at once what somebody deletes or whose lease ends, at most once a second', async () => {
    const { registrations, guard, etcd, clock, shown } = start();
    await registrations.register(node, TTL, live);
    guard.adjust();
    await settle();
    await etcd.deleteRange({ prefix: '/mqant-registry/' });
    await clock.advance(0);
    assert.deepEqual(await shown(), [node]);
    etcd.endLease(etcd.leaseIds[0]!);
    await clock.advance(999);
    assert.deepEqual(await shown(), []);
    await clock.advance(1);
    assert.deepEqual(await shown(), [node]);
    guard.stop();
    await settle();
    assert.equal(etcd.watching, 0);
  });

  it('puts everything back after etcd lost its data', async () => {
    const { registrations, guard, etcd, clock, shown } = start();
    const second = { ...node, id: 'a@2' };
    await registrations.register(node, TTL, live);
    await registrations.register(second, TTL, live);
    guard.adjust();
    await settle();
    etcd.takeAway();
    await clock.advance(3000);
    etcd.wipe();
    etcd.comeBack();
    await clock.advance(4000);
    assert.deepEqual(await shown(), [node, second]);
    guard.stop();
  });

  it('leaves out whom its owner no longer renews, and who was taken over', async () => {
    const { registrations, guard, etcd, clock, shown } = start();
    await registrations.register(node, 5000, live);
    guard.adjust();
    await clock.advance(5000);
    await clock.advance(2000);
    assert.deepEqual(await shown(), []);
    await registrations.register(node, TTL, live);
    const lease = await etcd.grantLease(60);
    await etcd.put('/mqant-registry/a/a@1', 'of another', { lease: lease.id });
    etcd.breakWatches(new Error('broken'));
    await clock.advance(4000);
    assert.equal((await etcd.range('/mqant-registry/a/a@1')).rows[0]!.value.toString(), 'of another');
    guard.stop();
  });

  it('follows each service that has a node of ours, and no other', async () => {
    const { registrations, guard, etcd } = start();
    await registrations.register(node, TTL, live);
    const other = { ...node, id: 'b@1', type: 'b' };
    await registrations.register(other, TTL, live);
    guard.adjust();
    guard.adjust();
    await settle();
    assert.equal(etcd.watching, 2);
    await registrations.deregister(other, live);
    guard.adjust();
    await settle();
    assert.equal(etcd.watching, 1);
    guard.stop();
  });
});
