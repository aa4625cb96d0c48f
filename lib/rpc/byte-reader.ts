// TextDecoder drops a leading byte order mark unless told not to: it is part of the text here.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Thrown inside wires and codecs for bytes that end early or say impossible things; never leaves them. */
export class MalformedBytes extends Error {
  override name = 'MalformedBytes';
}

/** Reads what {@link ByteWriter} wrote. Every read is checked against `end` before it allocates. */
export class ByteReader {
  private view: DataView | undefined;

  constructor(
    public bytes: Uint8Array,
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

  private dataView(): DataView {
    return (this.view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength));
  }

  f32(littleEndian = false): number {
    this.need(4);
    const value = this.dataView().getFloat32(this.at, littleEndian);
    this.at += 4;
    return value;
  }

  f64(littleEndian = false): number {
    this.need(8);
    const value = this.dataView().getFloat64(this.at, littleEndian);
    this.at += 8;
    return value;
  }

  i64(): bigint {
    this.need(8);
    const value = this.dataView().getBigInt64(this.at);
    this.at += 8;
    return value;
  }

  u64(): bigint {
    this.need(8);
    const value = this.dataView().getBigUint64(this.at);
    this.at += 8;
    return value;
  }

  /** `count` bytes of UTF-8. */
  utf8(count: number): string {
    this.need(count);
    const start = this.at;
    const end = (this.at = start + count);
    if (count < 24) {
      let text = '';
      for (let i = start; i < end; i++) {
        const byte = this.bytes[i]!;
        if (byte > 0x7f) return decoder.decode(this.bytes.subarray(start, end));
        text += String.fromCharCode(byte);
      }
      return text;
    }
    return decoder.decode(this.bytes.subarray(start, end));
  }

  text(): string {
    return this.utf8(this.varint());
  }

  /** A view, not a copy: valid as long as the message. */
  view8(count: number): Uint8Array {
    this.need(count);
    const start = this.at;
    this.at += count;
    return this.bytes.subarray(start, this.at);
  }

  block(): Uint8Array {
    return this.view8(this.varint());
  }
}
