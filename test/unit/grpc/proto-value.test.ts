import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { errorOf } from '../../../lib/grpc/grpc.status.js';
import { messageBytes } from '../../../lib/grpc/proto-fields.js';
import { readList, readValue, writeList, writeValue } from '../../../lib/grpc/proto-value.js';
import { ByteReader, MalformedBytes } from '../../../lib/rpc/byte-reader.js';

const travel = (value: unknown): unknown => readValue(new ByteReader(messageBytes((writer) => writeValue(writer, value))));

describe('google.protobuf.Value', () => {
  it('has what JSON has', () => {
    for (const value of [null, true, false, 0, -1.5, 1e300, '', 'Grüße 漢字', [], [null, [1, ['x']]], {}, { a: { b: [{ c: null }] } }]) assert.deepEqual(travel(value), value);
  });

  it('is what protobufjs reads and writes', async () => {
    const { default: protobuf } = (await import('protobufjs')) as unknown as { default: typeof import('protobufjs') };
    const type = protobuf.Root.fromJSON(protobuf.common.get('google/protobuf/struct.proto')!).lookupType('google.protobuf.Value');
    const ours = messageBytes((writer) => writeValue(writer, { text: 'x', list: [1, true, null] }));
    const theirs = type.toObject(type.decode(ours)) as { structValue: { fields: Record<string, unknown> } };
    assert.deepEqual(theirs.structValue.fields, { text: { stringValue: 'x' }, list: { listValue: { values: [{ numberValue: 1 }, { boolValue: true }, { nullValue: 0 }] } } });
    assert.deepEqual(readValue(new ByteReader(type.encode(type.fromObject(theirs)).finish())), { text: 'x', list: [1, true, null] });
  });

  it('says what JSON cannot say in words', () => {
    assert.deepEqual(travel({ nan: NaN, far: -Infinity, big: 2n ** 62n, small: 7n, at: new Date(0), bytes: new Uint8Array([255]), own: { toJSON: () => 'mine' } }), {
      nan: 'NaN',
      far: '-Infinity',
      big: '4611686018427387904',
      small: 7,
      at: '1970-01-01T00:00:00.000Z',
      bytes: '/w==',
      own: 'mine',
    });
    assert.throws(() => travel(new Map()), { reason: 'UNSUPPORTED_VALUE' });
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    assert.throws(() => travel(cyclic), { reason: 'UNSUPPORTED_VALUE' });
  });

  it('keeps odd keys to itself', () => {
    const value = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 2, "toString": 3}') as object;
    const back = travel(value) as object;
    assert.deepEqual(Object.keys(back), ['__proto__', 'constructor', 'toString']);
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  it('that nests too deep, or is none, is malformed and nothing else', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 90; i++) deep = [deep];
    assert.deepEqual(travel(deep), deep);
    // list_value { values { list_value { ... } } }, 10,000 deep, is cut off early: each level names a length that is not there.
    const bomb = Buffer.from('32'.repeat(10_000), 'hex');
    assert.throws(() => readValue(new ByteReader(bomb)), MalformedBytes);
    let seed = 1;
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.alloc(1 + (round % 40));
      for (let i = 0; i < bytes.length; i++) bytes[i] = (seed = (seed * 48271) % 0x7fffffff) >>> 8;
      for (const read of [() => readValue(new ByteReader(bytes)), () => readList(new ByteReader(bytes))]) {
        try {
          read();
        } catch (error) {
          assert.ok(error instanceof MalformedBytes, String(error));
        }
      }
      const metadata = new grpc.Metadata();
      metadata.set('grpc-status-details-bin', bytes);
      assert.equal(errorOf({ code: 13, details: 'x', metadata }, true).code, 'INTERNAL');
    }
  });

  it('in a list keeps its place', () => {
    assert.deepEqual(readList(new ByteReader(messageBytes((writer) => writeList(writer, ['a', undefined, 3])))), ['a', null, 3]);
  });
});
