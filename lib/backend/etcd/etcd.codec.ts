/*
 * Protocol buffers by table, as much of them as etcd's messages need: no maps, no groups, no floats, no packed numbers. A table is the message's
 * definition and its TypeScript type at once.
 */

/** `int` for enumerations and small numbers, `long` for 64 bits (always bigint), a table for a message, a table in brackets for a repeated one. */
export type Kind = 'bytes' | 'string' | 'int' | 'long' | 'bool' | Shape | readonly [Shape];

/** Field name to number and kind. */
export interface Shape {
  readonly [field: string]: readonly [number: number, kind: Kind];
}

type Value<K extends Kind> = K extends 'bytes'
  ? Buffer
  : K extends 'string'
    ? string
    : K extends 'int'
      ? number
      : K extends 'long'
        ? bigint
        : K extends 'bool'
          ? boolean
          : K extends readonly [infer S extends Shape]
            ? Message<S>[]
            : K extends Shape
              ? Message<K> | undefined
              : never;

/** What decoding gives: absent scalars have their zero value, absent messages are undefined. */
export type Message<S extends Shape> = { [F in keyof S]: Value<S[F][1]> };

type Input<K extends Kind> = K extends 'bytes' ? Uint8Array | string : K extends readonly [infer S extends Shape] ? readonly Draft<S>[] : K extends Shape ? Draft<K> : Value<K>;

/** What can be encoded: fields left out are not written. */
export type Draft<S extends Shape> = { readonly [F in keyof S]?: Input<S[F][1]> | undefined };

const VARINT = 0;
const LENGTH = 2;

export function encode<S extends Shape>(shape: S, draft: Draft<S>): Buffer {
  const parts: Buffer[] = [];
  for (const [field, [number, kind]] of Object.entries(shape)) {
    const value: unknown = draft[field];
    if (value === undefined) continue;
    if (kind === 'int' || kind === 'long' || kind === 'bool') {
      parts.push(varint(BigInt(number << 3 | VARINT)), varint(BigInt(value as number | bigint | boolean)));
      continue;
    }
    const isList = Array.isArray(kind);
    for (const item of isList ? (value as unknown[]) : [value]) {
      const body = typeof item === 'string' ? Buffer.from(item) : item instanceof Uint8Array ? item : encode((isList ? kind[0] : kind) as Shape, item as Draft<Shape>);
      parts.push(varint(BigInt(number << 3 | LENGTH)), varint(BigInt(body.length)), Buffer.from(body.buffer, body.byteOffset, body.length));
    }
  }
  return Buffer.concat(parts);
}

/** @throws RangeError for bytes that are no message; fields that the table does not name are skipped */
export function decode<S extends Shape>(shape: S, bytes: Buffer): Message<S> {
  const byNumber = new Map(Object.entries(shape).map(([field, [number, kind]]) => [number, { field, kind }]));
  const message: Record<string, unknown> = Object.fromEntries(Object.entries(shape).map(([field, [, kind]]) => [field, zero(kind)]));
  const reader = new Reader(bytes);
  while (!reader.done) {
    const tag = Number(reader.varint());
    const known = byNumber.get(tag >>> 3);
    const raw = reader.value(tag & 7);
    if (known === undefined) continue;
    const { field, kind } = known;
    const isNumber = kind === 'int' || kind === 'long' || kind === 'bool';
    if (isNumber !== (typeof raw === 'bigint')) throw new RangeError(`field ${field} has wire type ${tag & 7}`);
    if (typeof raw === 'bigint') message[field] = kind === 'long' ? BigInt.asIntN(64, raw) : kind === 'bool' ? raw !== 0n : Number(BigInt.asIntN(32, raw));
    else if (kind === 'bytes') message[field] = raw;
    else if (kind === 'string') message[field] = raw.toString('utf8');
    else if (Array.isArray(kind)) (message[field] as unknown[]).push(decode(kind[0] as Shape, raw));
    else message[field] = decode(kind as Shape, raw);
  }
  return message as Message<S>;
}

function zero(kind: Kind): unknown {
  if (Array.isArray(kind)) return [];
  if (typeof kind === 'object') return undefined;
  return { bytes: Buffer.alloc(0), string: '', int: 0, long: 0n, bool: false }[kind as 'bytes'];
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

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.take(1)[0]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number of more than ten bytes');
  }

  value(wireType: number): bigint | Buffer {
    if (wireType === VARINT) return this.varint();
    if (wireType === LENGTH) return this.take(Number(this.varint()));
    if (wireType === 1) return this.take(8);
    if (wireType === 5) return this.take(4);
    throw new RangeError(`wire type ${wireType}`);
  }

  private take(count: number): Buffer {
    if (count > this.bytes.length - this.at) throw new RangeError('the message ends too early');
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }
}
