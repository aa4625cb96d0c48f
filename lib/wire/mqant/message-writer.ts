import { rpcError } from '../../common/error-catalog.js';
import { ByteWriter } from '../../rpc/byte-writer.js';

/** A writer that has grown past this for one large message is not kept. */
const KEEP_BYTES = 256 * 1024;
const START_BYTES = 1024;

const scratch = new DataView(new ArrayBuffer(8));
const low4 = new Uint8Array(scratch.buffer, 0, 4);
const all8 = new Uint8Array(scratch.buffer);

/**
 * Writes one of the two messages: plain fields in order, and typed values as their pair of fields, name and bytes. All names come
 * before all bytes, so that bytes are written aside and joined. `marshal()` methods and serializers of users run in between and may
 * send calls of their own: every message starts at a mark and goes back to it.
 */
export class MessageWriter {
  /** Largest message; a value that is past it by itself is refused before it is copied. */
  limit = Infinity;
  private head = new ByteWriter(START_BYTES);
  private values = new ByteWriter(START_BYTES);

  /** @param keepEmpty an empty value is written (elements of a repeated field) or left out (proto3's default) */
  constructor(
    private readonly typeTag: number,
    private readonly valueTag: number,
    private readonly keepEmpty: boolean,
  ) {}

  get headMark(): number {
    return this.head.length;
  }

  get valuesMark(): number {
    return this.values.length;
  }

  /** Goes back to the marks, whatever was written since. */
  rewind(headMark: number, valuesMark: number): void {
    this.head.rewind(headMark);
    this.values.rewind(valuesMark);
    if (headMark > 0) return;
    if (this.head.bytes.length > KEEP_BYTES) this.head = new ByteWriter(START_BYTES);
    if (this.values.bytes.length > KEEP_BYTES) this.values = new ByteWriter(START_BYTES);
  }

  /** Appends the values' bytes to the fields. */
  joinValues(valuesMark: number): void {
    this.head.raw(this.values.bytes.subarray(valuesMark, this.values.length));
  }

  /** The message since the mark: the one allocation of a call. */
  take(headMark: number): Uint8Array {
    const { head } = this;
    const message = Buffer.allocUnsafe(head.length - headMark);
    message.set(head.bytes.subarray(headMark, head.length));
    return message;
  }

  /** A string field; left out when empty. Lone surrogates become U+FFFD: Go refuses a message with broken UTF-8 as a whole. */
  text(tag: number, value: string): void {
    if (value === '') return;
    this.head.u8(tag);
    this.head.text(value);
  }

  /** A varint field; left out when 0. */
  varint(tag: number, value: number): void {
    if (value === 0) return;
    this.head.u8(tag);
    this.head.varint(value);
  }

  /** The name of the value that is written next. */
  type(name: string): void {
    this.head.u8(this.typeTag);
    this.head.text(name);
  }

  empty(): void {
    if (!this.keepEmpty) return;
    this.values.u8(this.valueTag);
    this.values.u8(0);
  }

  string(value: string): void {
    if (value === '') return this.empty();
    this.check(value.length);
    this.values.u8(this.valueTag);
    this.values.text(value);
  }

  bytes(value: Uint8Array): void {
    if (value.length === 0) return this.empty();
    this.check(value.length);
    this.values.u8(this.valueTag);
    this.values.block(value);
  }

  bool(value: boolean): void {
    this.short(1);
    this.values.u8(value ? 1 : 0);
  }

  /** int32, big-endian. */
  int(value: number): void {
    this.short(4);
    this.values.u32(value);
  }

  /** int64, big-endian. */
  long(value: number | bigint): void {
    this.short(8);
    if (typeof value === 'bigint') return this.values.i64(value);
    this.values.u32(Math.floor(value / 0x100000000));
    this.values.u32(value);
  }

  /** float32, little-endian, unlike integers. */
  float(value: number): void {
    this.short(4);
    scratch.setFloat32(0, value, true);
    this.values.raw(low4);
  }

  /** float64, little-endian. */
  double(value: number): void {
    this.short(8);
    scratch.setFloat64(0, value, true);
    this.values.raw(all8);
  }

  private short(count: number): void {
    this.values.u8(this.valueTag);
    this.values.u8(count);
  }

  private check(count: number): void {
    if (count > this.limit) {
      throw rpcError('PAYLOAD_TOO_LARGE', `a value of ${count} bytes is past the ${this.limit} bytes that the transport takes; send it in parts, or raise the server's limit`);
    }
  }
}
