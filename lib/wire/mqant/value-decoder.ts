import { MalformedBytes, type ByteReader } from '../../rpc/byte-reader.js';
import { isMarshalerClass, isProtoSchema, type MarshalerClass, type ProtoSchema, type ReplyType, type ValueType } from '../../common/value-types.js';
import { parseJson } from './json-text.js';
import type { SerializerTable } from './serializer.js';
import { parseTrace } from './trace.js';

/** A value came as a type that cannot become the declared one. Never leaves the wire. */
export class TypeMismatch extends Error {
  override name = 'TypeMismatch';
}

/**
 * Reads values by their label and, where one is declared, by their type: the declared type rules, as the parameter's type does in Go.
 * `reader` stands on the value, `reader.end` is its end. What is given out is a copy: the message is gone after the callback.
 * All methods throw MalformedBytes, {@link TypeMismatch}, and whatever users' code throws.
 */
export class ValueDecoder {
  constructor(private readonly serializers: SerializerTable) {}

  /** An argument for a handler. */
  argument(label: string, reader: ByteReader, type: ValueType | undefined): unknown {
    if (type === undefined) return this.labelled(label, reader);
    if (typeof type === 'string') return this.named(type, label, reader);
    // null is the empty message, never nil: mqant's rule.
    if (label === 'null') return isMarshalerClass(type) ? new type() : type.decode(new Uint8Array(0));
    return special(type, reader);
  }

  /** A reply. Primitives are not compared with `type` here: that is the client's `checkReply`, the same for all wires. */
  reply(label: string, reader: ByteReader, type: ReplyType | undefined): unknown {
    if (label === 'null') return null;
    if (typeof type === 'string') return this.named(type, label, reader);
    if ((type === Array || type === Object) && label === 'bytes') return json(reader);
    if (!isMarshalerClass(type) && !isProtoSchema(type)) return this.labelled(label, reader);
    if (!isOpaque(label)) throw new TypeMismatch(`${label} where ${nameOf(type)} was asked for`);
    return special(type, reader);
  }

  private labelled(label: string, reader: ByteReader): unknown {
    switch (label) {
      case 'string':
        return reader.utf8(reader.remaining);
      case 'long':
        return long(reader);
      case 'int':
        return reader.u32() | 0;
      case 'bool':
        return reader.u8() !== 0;
      case 'double':
        return reader.f64(true);
      case 'float':
        return reader.f32(true);
      case 'null':
        return null;
      case 'bytes':
        return copy(reader);
      case 'map':
      case 'mapstr':
        return object(reader, label === 'mapstr');
      case 'trace':
        return parseTrace(reader.utf8(reader.remaining));
      default:
        return this.custom(label, reader);
    }
  }

  private custom(label: string, reader: ByteReader): unknown {
    if (label.startsWith('proto') || label.startsWith('marshal')) return copy(reader);
    const serializer = this.serializers.decoding(label);
    if (serializer === undefined) throw new TypeMismatch(`the type '${label.slice(0, 80)}', which is not known here; register it with mqantWire({ serializers: [...] })`);
    return serializer.deserialize(label, copy(reader));
  }

  private named(type: string, label: string, reader: ByteReader): unknown {
    if (label === 'null') return null;
    switch (type) {
      case 'int':
        return toInt(this.number(type, label, reader));
      case 'long':
        return toLong(this.number(type, label, reader));
      case 'float':
      case 'double':
        return toReal(this.number(type, label, reader), type);
      case 'bytes':
        if (isOpaque(label) || label === 'string' || label === 'map' || label === 'mapstr') return copy(reader);
        throw mismatch(type, label);
      case 'map':
        if (label !== 'map' && label !== 'mapstr' && label !== 'bytes') throw mismatch(type, label);
        return object(reader, false);
      case 'json':
        return label === 'map' || label === 'mapstr' || label === 'bytes' ? json(reader) : this.labelled(label, reader);
      case 'null':
        return null;
      case label:
        return this.labelled(label, reader);
      default:
        return this.declaredCustom(type, label, reader);
    }
  }

  /** A serializer may decode labels other than its own name. */
  private declaredCustom(type: string, label: string, reader: ByteReader): unknown {
    const serializer = this.serializers.named(type);
    if (serializer === undefined || this.serializers.decoding(label) !== serializer) throw mismatch(type, label);
    return serializer.deserialize(label, copy(reader));
  }

  /** Any of the four number types: a TypeScript caller that declares nothing sends whole numbers as long. */
  private number(type: string, label: string, reader: ByteReader): number | bigint {
    if (label === 'long' || label === 'int' || label === 'double' || label === 'float') return this.labelled(label, reader) as number | bigint;
    throw mismatch(type, label);
  }
}

/** A number when exact, else a bigint. */
function long(reader: ByteReader): number | bigint {
  const high = reader.u32() | 0;
  const low = reader.u32();
  const value = high * 0x100000000 + low;
  if (Number.isSafeInteger(value)) return value;
  return (BigInt(high) << 32n) | BigInt(low);
}

function toInt(value: number | bigint): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= -0x80000000 && value <= 0x7fffffff) return value;
  throw new TypeMismatch(`${value} where an int was declared`);
}

function toLong(value: number | bigint): bigint {
  if (typeof value === 'bigint') return value;
  if (Number.isSafeInteger(value)) return BigInt(value);
  throw new TypeMismatch(`${value} where a long was declared`);
}

function toReal(value: number | bigint, type: string): number {
  if (typeof value === 'number') return value;
  if (BigInt(Number(value)) === value) return Number(value);
  throw new TypeMismatch(`${value}, which is not exact, where a ${type} was declared`);
}

function special(type: MarshalerClass | ProtoSchema | ProtoSchema<never>, reader: ByteReader): unknown {
  if (!isMarshalerClass(type)) return type.decode(copy(reader));
  const value = new type();
  value.unmarshal(copy(reader));
  return value;
}

/** Labels whose bytes have no form that the label alone tells. */
function isOpaque(label: string): boolean {
  return label === 'bytes' || label.startsWith('proto') || label.startsWith('marshal');
}

function copy(reader: ByteReader): Uint8Array {
  return new Uint8Array(reader.view8(reader.remaining));
}

function json(reader: ByteReader): unknown {
  return parseJson(reader.utf8(reader.remaining));
}

function object(reader: ByteReader, ofStrings: boolean): unknown {
  const value = json(reader);
  // Go writes a nil map as null.
  if (value === null) return null;
  if (typeof value !== 'object' || Array.isArray(value)) throw new MalformedBytes('a map whose JSON is not an object');
  if (ofStrings && Object.values(value).some((item) => typeof item !== 'string')) throw new MalformedBytes('a mapstr with a value that is not a string');
  return value;
}

function mismatch(type: string, label: string): TypeMismatch {
  return new TypeMismatch(`${label.slice(0, 80)} where ${type} was declared`);
}

function nameOf(type: MarshalerClass | ProtoSchema): string {
  return type.name ?? 'a message';
}
