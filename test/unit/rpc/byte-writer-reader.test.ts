import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { ByteReader, MalformedBytes } from '../../../lib/rpc/byte-reader.js';
import { ByteWriter } from '../../../lib/rpc/byte-writer.js';
import { seeded } from './random-value.js';

/** Writes with the smallest buffer, so that each step grows it, and reads from the middle of another. */
function through<T>(write: (out: ByteWriter) => unknown, read: (reader: ByteReader) => T): T {
  const out = new ByteWriter(1);
  out.u8(0xaa);
  write(out);
  const bytes = new Uint8Array(Buffer.concat([Buffer.alloc(3), out.take(), Buffer.alloc(3)]));
  const reader = new ByteReader(bytes, 4, 3 + out.length);
  const value = read(reader);
  assert.equal(reader.remaining, 0);
  return value;
}

describe('ByteWriter and ByteReader', () => {
  it('integers', () => {
    for (const value of [0, 1, 0x7f, 0x80, 0xff]) assert.equal(through((out) => out.u8(value), (reader) => reader.u8()), value);
    for (const value of [0, 0xff, 0x100, 0x8000, 0xffff]) assert.equal(through((out) => out.u16(value), (reader) => reader.u16()), value);
    for (const value of [0, 0xffff, 0x1000000, 0x7fffffff, 0x80000000, 0xffffffff]) assert.equal(through((out) => out.u32(value), (reader) => reader.u32()), value);
    for (const value of [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n)]) assert.equal(through((out) => out.i64(value), (reader) => reader.i64()), value);
    assert.equal(through((out) => out.i64(-1n), (reader) => reader.u64()), 2n ** 64n - 1n);
    assert.equal(through((out) => out.i64(2n ** 64n - 1n), (reader) => reader.i64()), -1n);
  });

  it('floats, both ways round', () => {
    for (const value of [0, -0, 0.1, NaN, Infinity, -Infinity, Number.MIN_VALUE, Number.MAX_VALUE]) {
      for (const little of [false, true]) assert.ok(Object.is(through((out) => out.f64(value, little), (reader) => reader.f64(little)), value));
    }
    assert.equal(new ByteReader(Buffer.from('3fc00000', 'hex')).f32(), 1.5);
    assert.equal(new ByteReader(new Uint8Array(Buffer.from('0000c03f', 'hex'))).f32(true), 1.5);
  });

  it('varints are protobuf\'s, up to 2^53 - 1', () => {
    for (const [value, hex] of [[0, '00'], [127, '7f'], [128, '8001'], [300, 'ac02'], [2 ** 32, '8080808010'], [Number.MAX_SAFE_INTEGER, 'ffffffffffffff0f']] as const) {
      const out = new ByteWriter(1);
      out.varint(value);
      assert.equal(Buffer.from(out.take()).toString('hex'), hex);
    }
    for (let bits = 0; bits < 53; bits++) {
      for (const value of [2 ** bits, 2 ** bits - 1, 2 ** bits + 1]) assert.equal(through((out) => out.varint(value), (reader) => reader.varint()), value);
    }
    for (const hex of ['', '80', '8080', 'ffffffffffffff1f', 'ffffffffffffff7f', '8080808080808080', 'ffffffffffffffffffff01']) {
      assert.throws(() => new ByteReader(Buffer.from(hex, 'hex')).varint(), MalformedBytes, hex);
    }
  });

  it('texts of every length and width, with and without length', () => {
    for (const unit of ['a', 'é', '你', '😀', 'a\u{10ffff}', '\ud800', '\udc00x']) {
      for (let count = 0; count < 140; count++) {
        const value = unit.repeat(count);
        const wanted = Buffer.from(value).toString();
        assert.equal(through((out) => out.text(value), (reader) => reader.text()), wanted);
        assert.equal(through((out) => assert.equal(out.utf8(value), Buffer.byteLength(value)), (reader) => reader.utf8(reader.remaining)), wanted);
      }
    }
  });

  it('random texts', () => {
    const next = seeded(7);
    for (let i = 0; i < 2000; i++) {
      const value = Array.from({ length: Math.floor(next() * 90) }, () => String.fromCodePoint(Math.floor(next() * 2 ** (7 + Math.floor(next() * 14))))).join('');
      assert.equal(through((out) => out.text(value), (reader) => reader.text()), Buffer.from(value).toString());
    }
  });

  it('keeps a byte order mark', () => {
    for (const value of ['\ufeff', '\ufeffabc', `\ufeff${'x'.repeat(100)}`]) assert.equal(through((out) => out.text(value), (reader) => reader.text()), value);
  });

  it('blocks, as views', () => {
    const block = Uint8Array.from({ length: 300 }, (_, i) => i);
    assert.deepEqual(through((out) => out.block(block), (reader) => new Uint8Array(reader.block())), block);
    const bytes = Uint8Array.of(2, 5, 6);
    assert.equal(new ByteReader(bytes).block().buffer, bytes.buffer);
  });

  it('refuses to read past the end, before anything is allocated', () => {
    const reads: ((reader: ByteReader) => unknown)[] = [
      (reader) => reader.u8(),
      (reader) => reader.u16(),
      (reader) => reader.u32(),
      (reader) => reader.f32(),
      (reader) => reader.f64(),
      (reader) => reader.i64(),
      (reader) => reader.u64(),
      (reader) => reader.utf8(1),
      (reader) => reader.utf8Lossy(1),
      (reader) => reader.view8(1),
    ];
    for (const read of reads) assert.throws(() => read(new ByteReader(new Uint8Array(20), 7, 7)), MalformedBytes);
    assert.throws(() => new ByteReader(Buffer.from('ffffffff0f', 'hex')).text(), /needs 4294967295 bytes, 0 left/);
  });

  it('refuses texts that are not UTF-8, unless told to bear them', () => {
    for (const hex of ['ff', 'c328', 'eda080', 'f8888080', 'c080']) {
      for (const pad of ['', 'x'.repeat(80)]) {
        const bytes = Buffer.concat([Buffer.from(pad), Buffer.from(hex, 'hex')]);
        assert.throws(() => new ByteReader(bytes).utf8(bytes.length), MalformedBytes);
        assert.equal(new ByteReader(bytes).utf8Lossy(bytes.length), new TextDecoder().decode(bytes));
      }
    }
  });

  it('takes back what was written after a mark', () => {
    const out = new ByteWriter(2);
    out.text('kept');
    const mark = out.length;
    out.text('x'.repeat(1000));
    out.rewind(mark);
    out.u8(7);
    assert.deepEqual([...out.take()], [4, ...Buffer.from('kept'), 7]);
  });

  it('take is a copy', () => {
    const out = new ByteWriter();
    out.u8(1);
    const taken = out.take();
    out.rewind(0);
    out.u8(2);
    assert.deepEqual([...taken], [1]);
  });

  it('does not keep the memory of one large message, nor lose what came before it', () => {
    const out = new ByteWriter(16);
    out.text('header');
    const mark = out.length;
    out.raw(new Uint8Array(5_000_000));
    out.rewind(mark);
    assert.ok(out.bytes.length <= 1024 * 1024, `${out.bytes.length} bytes are kept`);
    assert.equal(new ByteReader(out.bytes, 0, out.length).text(), 'header');
  });

  it('stops at its limit with an error of calls, and can go on after a rewind', () => {
    const out = new ByteWriter(16, 1000);
    out.raw(new Uint8Array(990));
    for (const write of [() => out.raw(new Uint8Array(11)), () => out.utf8('x'.repeat(1001), 1001)]) {
      assert.throws(write, (error) => RpcError.is(error) && error.reason === 'PAYLOAD_TOO_LARGE' && error.message.includes('1000 bytes'));
    }
    out.raw(new Uint8Array(10));
    assert.throws(() => out.u8(1), /1000 bytes/);
    out.rewind(5);
    out.u8(1);
    assert.equal(out.length, 6);
  });
});
