/*
 * Protocol buffers by table, as much of them as etcd's messages need: no maps, no groups, no floats, no packed numbers. A table is the message's
 * definition and its TypeScript type at once.
 */

/** `int` for enumerations and small numbers, `long` for 64 bits (always bigint), another table for a message, a table in brackets for a repeated one. */
export type Kind = 'bytes' | 'string' | 'int' | 'long' | 'bool' | MessageType<Fields> | readonly [MessageType<Fields>];

/** Name to number and kind. */
export interface Fields {
  readonly [field: string]: readonly [number: number, kind: Kind];
}

type Value<K> = K extends 'bytes'
  ? Buffer
  : K extends 'string'
    ? string
    : K extends 'int'
      ? number
      : K extends 'long'
        ? bigint
        : K extends 'bool'
          ? boolean
          : K extends readonly [MessageType<infer F>]
            ? Message<F>[]
            : K extends MessageType<infer F>
              ? Message<F> | undefined
              : never;

/** What decoding gives: absent scalars have their zero value, absent messages are undefined. */
export type Message<F extends Fields> = { [N in keyof F]: Value<F[N][1]> };

type Input<K> = K extends 'bytes' ? Uint8Array | string : K extends readonly [MessageType<infer F>] ? readonly Draft<F>[] : K extends MessageType<infer F> ? Draft<F> : Value<K>;

/** What can be encoded: fields left out are not written. */
export type Draft<F extends Fields> = { readonly [N in keyof F]?: Input<F[N][1]> | undefined };

/** The fields behind a table. */
export type FieldsOf<T> = T extends MessageType<infer F> ? F : never;

interface Field {
  readonly name: string;
  readonly number: number;
  readonly kind: Kind;
  /** What it is when it is absent; lists are made anew each time. */
  readonly zero: unknown;
  /** Set for messages, repeated or not. */
  readonly inner: MessageType<Fields> | undefined;
  readonly isList: boolean;
  readonly isNumber: boolean;
}

const VARINT = 0;
const LENGTH = 2;
const ZEROS = { bytes: Buffer.alloc(0), string: '', int: 0, long: 0n, bool: false } as const;
/** Bytes of a varint that a number surely holds. */
const EXACT_BYTES = 7;

/** A table, read once: lists of thousands of rows are decoded with it. */
export class MessageType<F extends Fields> {
  private readonly fields: readonly Field[];
  private readonly byNumber: readonly (Field | undefined)[];

  constructor(table: F) {
    this.fields = Object.entries(table).map(([name, [number, kind]]) => {
      const inner = typeof kind === 'string' ? undefined : Array.isArray(kind) ? (kind[0] as MessageType<Fields>) : (kind as MessageType<Fields>);
      const isNumber = kind === 'int' || kind === 'long' || kind === 'bool';
      return { name, number, kind, inner, isNumber, isList: Array.isArray(kind), zero: typeof kind === 'string' ? ZEROS[kind] : undefined };
    });
    const byNumber: (Field | undefined)[] = [];
    for (const field of this.fields) byNumber[field.number] = field;
    this.byNumber = byNumber;
  }

  encode(draft: Draft<F>): Buffer {
    const parts: Buffer[] = [];
    for (const { name, number, inner, isNumber, isList } of this.fields) {
      const value: unknown = draft[name];
      if (value === undefined) continue;
      if (isNumber) {
        parts.push(varint(BigInt((number << 3) | VARINT)), varint(BigInt(value as number | bigint | boolean)));
        continue;
      }
      for (const item of isList ? (value as unknown[]) : [value]) {
        const body = inner !== undefined ? inner.encode(item as Draft<Fields>) : Buffer.from(item as string);
        parts.push(varint(BigInt((number << 3) | LENGTH)), varint(BigInt(body.length)), body);
      }
    }
    return Buffer.concat(parts);
  }

  /** @throws RangeError for bytes that are no message; fields that the table does not name are skipped */
  decode(bytes: Buffer): Message<F> {
    const message: Record<string, unknown> = {};
    for (const { name, zero, isList } of this.fields) message[name] = isList ? [] : zero;
    const reader = new Reader(bytes);
    while (!reader.done) {
      const tag = Number(reader.varint());
      const raw = reader.value(tag & 7);
      const field = this.byNumber[Math.floor(tag / 8)];
      if (field === undefined) continue;
      const { name, kind, inner, isNumber, isList } = field;
      if (isNumber === (raw instanceof Uint8Array)) throw new RangeError(`field ${name} has wire type ${tag & 7}`);
      if (!(raw instanceof Uint8Array)) message[name] = kind === 'long' ? BigInt.asIntN(64, BigInt(raw)) : kind === 'bool' ? Number(raw) !== 0 : Number(BigInt.asIntN(32, BigInt(raw)));
      else if (inner === undefined) message[name] = kind === 'string' ? raw.toString('utf8') : raw;
      else if (isList) (message[name] as unknown[]).push(inner.decode(raw));
      else message[name] = inner.decode(raw);
    }
    return message as Message<F>;
  }
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

class Reader {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  /** A number where it is exact, else a bigint. */
  varint(): number | bigint {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < EXACT_BYTES; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    let long = BigInt(value);
    for (let i = EXACT_BYTES; i < 10; i++) {
      const byte = this.byte();
      long |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return long;
    }
    throw new RangeError('a number of more than ten bytes');
  }

  value(wireType: number): number | bigint | Buffer {
    if (wireType === VARINT) return this.varint();
    if (wireType === LENGTH) return this.take(Number(this.varint()));
    if (wireType === 1) return this.take(8);
    if (wireType === 5) return this.take(4);
    throw new RangeError(`wire type ${wireType}`);
  }

  private byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new RangeError('the message ends too early');
    return byte;
  }

  private take(count: number): Buffer {
    if (count > this.bytes.length - this.at) throw new RangeError('the message ends too early');
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }
}
