import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { EtcdRow } from '../../../lib/backend/etcd/etcd.rows.js';
import type { ServiceNode } from '../../../lib/common/service-node.js';
import { decodeRecord, encodeRecord, nodeKey, serviceOfKey, servicePrefix } from '../../../lib/registry/etcd/etcd.record.js';
import { projectRoot } from '../../services/project-root.js';

const PREFIX = '/mqant-registry';
const row = (value: string): EtcdRow => ({ key: 'k', value: Buffer.from(value), createRevision: 1n, modRevision: 1n, version: 1n, lease: 0n });
const node: ServiceNode = { id: 'hello@one', type: 'hello', version: '1.0.0', address: '_INBOX.x', metadata: { state: 'alive' } };

describe('etcd record', () => {
  it('has keys that begin as the service does, with dashes for slashes', () => {
    assert.equal(nodeKey(PREFIX, node), '/mqant-registry/hello/hello@one');
    assert.equal(nodeKey(PREFIX, { type: 'a/b', id: 'a/b@c/d' }), '/mqant-registry/a-b/a-b@c-d');
    assert.equal(servicePrefix(PREFIX, 'hello'), '/mqant-registry/hello/');
    assert.equal(serviceOfKey(PREFIX, '/mqant-registry/hello/hello@one'), 'hello');
    for (const key of ['/mqant-registry/hello', '/mqant-registry//x', '/mqant-registry/']) assert.equal(serviceOfKey(PREFIX, key), undefined, key);
  });

  it("is Go's JSON: its order, its sorted keys, its escapes", () => {
    const odd: ServiceNode = { ...node, metadata: { z: '<a & b>', 10: 'x', 9: '\u2028', 名: '"\n' } };
    assert.equal(
      encodeRecord(odd),
      '{"name":"hello","version":"1.0.0","metadata":null,"endpoints":null,"nodes":[{"id":"hello@one","address":"_INBOX.x","port":0,"metadata":{"10":"x","9":"\\u2028","z":"\\u003ca \\u0026 b\\u003e","名":"\\"\\n"}}]}',
    );
    assert.deepEqual(decodeRecord('hello', row(encodeRecord(odd))), [odd]);
  });

  it('is the one that a real mqant node wrote, byte for byte', () => {
    const vector = JSON.parse(readFileSync(join(projectRoot(), 'test/interop/vectors/etcd-record.json'), 'utf8')) as { key: string; value: string; decoded: ServiceNode };
    assert.deepEqual(decodeRecord('goetcd', row(vector.value)), [vector.decoded]);
    assert.equal(encodeRecord(vector.decoded), vector.value);
    assert.equal(nodeKey(PREFIX, vector.decoded), vector.key);
  });

  it('keeps foreign keys of metadata as keys', () => {
    const metadata: Record<string, string> = Object.fromEntries([['__proto__', 'p'], ['constructor', 'c']]);
    const [decoded] = decodeRecord('hello', row(encodeRecord({ ...node, metadata })));
    assert.deepEqual(Object.entries(decoded!.metadata), [['__proto__', 'p'], ['constructor', 'c']]);
    assert.ok(Object.isFrozen(decoded!.metadata));
  });

  it("reads go-micro's too: endpoints, no port, several nodes", () => {
    const value = '{"name":"hello","version":"latest","metadata":{"a":"b"},"endpoints":[{"name":"X.Y","request":null}],"nodes":[{"id":"h-1","address":"127.0.0.1:9030","metadata":{"protocol":"mucp"}},{"id":"h-2","address":"b","metadata":null}]}';
    assert.deepEqual(decodeRecord('hello', row(value)), [
      { id: 'h-1', type: 'hello', version: 'latest', address: '127.0.0.1:9030', metadata: { protocol: 'mucp' } },
      { id: 'h-2', type: 'hello', version: 'latest', address: 'b', metadata: {} },
    ]);
  });

  it('shows nothing of what is no record, or of another service', () => {
    const strangers = ['', 'text', 'null', '5', '[]', '{}', '{"name":"hello"}', '{"name":"hello","nodes":{}}', '{"name":"hello","nodes":[null,5,{},{"id":""},{"id":7}]}', '{"name":"HELLO","nodes":[{"id":"x"}]}', '\ufffd{'];
    for (const value of strangers) assert.deepEqual(decodeRecord('hello', row(value)), [], value);
    assert.deepEqual(decodeRecord('hello', row('{"name":"hello","nodes":[{"id":"x","metadata":{"a":1,"b":"c"}}]}')), [{ id: 'x', type: 'hello', version: '', address: '', metadata: { b: 'c' } }]);
  });
});
