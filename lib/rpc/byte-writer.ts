import { rpcError } from '../common/error-catalog.js';

/** No transport takes more in one message; it stops a value that refers to itself many times over before memory does. */
const MAX_BYTES = 256 * 1024 * 1024;
/** What a writer keeps between messages: one large message must not hold its memory for ever. */
const KEEP_BYTES = 1024 * 1024;

/**
 * A growing byte buffer that frames and codecs write into, so that a batch of calls is one allocation.
 * `rewind` takes back what a value half wrote when it turned out to be unencodable.
 */
export class ByteWriter {
  /** Only the first `length` are written. Replaced when it grows: read it anew after each write. */
  bytes: Buffer;
  length = 0;

  /** @param maxBytes writing more throws RpcError PAYLOAD_TOO_LARGE */
  constructor(
    capacity = 1024,
    private readonly maxBytes = MAX_BYTES,
  ) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.length + count > this.bytes.length) this.grow(this.length + count);
  }

  u8(value: number): void {
    if (this.length === this.bytes.length) this.grow(this.length + 1);
    this.bytes[this.length++] = value;
  }

  u16(value: number): void {
    this.reserve(2);
    this.bytes[this.length++] = value >>> 8;
    this.bytes[this.length++] = value;
  }

  u32(value: number): void {
    this.reserve(4);
    const { bytes } = this;
    bytes[this.length++] = value >>> 24;
    bytes[this.length++] = value >>> 16;
    bytes[this.length++] = value >>> 8;
    bytes[this.length++] = value;
  }

  /** Unsigned LEB128, as in protobuf. For non-negative safe integers. */
  varint(value: number): void {
    this.reserve(8);
    while (value > 0x7f) {
      this.bytes[this.length++] = (value % 0x80) | 0x80;
      value = Math.floor(value / 0x80);
    }
    this.bytes[this.length++] = value;
  }

  f64(value: number, littleEndian = false): void {
    this.reserve(8);
    if (littleEndian) this.bytes.writeDoubleLE(value, this.length);
    else this.bytes.writeDoubleBE(value, this.length);
    this.length += 8;
  }

  /** Two's complement, big endian. */
  i64(value: bigint): void {
    this.reserve(8);
    this.bytes.writeBigInt64BE(BigInt.asIntN(64, value), this.length);
    this.length += 8;
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /**
   * UTF-8 without length; returns the number of bytes. Lone surrogates become U+FFFD.
   * @param room how many bytes it may take, when that is known; asking for three per character costs memory in large texts
   */
  utf8(text: string, room = text.length * 3): number {
    this.reserve(room);
    const { bytes, length: start } = this;
    const count = text.length;
    // Calling into native code costs more than a short loop.
    if (count <= 16) {
      let i = 0;
      for (; i < count; i++) {
        const unit = text.charCodeAt(i);
        if (unit > 0x7f) break;
        bytes[start + i] = unit;
      }
      if (i === count) {
        this.length = start + count;
        return count;
      }
    }
    const written = bytes.write(text, start, 'utf8');
    this.length = start + written;
    return written;
  }

  /** varint length, then UTF-8. */
  text(value: string): void {
    if (value.length < 43) {
      // At most 126 bytes: the length fits into one, written afterwards.
      const at = this.length;
      this.u8(0);
      const count = this.utf8(value);
      this.bytes[at] = count;
      return;
    }
    const count = Buffer.byteLength(value);
    this.varint(count);
    this.utf8(value, count);
  }

  /** varint length, then the bytes. */
  block(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** A copy of what was written, safe to keep. */
  take(): Uint8Array {
    const out = Buffer.allocUnsafeSlow(this.length);
    this.bytes.copy(out, 0, 0, this.length);
    return out;
  }

  /** Forgets what was written after `mark`, a former `length`. */
  rewind(mark: number): void {
    this.length = mark;
    if (this.bytes.length > KEEP_BYTES && mark <= KEEP_BYTES / 4) this.resize(KEEP_BYTES / 4);
  }

  private grow(needed: number): void {
    if (needed > this.maxBytes) {
      throw rpcError('PAYLOAD_TOO_LARGE', `the value takes more than ${this.maxBytes} bytes; send less at a time`, { undelivered: true });
    }
    this.resize(Math.min(Math.max(needed, this.bytes.length * 2), this.maxBytes));
  }

  private resize(capacity: number): void {
    const resized = Buffer.allocUnsafeSlow(capacity);
    this.bytes.copy(resized, 0, 0, this.length);
    this.bytes = resized;
  }
}
