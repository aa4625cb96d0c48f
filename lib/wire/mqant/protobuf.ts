import { MalformedBytes, type ByteReader } from '../../rpc/byte-reader.js';

/*
 * As much of protobuf as the two messages of this wire need, by hand: they are on the path of every call.
 * A tag is field number << 3 | wire type; 0 varint, 1 eight bytes, 2 length and bytes, 3 and 4 a group, 5 four bytes.
 */

/** Steps over the value of an unknown field, or of a known one with an unexpected wire type (as Go does). */
export function skipField(reader: ByteReader, tag: number): void {
  if (tag < 8) throw new MalformedBytes('field number 0');
  const type = tag & 7;
  if (type === 3) return skipGroup(reader);
  skipScalar(reader, type);
}

function skipScalar(reader: ByteReader, type: number): void {
  switch (type) {
    case 0:
      readInt64(reader);
      return;
    case 1:
      return skipBytes(reader, 8);
    case 2:
      return skipBytes(reader, reader.varint());
    case 5:
      return skipBytes(reader, 4);
    default:
      throw new MalformedBytes(`wire type ${type}`);
  }
}

function skipBytes(reader: ByteReader, count: number): void {
  reader.need(count);
  reader.at += count;
}

/** Groups are long deprecated, but legal, and they nest: counted, not recursed into, so that no message can exhaust the stack. */
function skipGroup(reader: ByteReader): void {
  for (let depth = 1; depth > 0; ) {
    const type = reader.varint() & 7;
    if (type === 3) depth++;
    else if (type === 4) depth--;
    else skipScalar(reader, type);
  }
}

/** An int64 varint of up to ten bytes; past 2^53 only nearly exact, which is enough for a time. */
export function readInt64(reader: ByteReader): number {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 7; i++) {
    const byte = reader.u8();
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
    scale *= 0x80;
  }
  return readInt64Rest(reader, BigInt(value));
}

/** Past 49 bits: a time of the far future, or, in ten bytes, a negative number. */
function readInt64Rest(reader: ByteReader, low: bigint): number {
  let value = low;
  for (let shift = 49n; shift < 70n; shift += 7n) {
    const byte = reader.u8();
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return Number(BigInt.asIntN(64, value));
  }
  throw new MalformedBytes('varint too long');
}
