import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { deflateSync } from 'node:zlib';
import type { ServiceNode } from '../../../lib/common/service-node.js';
import type { ConsulHealthEntry } from '../../../lib/backend/consul/consul.rows.js';
import { checkId } from '../../../lib/registry/consul/consul.registrations.js';
import { goDuration } from '../../../lib/registry/consul/go-duration.js';
import { decodeTags, mqantRecord } from '../../../lib/registry/consul/mqant.record.js';
import { readRows } from '../../../lib/registry/consul/read-rows.js';
import { projectRoot } from '../../services/project-root.js';

const encodeRecord = (target: ServiceNode, ttlMs: number) => mqantRecord().encode(target, ttlMs)!;
const decodeEntries = (type: string, entries: readonly ConsulHealthEntry[]) => readRows(type, type, entries, [mqantRecord()]);
const versionAndMetadata = (tags: readonly unknown[]) => {
  const { version, metadata } = decodeTags(tags);
  return { version, metadata };
};
const hex = (text: string) => deflateSync(text).toString('hex');
const node = { id: 'hello@0123456789abcdef', type: 'hello', version: '1.0.0', address: 'anthill.rpc.hello.1', metadata: { state: 'alive', a: '1' } };

function entry(service: object, checks: string[] = ['passing', 'passing'], host = '10.0.0.1'): ConsulHealthEntry {
  return { Node: { Node: 'n', Address: host }, Service: service, Checks: checks.map((Status) => ({ Status })) };
}

describe('consul record', () => {
  it('writes one tag per metadata pair in order of keys, then the version', () => {
    const record = encodeRecord(node, 20_000);
    assert.deepEqual(record, {
      ID: 'hello@0123456789abcdef',
      Name: 'hello',
      Address: 'anthill.rpc.hello.1',
      Tags: [`t-${hex('{"a":"1"}')}`, `t-${hex('{"state":"alive"}')}`, `v-${hex('1.0.0')}`],
      Check: { TTL: '20s', DeregisterCriticalServiceAfter: '1m5s' },
    });
    assert.ok(record.Tags.every((tag) => /^[tv]-[0-9a-f]+$/.test(tag)), 'hex is lower case');
    assert.equal(checkId(node.id), 'service:hello@0123456789abcdef');
  });

  it('lets Consul forget a node TTL + 5 s after it went critical, but not within a minute', () => {
    assert.equal(encodeRecord(node, 59_999).Check.DeregisterCriticalServiceAfter, '1m5s');
    assert.equal(encodeRecord(node, 60_000).Check.DeregisterCriticalServiceAfter, '1m5s');
    assert.equal(encodeRecord(node, 90_000).Check.DeregisterCriticalServiceAfter, '1m35s');
  });

  it('writes durations as Go does', () => {
    const texts = [[500, '500ms'], [1000, '1s'], [1500, '1.5s'], [20_000, '20s'], [60_000, '1m0s'], [65_000, '1m5s'], [3_605_000, '1h0m5s']] as const;
    for (const [ms, text] of texts) assert.equal(goDuration(ms), text);
  });

  it('reads tags of Go and of Node', () => {
    const go = ['t-789cab562a2e492c4955b2524accc92c4b55aa0500359705ed', 'v-789c32d433d03300040000ffff02ce00ee'];
    assert.deepEqual(versionAndMetadata(go), { version: '1.0.0', metadata: { state: 'alive' } });
    assert.deepEqual(versionAndMetadata(['v-789c33d433d033000002ce00ee']), { version: '1.0.0', metadata: {} });
    assert.deepEqual(versionAndMetadata(encodeRecord(node, 1000).Tags), { version: '1.0.0', metadata: node.metadata });
  });

  it('reads the older plain form', () => {
    assert.deepEqual(versionAndMetadata(['t={"state":"alive"}', 'v=0.9']), { version: '0.9', metadata: { state: 'alive' } });
    assert.deepEqual(decodeTags(['v=0.9', `v-${hex('1.0.0')}`]).version, '1.0.0');
  });

  it('is not hurt by tags of others, wherever they stand', () => {
    const good = encodeRecord(node, 1000).Tags;
    const foreign = [
      ...['t', 'e', 'v', '', 't-', 'v-', 'e-', 'test', 'event', 'version', 'primary', 't-zz', 't-7', 'v-00', 'v-789c', 't=blue', 't=[1]', 't=null', 'e=x', '__proto__'],
      `t-${hex('not json')}`,
      `t-${hex('["a"]')}`,
      `t-${hex('{"n":1}')}`,
    ];
    for (const tags of [[...foreign, ...good], [...good, ...foreign], foreign.flatMap((tag, i) => [tag, ...(good[i] ? [good[i]] : [])])]) {
      assert.deepEqual(versionAndMetadata(tags), { version: '1.0.0', metadata: node.metadata });
    }
    assert.deepEqual(versionAndMetadata(foreign), { version: '', metadata: {} });
    assert.deepEqual(versionAndMetadata([null, 1, {}] as unknown[]), { version: '', metadata: {} });
  });

  it('does not inflate a bomb', () => {
    assert.equal(decodeTags([`v-${deflateSync('x'.repeat(10_000_000)).toString('hex')}`]).version, '');
  });

  it('drops nodes with a critical check of the service or its host, and keeps those with a warning', () => {
    const of = (id: string) => ({ ID: `a@${id}`, Service: 'a', Address: 'x', Tags: [] });
    const ids = decodeEntries('a', [
      entry(of('1')),
      entry(of('2'), ['critical', 'passing']),
      entry(of('3'), ['passing', 'critical']),
      entry(of('4'), ['warning', 'passing']),
      { Service: of('5'), Checks: null },
    ]).map(({ id }) => id);
    assert.deepEqual(ids, ['a@1', 'a@4', 'a@5']);
  });

  it('falls back to the address of the host, and survives rows without what we need', () => {
    const nodes = decodeEntries('a', [entry({ ID: 'a@1', Service: 'a', Address: '', Tags: null }), entry({}), {}, entry({ ID: '', Service: 'a' }), entry({ ID: 'A@1', Service: 'A' })]);
    assert.deepEqual(nodes, [{ id: 'a@1', type: 'a', version: '', address: '10.0.0.1', metadata: {} }]);
  });
});

/** Written by test/interop: what a real mqant v1.5.3 node put into a real Consul. */
interface GoVector {
  puts: { path: string; body?: { ID: string; Name: string; Tags: string[]; Address: string; Check: { TTL: string; DeregisterCriticalServiceAfter: string } } }[];
  healthService: ConsulHealthEntry[];
  decoded: { id: string; name: string; version: string; address: string; metadata: Record<string, string> };
}

describe('consul record of a real mqant node', () => {
  const vector = JSON.parse(readFileSync(join(projectRoot(), 'test/interop/vectors/consul-record.json'), 'utf8')) as GoVector;
  const { name: type, ...rest } = vector.decoded;
  const expected = { ...rest, type };

  it('is read as mqant reads it', () => {
    assert.deepEqual(decodeEntries(type, vector.healthService), [expected]);
  });

  it('is what we write for the same node, but for the bytes of zlib', () => {
    const theirs = vector.puts.filter(({ path }) => path.endsWith('/service/register')).at(-1)!.body!;
    const ours = encodeRecord(expected, 20_000);
    assert.deepEqual([ours.ID, ours.Name, ours.Address], [theirs.ID, theirs.Name, theirs.Address]);
    assert.deepEqual([ours.Check.TTL, ours.Check.DeregisterCriticalServiceAfter], [theirs.Check.TTL, theirs.Check.DeregisterCriticalServiceAfter]);
    assert.deepEqual(ours.Tags.map((tag) => tag.slice(0, 2)), theirs.Tags.map((tag) => tag.slice(0, 2)));
    assert.deepEqual(versionAndMetadata(ours.Tags), versionAndMetadata(theirs.Tags));
    assert.ok(vector.puts.some(({ path }) => path.startsWith(`/v1/agent/check/pass/${checkId(ours.ID)}`)));
  });
});
