const encoder = new TextEncoder();

/** Floats go through this view: one allocation for all. */
const scratch = new DataView(new ArrayBuffer(8));
const scratchBytes = new Uint8Array(scratch.buffer);

/**
 * A growing byte buffer that frames and codecs write into, so that a batch of calls is one allocation.
 * `mark`/`rewind` take back what a value half wrote when it turned out to be unencodable.
 */
export class ByteWriter {
  bytes: Uint8Array;
  length = 0;

  constructor(capacity = 1024) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  u8(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1);
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
    scratch.setFloat64(0, value, littleEndian);
    this.raw(scratchBytes);
  }

  i64(value: bigint): void {
    scratch.setBigInt64(0, value);
    this.raw(scratchBytes);
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** UTF-8 without length; returns the number of bytes. Lone surrogates become U+FFFD. */
  utf8(text: string): number {
    const count = text.length;
    this.reserve(count * 3);
    const { bytes } = this;
    const start = this.length;
    if (count < 48) {
      let at = start;
      for (let i = 0; i < count; i++) {
        const unit = text.charCodeAt(i);
        if (unit > 0x7f) return this.utf8Slow(text, start);
        bytes[at++] = unit;
      }
      this.length = at;
      return count;
    }
    return this.utf8Slow(text, start);
  }

  private utf8Slow(text: string, start: number): number {
    const { written } = encoder.encodeInto(text, this.bytes.subarray(start));
    this.length = start + written;
    return written;
  }

  /** varint length, then UTF-8. */
  text(value: string): void {
    if (value.length < 43) {
      // At most 128 bytes are likely to be < 128: reserve one byte for the length and patch it.
      const at = this.length;
      this.u8(0);
      const count = this.utf8(value);
      if (count < 0x80) {
        this.bytes[at] = count;
        return;
      }
      this.length = at;
    }
    const count = Buffer.byteLength(value);
    this.varint(count);
    this.utf8(value);
  }

  /** varint length, then the bytes. */
  block(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** A copy of what was written, safe to keep. */
  take(): Uint8Array {
    const out = Buffer.allocUnsafeSlow(this.length);
    out.set(this.bytes.subarray(0, this.length));
    return out;
  }

  rewind(mark: number): void {
    this.length = mark;
  }
}
