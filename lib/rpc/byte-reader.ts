/** As strict as possible: what is not UTF-8 throws. And a leading byte order mark is part of the text. */
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lossy = new TextDecoder('utf-8', { ignoreBOM: true });

/** Thrown inside wires and codecs for bytes that end early or say impossible things; never leaves them. */
export class MalformedBytes extends Error {
  override name = 'MalformedBytes';
}

/** Reads what {@link ByteWriter} wrote. Every read is checked against `end` before it allocates. */
export class ByteReader {
  /** `bytes` as a Buffer: it has the reads that are fast. Made when first needed. */
  private buffer: Buffer | undefined;

  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
    public end = bytes.length,
  ) {}

  get remaining(): number {
    return this.end - this.at;
  }

  need(count: number): void {
    if (count > this.end - this.at) throw new MalformedBytes(`needs ${count} bytes, ${this.end - this.at} left`);
  }

  u8(): number {
    if (this.at >= this.end) throw new MalformedBytes('ends early');
    return this.bytes[this.at++]!;
  }

  u16(): number {
    this.need(2);
    return (this.bytes[this.at++]! << 8) | this.bytes[this.at++]!;
  }

  u32(): number {
    this.need(4);
    const { bytes } = this;
    return bytes[this.at++]! * 0x1000000 + ((bytes[this.at++]! << 16) | (bytes[this.at++]! << 8) | bytes[this.at++]!);
  }

  /** Unsigned LEB128 up to 2^53 - 1. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw new MalformedBytes('varint past 2^53');
        return value;
      }
      scale *= 0x80;
    }
    throw new MalformedBytes('varint too long');
  }

  f32(littleEndian = false): number {
    const at = this.skip(4);
    return littleEndian ? this.asBuffer().readFloatLE(at) : this.asBuffer().readFloatBE(at);
  }

  f64(littleEndian = false): number {
    const at = this.skip(8);
    return littleEndian ? this.asBuffer().readDoubleLE(at) : this.asBuffer().readDoubleBE(at);
  }

  i64(): bigint {
    return this.asBuffer().readBigInt64BE(this.skip(8));
  }

  u64(): bigint {
    return this.asBuffer().readBigUInt64BE(this.skip(8));
  }

  /** `count` bytes of UTF-8. What is not UTF-8 is malformed: it would come out as another text than the sender's. */
  utf8(count: number): string {
    const start = this.skip(count);
    if (count <= 64) {
      const text = this.ascii(start, start + count);
      if (text !== undefined) return text;
    }
    try {
      return strict.decode(this.bytes.subarray(start, start + count));
    } catch {
      throw new MalformedBytes('a text is not UTF-8');
    }
  }

  /** As {@link utf8}, for peers whose texts may be any bytes: what is not UTF-8 becomes U+FFFD. */
  utf8Lossy(count: number): string {
    const start = this.skip(count);
    return lossy.decode(this.bytes.subarray(start, start + count));
  }

  text(): string {
    return this.utf8(this.varint());
  }

  /** A view, not a copy: valid as long as the message. */
  view8(count: number): Uint8Array {
    const start = this.skip(count);
    return this.bytes.subarray(start, start + count);
  }

  block(): Uint8Array {
    return this.view8(this.varint());
  }

  private skip(count: number): number {
    this.need(count);
    const start = this.at;
    this.at = start + count;
    return start;
  }

  /** Undefined when it is not ASCII. Short texts are put together here: calling into native code costs more. */
  private ascii(start: number, end: number): string | undefined {
    const { bytes } = this;
    if (end - start <= 8) {
      let text = '';
      for (let i = start; i < end; i++) {
        const byte = bytes[i]!;
        if (byte > 0x7f) return undefined;
        text += String.fromCharCode(byte);
      }
      return text;
    }
    for (let i = start; i < end; i++) if (bytes[i]! > 0x7f) return undefined;
    return this.asBuffer().toString('latin1', start, end);
  }

  private asBuffer(): Buffer {
    const { bytes } = this;
    return (this.buffer ??= Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }
}
