import { MalformedBytes, type ByteReader } from './byte-reader.js';
import type { KeyCache } from './key-cache.js';
import { MAX_DEPTH } from './plain-value.js';

/** Reads one MessagePack value. @throws MalformedBytes */
export function read(reader: ByteReader, depth: number, keys: KeyCache): unknown {
  const tag = reader.u8();
  if (tag < 0x80) return tag;
  if (tag >= 0xe0) return tag - 0x100;
  if (tag >= 0xa0 && tag < 0xc0) return reader.utf8(tag & 0x1f);
  if (depth > MAX_DEPTH) throw new MalformedBytes('nested too deep');
  if (tag < 0x90) return readObject(reader, tag & 0x0f, depth, keys);
  if (tag < 0xa0) return readArray(reader, tag & 0x0f, depth, keys);
  switch (tag) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
      return copy(reader, reader.u8());
    case 0xc5:
      return copy(reader, reader.u16());
    case 0xc6:
      return copy(reader, reader.u32());
    case 0xc7:
      return readExtension(reader, reader.u8());
    case 0xca:
      return reader.f32();
    case 0xcb:
      return reader.f64();
    case 0xcc:
      return reader.u8();
    case 0xcd:
      return reader.u16();
    case 0xce:
      return reader.u32();
    case 0xcf:
      return reader.u64();
    case 0xd0:
      return (reader.u8() << 24) >> 24;
    case 0xd1:
      return (reader.u16() << 16) >> 16;
    case 0xd2:
      return reader.u32() | 0;
    case 0xd3:
      return reader.i64();
    case 0xd6:
      return readExtension(reader, 4);
    case 0xd7:
      return readExtension(reader, 8);
    case 0xd9:
      return reader.utf8(reader.u8());
    case 0xda:
      return reader.utf8(reader.u16());
    case 0xdb:
      return reader.utf8(reader.u32());
    case 0xdc:
      return readArray(reader, reader.u16(), depth, keys);
    case 0xdd:
      return readArray(reader, reader.u32(), depth, keys);
    case 0xde:
      return readObject(reader, reader.u16(), depth, keys);
    case 0xdf:
      return readObject(reader, reader.u32(), depth, keys);
    default:
      throw new MalformedBytes(`unknown tag 0x${tag.toString(16)}`);
  }
}

/** A plain Uint8Array of its own, whatever the message is in: `slice` of a Buffer would make a Buffer. */
function copy(reader: ByteReader, count: number): Uint8Array {
  return new Uint8Array(reader.view8(count));
}

function readArray(reader: ByteReader, count: number, depth: number, keys: KeyCache): unknown[] {
  // Each element is at least one byte. Long ones are not allocated ahead: nested headers could each claim what is left of the message.
  reader.need(count);
  if (count <= 16) {
    const few = new Array<unknown>(count);
    for (let i = 0; i < count; i++) few[i] = read(reader, depth + 1, keys);
    return few;
  }
  const value: unknown[] = [];
  for (let i = 0; i < count; i++) value.push(read(reader, depth + 1, keys));
  return value;
}

function readObject(reader: ByteReader, count: number, depth: number, keys: KeyCache): Record<string, unknown> {
  reader.need(count * 2);
  const value: Record<string, unknown> = {};
  for (let i = 0; i < count; i++) {
    const key = readKey(reader, keys);
    if (key === '__proto__') throw new MalformedBytes('a map key is "__proto__"');
    // No value is undefined, so that only a second one of the same key, or an inherited name, gets past the first test.
    if (value[key] !== undefined && Object.hasOwn(value, key)) throw new MalformedBytes('a map has the same key twice');
    value[key] = read(reader, depth + 1, keys);
  }
  return value;
}

function readKey(reader: ByteReader, keys: KeyCache): string {
  const tag = reader.u8();
  if (tag >= 0xa0 && tag < 0xc0) return keys.read(reader, tag & 0x1f);
  if (tag === 0xd9) return reader.utf8(reader.u8());
  if (tag === 0xda) return reader.utf8(reader.u16());
  if (tag === 0xdb) return reader.utf8(reader.u32());
  throw new MalformedBytes('a map key is not a string');
}

function readExtension(reader: ByteReader, size: number): Date {
  const type = reader.u8();
  if (type !== 0xff) throw new MalformedBytes(`unknown extension ${type}`);
  if (size === 4) return dateOf(reader.u32(), 0);
  if (size === 12) {
    const nanoseconds = reader.u32();
    return dateOf(Number(reader.i64()), nanoseconds);
  }
  if (size !== 8) throw new MalformedBytes('timestamp of a wrong size');
  const packed = reader.u64();
  return dateOf(Number(packed & 0x3ffffffffn), Number(packed >> 34n));
}

function dateOf(seconds: number, nanoseconds: number): Date {
  const date = new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6));
  if (nanoseconds > 999_999_999 || Number.isNaN(date.getTime())) throw new MalformedBytes('timestamp out of range');
  return date;
}
