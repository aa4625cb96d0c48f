import { MalformedBytes, type ByteReader } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';
import type { Codec } from './codec.js';
import { KeyCache } from './key-cache.js';
import { kindOf, MAX_DEPTH, tooDeep, unsupported } from './plain-value.js';
import { encodeFailed } from './unsupported-place.js';

/**
 * MessagePack (msgpack.org spec, 2013). Own code because it is on the path of every call: it writes into the batch's buffer without an
 * intermediate one (docs/adr/0003). Numbers: integers of up to 32 bits as such, all others as float 64; a bigint is int 64 and comes
 * back as bigint. Dates are the timestamp extension.
 */
export function msgpack(): Codec {
  const keys = new KeyCache();
  return { name: 'msgpack', encode, decode: (reader) => decode(reader, keys) };
}

function encode(value: unknown, out: ByteWriter): void {
  try {
    write(value, out, 0);
  } catch (error) {
    throw encodeFailed(error, value);
  }
}

function write(value: unknown, out: ByteWriter, depth: number): void {
  if (typeof value === 'string') return writeString(value, out);
  if (typeof value === 'number') return writeNumber(value, out);
  if (depth > MAX_DEPTH) throw tooDeep();
  switch (kindOf(value)) {
    case 'nil':
      return out.u8(0xc0);
    case 'boolean':
      return out.u8(value ? 0xc3 : 0xc2);
    case 'bigint':
      out.u8(0xd3);
      return out.i64(value as bigint);
    case 'bytes':
      return writeBytes(value as Uint8Array, out);
    case 'date':
      return writeDate(value as Date, out);
    case 'array':
      return writeArray(value as readonly unknown[], out, depth);
    case 'json':
      return write((value as { toJSON(): unknown }).toJSON(), out, depth + 1);
    default:
      return writeObject(value as Record<string, unknown>, out, depth);
  }
}

function writeNumber(value: number, out: ByteWriter): void {
  if ((value | 0) === value && !Object.is(value, -0)) {
    if (value >= 0) {
      if (value < 0x80) return out.u8(value);
      if (value < 0x100) return out.u8(0xcc), out.u8(value);
      if (value < 0x10000) return out.u8(0xcd), out.u16(value);
      return out.u8(0xce), out.u32(value);
    }
    if (value >= -32) return out.u8(value & 0xff);
    if (value >= -0x80) return out.u8(0xd0), out.u8(value & 0xff);
    if (value >= -0x8000) return out.u8(0xd1), out.u16(value & 0xffff);
    return out.u8(0xd2), out.u32(value >>> 0);
  }
  if (value >>> 0 === value && !Object.is(value, -0)) return out.u8(0xce), out.u32(value);
  out.u8(0xcb);
  out.f64(value);
}

function writeString(value: string, out: ByteWriter): void {
  if (value.length < 32) {
    const mark = out.length;
    out.u8(0);
    const count = out.utf8(value);
    if (count < 32) {
      out.bytes[mark] = 0xa0 | count;
      return;
    }
    out.rewind(mark);
  }
  // Where the size of the length is known beforehand (a character is 1 to 3 bytes), it is written afterwards: counting costs a pass.
  if (value.length <= 85) {
    out.u8(0xd9);
    const mark = out.length;
    out.u8(0);
    const count = out.utf8(value);
    out.bytes[mark] = count;
    return;
  }
  if (value.length >= 0x100 && value.length <= 21_845) {
    out.u8(0xda);
    const mark = out.length;
    out.u16(0);
    const count = out.utf8(value);
    out.bytes.writeUInt16BE(count, mark);
    return;
  }
  const count = Buffer.byteLength(value);
  writeLength(count, 0xd9, 0xda, 0xdb, out);
  out.utf8(value, count);
}

function writeBytes(value: Uint8Array, out: ByteWriter): void {
  writeLength(value.length, 0xc4, 0xc5, 0xc6, out);
  out.raw(value);
}

function writeLength(count: number, one: number, two: number, four: number, out: ByteWriter): void {
  if (count < 0x100) return out.u8(one), out.u8(count);
  if (count < 0x10000) return out.u8(two), out.u16(count);
  out.u8(four);
  out.u32(count);
}

/** Timestamp 96: nanoseconds, then seconds. The one form that holds every Date. */
function writeDate(value: Date, out: ByteWriter): void {
  const ms = value.getTime();
  const seconds = Math.floor(ms / 1000);
  if (Number.isNaN(ms)) return out.u8(0xc0);
  out.u8(0xc7);
  out.u8(12);
  out.u8(0xff);
  out.u32((ms - seconds * 1000) * 1e6);
  out.i64(BigInt(seconds));
}

function writeArray(value: readonly unknown[], out: ByteWriter, depth: number): void {
  const count = value.length;
  if (count < 16) {
    out.u8(0x90 | count);
  } else if (count < 0x10000) {
    out.u8(0xdc);
    out.u16(count);
  } else {
    out.u8(0xdd);
    out.u32(count);
  }
  for (let i = 0; i < count; i++) write(value[i], out, depth + 1);
}

function writeObject(value: Record<string, unknown>, out: ByteWriter, depth: number): void {
  const keys = Object.keys(value);
  const mark = out.length;
  const wide = keys.length >= 16;
  out.u8(wide ? 0xdf : 0);
  if (wide) out.u32(0);
  let count = 0;
  for (const key of keys) {
    if (key === '__proto__') throw unsupported('an object has a key "__proto__"');
    const item = value[key];
    if (item === undefined) continue;
    writeString(key, out);
    write(item, out, depth + 1);
    count++;
  }
  if (!wide) out.bytes[mark] = 0x80 | count;
  else out.bytes.writeUInt32BE(count, mark + 1);
}

function decode(reader: ByteReader, keys: KeyCache): unknown {
  const value = read(reader, 0, keys);
  if (reader.at !== reader.end) throw new MalformedBytes(`${reader.remaining} bytes after the value`);
  return value;
}

function read(reader: ByteReader, depth: number, keys: KeyCache): unknown {
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
  // Each element is at least one byte. Nothing is allocated ahead: nested headers could each claim what is left of the message.
  reader.need(count);
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
