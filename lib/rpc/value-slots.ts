import { messageOf } from '../common/message-of.js';
import { RpcError } from '../common/rpc-error.js';
import { ByteReader, MalformedBytes } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import type { Codec } from './codec.js';
import { isImmutable, unsupported } from './plain-value.js';
import { isMarshaler, isMarshalerClass, isProtoSchema, protoLabel, protoSchemaOf, TypedValue, type ReplyType, type ValueType, type ArgTypes } from '../common/value-types.js';

/** Kinds of slots, docs/protocol.md "Values". */
const SLOT = { codec: 0, proto: 1, marshal: 2 } as const;

/** A value that only its declared type can read. */
interface Special {
  kind: typeof SLOT.proto | typeof SLOT.marshal;
  label: string;
  bytes: Uint8Array;
}

/** True when a value goes through the codec as it is: no wrapper, no protobuf message, no Marshaler. */
function isPlain(value: unknown): boolean {
  return typeof value !== 'object' || value === null || !(value instanceof TypedValue || isMarshaler(value) || protoSchemaOf(value) !== undefined);
}

function special(value: unknown, type: ValueType | undefined): Special | undefined {
  if (value instanceof TypedValue) return special(value.value, value.type);
  if (isProtoSchema(type)) {
    if (value === null || value === undefined) return undefined;
    return { kind: SLOT.proto, label: protoLabel(type), bytes: encodeProto(type, value) };
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (isMarshaler(value)) return { kind: SLOT.marshal, label: String(value), bytes: value.marshal() };
  const schema = protoSchemaOf(value);
  return schema && { kind: SLOT.proto, label: protoLabel(schema), bytes: encodeProto(schema, value) };
}

function encodeProto(schema: { encode(message: never): { finish(): Uint8Array } }, value: unknown): Uint8Array {
  return schema.encode(value as never).finish();
}

/** The JavaScript value that a wrapper stands for where no wire type exists. */
function unwrap(value: unknown): unknown {
  if (!(value instanceof TypedValue)) return value;
  const inner = value.value;
  return value.type === 'long' && typeof inner === 'bigint' && inner >= -0x1fffffffffffffn && inner <= 0x1fffffffffffffn ? Number(inner) : inner;
}

/** Writes one value as a slot: kind, then its bytes to the end given by `lengths`. */
function writeSlot(value: unknown, type: ValueType | undefined, codec: Codec, out: ByteWriter): void {
  const typed = special(value, type);
  if (typed === undefined) {
    out.u8(SLOT.codec);
    codec.encode(unwrap(value), out);
    return;
  }
  out.u8(typed.kind);
  out.text(typed.label);
  out.raw(typed.bytes);
}

function readSlot(reader: ByteReader, type: ValueType | ReplyType | undefined, codec: Codec, as: SlotUse): unknown {
  const kind = reader.u8();
  if (kind === SLOT.codec) {
    const value = codec.decode(reader);
    return value === null && as === 'argument' ? emptyOf(type) : value;
  }
  if (kind !== SLOT.proto && kind !== SLOT.marshal) throw new MalformedBytes(`unknown slot kind ${kind}`);
  reader.text();
  return decodeSpecial(new Uint8Array(reader.view8(reader.remaining)), type);
}

/** Bytes of a protobuf message or Marshaler as the declared type; as they are when none is declared (as mqant does). */
export function decodeSpecial(bytes: Uint8Array, type: ValueType | ReplyType | undefined): unknown {
  if (isMarshalerClass(type)) {
    const value = new type();
    value.unmarshal(bytes);
    return value;
  }
  return isProtoSchema(type) ? type.decode(bytes) : bytes;
}

/** A null argument of a protobuf or Marshaler parameter is the empty message, as in mqant; a null reply stays null. */
export type SlotUse = 'argument' | 'reply';

/** null for a protobuf or Marshaler parameter is the empty message, as in mqant. */
function emptyOf(type: ValueType | ReplyType | undefined): unknown {
  return isMarshalerClass(type) ? new type() : isProtoSchema(type) ? type.decode(new Uint8Array(0)) : null;
}

/** True when the arguments can be written as one codec array: the common case, without slots. */
export function allPlain(values: readonly unknown[], types: ArgTypes | undefined): boolean {
  if (types !== undefined && types.some((type) => type !== undefined && typeof type !== 'string')) return false;
  for (let i = 0; i < values.length; i++) if (!isPlain(values[i])) return false;
  return true;
}

/** Writes values as slots with lengths. */
export function writeSlots(values: readonly unknown[], types: ArgTypes | undefined, codec: Codec, out: ByteWriter): void {
  out.varint(values.length);
  const scratch = new ByteWriter(256);
  for (let i = 0; i < values.length; i++) {
    scratch.rewind(0);
    writeSlot(values[i], types?.[i], codec, scratch);
    out.varint(scratch.length);
    out.raw(scratch.bytes.subarray(0, scratch.length));
  }
}

export function readSlots(reader: ByteReader, types: readonly (ValueType | ReplyType | undefined)[] | undefined, codec: Codec, as: SlotUse): unknown[] {
  const count = reader.varint();
  reader.need(count);
  const values: unknown[] = [];
  const { end } = reader;
  for (let i = 0; i < count; i++) {
    const length = reader.varint();
    reader.need(length);
    reader.end = reader.at + length;
    values.push(readSlot(reader, types?.[i], codec, as));
    if (reader.at !== reader.end) throw new MalformedBytes('bytes after a slot');
    reader.end = end;
  }
  if (reader.at !== end) throw new MalformedBytes('bytes after the slots');
  return values;
}

/** False for types that only their own code reads: protobuf messages and Marshalers. */
function isPlainType(type: ValueType | ReplyType | undefined): boolean {
  return type === undefined || typeof type === 'string' || !(isProtoSchema(type) || isMarshalerClass(type));
}

/**
 * A copy of `value` as a wire would have made it; primitives as they are.
 * @param scratch used from its end on, so that values which make calls while they are encoded do no harm
 * @throws RpcError when it cannot be encoded, MalformedBytes when it cannot be read as `to`
 */
export function isolate(
  value: unknown,
  from: ValueType | undefined,
  to: ValueType | ReplyType | undefined,
  codec: Codec,
  scratch: ByteWriter,
  as: SlotUse,
): unknown {
  if (isImmutable(value) && isPlainType(from) && isPlainType(to)) return value === undefined ? null : value;
  const start = scratch.length;
  try {
    try {
      writeSlot(value, from, codec, scratch);
    } catch (error) {
      throw RpcError.is(error) ? error : unsupported(`a value cannot be encoded: ${messageOf(error)}`);
    }
    return readCopy(new ByteReader(scratch.bytes, start, scratch.length), to, codec, as);
  } finally {
    scratch.rewind(start);
  }
}

function readCopy(reader: ByteReader, to: ValueType | ReplyType | undefined, codec: Codec, as: SlotUse): unknown {
  try {
    return readSlot(reader, to, codec, as);
  } catch (error) {
    throw error instanceof MalformedBytes ? error : new MalformedBytes(messageOf(error), { cause: error });
  }
}

/** Declared protobuf and Marshaler parameters of a plain argument list that hold null become empty messages. */
export function fillEmpty(args: unknown[], types: ArgTypes | undefined): unknown[] {
  if (types !== undefined) for (let i = 0; i < args.length; i++) if (args[i] === null) args[i] = emptyOf(types[i]);
  return args;
}
