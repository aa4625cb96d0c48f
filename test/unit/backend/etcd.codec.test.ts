import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import protobuf from 'protobufjs';
import { MessageType, type Fields } from '../../../lib/backend/etcd/etcd.codec.js';

const message = <const F extends Fields>(table: F) => new MessageType(table);
const Inner = message({ key: [1, 'bytes'], lease: [6, 'long'] });
const Outer = message({ small: [1, 'int'], big: [2, 'long'], yes: [3, 'bool'], text: [4, 'string'], one: [5, Inner], many: [16, [Inner]] });

const { root } = protobuf.parse(`syntax = "proto3";
  message Inner { bytes key = 1; int64 lease = 6; }
  message Outer { int32 small = 1; int64 big = 2; bool yes = 3; string text = 4; Inner one = 5; repeated Inner many = 16; fixed64 other = 17; fixed32 another = 18; map<string, string> map = 2000; }`);
const reference = root.lookupType('Outer');

describe('messages of etcd as bytes', () => {
  it('are the bytes that another implementation makes', () => {
    const draft = { small: 300, big: 0x7fff_ffff_ffff_fffen, yes: true, text: '名', one: { key: 'k', lease: -1n }, many: [{ key: new Uint8Array([0, 255]) }, {}, { lease: 1n }] };
    const ours = Outer.encode(draft);
    const theirs = reference.encode(
      reference.fromObject({ small: 300, big: '9223372036854775806', yes: true, text: '名', one: { key: Buffer.from('k'), lease: '-1' }, many: [{ key: Buffer.from([0, 255]) }, {}, { lease: 1 }] }),
    ).finish();
    assert.equal(ours.toString('hex'), Buffer.from(theirs).toString('hex'));
    assert.deepEqual(Outer.decode(ours), {
      small: 300,
      big: 0x7fff_ffff_ffff_fffen,
      yes: true,
      text: '名',
      one: { key: Buffer.from('k'), lease: -1n },
      many: [{ key: Buffer.from([0, 255]), lease: 0n }, { key: Buffer.alloc(0), lease: 0n }, { key: Buffer.alloc(0), lease: 1n }],
    });
  });

  it('have zero values where nothing is written, and leave out what they do not know', () => {
    const empty = { small: 0, big: 0n, yes: false, text: '', one: undefined, many: [] };
    assert.deepEqual(Outer.decode(Buffer.alloc(0)), empty);
    const strange = Buffer.from(reference.encode(reference.fromObject({ other: '5', another: 6, map: { a: 'b' } })).finish());
    assert.deepEqual(Outer.decode(strange), empty);
    assert.equal(Outer.encode({}).length, 0);
    assert.equal(Outer.encode({ small: undefined, many: [] }).length, 0);
  });

  it('that are broken are refused, and never read beyond their end', () => {
    const whole = Outer.encode({ big: 1n << 40n, text: 'some text', one: { key: 'k' } });
    for (let length = 1; length < whole.length; length++) {
      try {
        Outer.decode(whole.subarray(0, length));
      } catch (cause) {
        assert.ok(cause instanceof RangeError, String(cause));
      }
    }
    // Field 4 as a number, field 1 as text, a group, a length beyond all, eleven bytes of one number.
    for (const hex of ['2005', '0a0161', '0b', '22ffffffffffffffff7f00', '10ffffffffffffffffffff01']) assert.throws(() => Outer.decode(Buffer.from(hex, 'hex')), RangeError, hex);
  });
});
