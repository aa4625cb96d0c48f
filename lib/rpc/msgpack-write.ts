import type { ByteWriter } from './byte-writer.js';
import { kindOf, MAX_DEPTH, tooDeep, unsupported } from './plain-value.js';

/** Writes one value as MessagePack. @throws RpcError UNSUPPORTED_VALUE, without the place */
export function write(value: unknown, out: ByteWriter, depth: number): void {
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
