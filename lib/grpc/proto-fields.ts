import { ByteReader, MalformedBytes } from '../rpc/byte-reader.js';
import { ByteWriter } from '../rpc/byte-writer.js';

/*
 * The few bytes of protobuf that travel with every error and every generic call are written by hand: no schema has to be loaded for them.
 * The encoding: https://protobuf.dev/programming-guides/encoding/
 */

export const VARINT = 0;
export const FIXED64 = 1;
export const BLOCK = 2;
const FIXED32 = 5;

/** A field that holds text; nothing when it is empty, as proto3 does. */
export function putText(writer: ByteWriter, field: number, value: string): void {
  if (value === '') return;
  writer.varint(field * 8 + BLOCK);
  writer.text(value);
}

/** A field that holds bytes. */
export function putBytes(writer: ByteWriter, field: number, value: Uint8Array): void {
  writer.varint(field * 8 + BLOCK);
  writer.block(value);
}

/** A field that holds a message. */
export function putMessage(writer: ByteWriter, field: number, fill: (inner: ByteWriter) => void): void {
  const inner = new ByteWriter(64);
  fill(inner);
  putBytes(writer, field, inner.bytes.subarray(0, inner.length));
}

/** The bytes of one message. */
export function messageBytes(fill: (writer: ByteWriter) => void): Buffer {
  const writer = new ByteWriter(256);
  fill(writer);
  return Buffer.from(writer.bytes.subarray(0, writer.length));
}

/**
 * Gives each field of a message to `take`, whose reader stands at the field's value; what it does not read is skipped.
 * @throws MalformedBytes
 */
export function eachField(reader: ByteReader, take: (field: number, type: number, value: ByteReader) => void): void {
  while (reader.remaining > 0) {
    const key = reader.varint();
    const type = key % 8;
    const field = Math.floor(key / 8);
    if (type === BLOCK) {
      const count = reader.varint();
      reader.need(count);
      const value = new ByteReader(reader.bytes, reader.at, reader.at + count);
      take(field, type, value);
      reader.at += count;
    } else if (type === FIXED64 || type === FIXED32) {
      const count = type === FIXED64 ? 8 : 4;
      reader.need(count);
      take(field, type, new ByteReader(reader.bytes, reader.at, reader.at + count));
      reader.at += count;
    } else if (type === VARINT) {
      const from = reader.at;
      // Ten bytes at most; ours are short, and another's negative numbers are skipped.
      while (reader.u8() > 0x7f) if (reader.at - from >= 10) throw new MalformedBytes('varint too long');
      take(field, type, new ByteReader(reader.bytes, from, reader.at));
    } else {
      throw new MalformedBytes(`wire type ${type}`);
    }
  }
}

/** All that is left of a field, as text. */
export function restText(value: ByteReader): string {
  return value.utf8(value.remaining);
}

/** A copy of all that is left of a field. */
export function restBytes(value: ByteReader): Uint8Array {
  return Buffer.from(value.bytes.subarray(value.at, value.end));
}
