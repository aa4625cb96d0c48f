import { RpcError } from '../../common/rpc-error.js';
import { INT64_MAX, INT64_MIN, kindOf, unsupported } from '../../rpc/plain-value.js';
import { isMarshaler, isMarshalerClass, protoLabel, protoSchemaOf, TypedValue, type Marshaler, type ProtoSchema, type ValueType } from '../../common/value-types.js';
import { jsonText } from './json-text.js';
import type { MessageWriter } from './message-writer.js';
import type { SerializerTable } from './serializer.js';
import { Trace } from '../../rpc/trace.js';
import { traceText } from './trace.js';

/** Writes values as mqant's argument types. The rules are the table of docs/mqant-wire.md. */
export class ValueEncoder {
  constructor(private readonly serializers: SerializerTable) {}

  /**
   * @param type as declared; undefined: by the value
   * @throws RpcError UNSUPPORTED_VALUE, PAYLOAD_TOO_LARGE; whatever users' code throws
   */
  write(value: unknown, type: ValueType | undefined, out: MessageWriter): void {
    if (value instanceof TypedValue) return this.write(value.value, value.type, out);
    if (value === null || value === undefined) {
      out.type('null');
      out.empty();
    } else if (type === undefined) {
      this.infer(value, out);
    } else if (typeof type === 'string') {
      this.named(value, type, out);
    } else if (isMarshalerClass(type)) {
      if (isMarshaler(value)) writeMarshaler(value, out);
      else writeOpaque(value, `marshal@${type.name}`, out);
    } else if (value instanceof Uint8Array) {
      writeOpaque(value, `proto@${protoLabel(type)}`, out);
    } else {
      writeProto(type, value, out);
    }
  }

  private infer(value: NonNullable<unknown>, out: MessageWriter): void {
    switch (typeof value) {
      case 'string':
        out.type('string');
        return out.string(value);
      case 'number':
        if (Number.isSafeInteger(value)) return writeLong(value, out);
        out.type('double');
        return out.double(value);
      case 'bigint':
        return writeLong(value, out);
      case 'boolean':
        out.type('bool');
        return out.bool(value);
      default:
        return this.inferObject(value, out);
    }
  }

  private inferObject(value: object, out: MessageWriter): void {
    if (value instanceof Uint8Array) return writeOpaque(value, 'bytes', out);
    if (Array.isArray(value)) return writeJson(value, 'bytes', out);
    for (const serializer of this.serializers.all) {
      const made = serializer.serialize(value);
      if (made !== undefined) return writeOpaque(made.bytes, made.type, out);
    }
    if (isMarshaler(value)) return writeMarshaler(value, out);
    if (value instanceof Trace) return writeTrace(value, out);
    const schema = protoSchemaOf(value);
    if (schema !== undefined) return writeProto(schema, value, out);
    if (kindOf(value) === 'object') return writeJson(value, 'map', out);
    // A date, or something else that says itself what it is in JSON.
    const plain = (value as { toJSON(): unknown }).toJSON();
    if (plain === null || plain === undefined || typeof plain !== 'object') return this.write(plain, undefined, out);
    writeJson(plain, Array.isArray(plain) ? 'bytes' : 'map', out);
  }

  private named(value: NonNullable<unknown>, type: string, out: MessageWriter): void {
    switch (type) {
      case 'null':
        out.type('null');
        return out.empty();
      case 'bool':
        if (typeof value !== 'boolean') throw refused(value, type, 'a boolean');
        out.type(type);
        return out.bool(value);
      case 'int':
        return writeInt(value, out);
      case 'long':
        return writeLong(value, out);
      case 'float':
      case 'double':
        return writeReal(value, type, out);
      case 'string':
        if (typeof value !== 'string') throw refused(value, type, 'a string');
        out.type(type);
        return out.string(value);
      case 'bytes':
        if (value instanceof Uint8Array) return writeOpaque(value, type, out);
        if (typeof value !== 'object') throw refused(value, type, 'a Uint8Array (Buffer.from(text) makes one), or an object to send as JSON');
        return writeJson(value, type, out);
      case 'json':
        return writeJson(value, 'bytes', out);
      case 'map':
        if (typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array) throw refused(value, type, 'an object');
        return writeJson(value, type, out);
      case 'mapstr':
        return writeMapstr(value, out);
      case 'trace':
        return writeTrace(value, out);
      default:
        return this.custom(value, type, out);
    }
  }

  private custom(value: NonNullable<unknown>, type: string, out: MessageWriter): void {
    // Bytes that are encoded already, such as those a gateway passes on.
    if (value instanceof Uint8Array && (type.startsWith('proto@') || type.startsWith('marshal@'))) return writeOpaque(value, type, out);
    const serializer = this.serializers.named(type);
    if (serializer === undefined) throw unsupported(`no wire type is named '${type}'; register it with mqantWire({ serializers: [...] }), or use one of docs/mqant-wire.md`);
    const made = serializer.serialize(value);
    if (made === undefined) throw refused(value, type, `what the serializer '${type}' takes`);
    writeOpaque(made.bytes, made.type, out);
  }
}

function writeInt(value: unknown, out: MessageWriter): void {
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number)) throw refused(value, 'int', 'a whole number');
  if (number < -0x80000000 || number > 0x7fffffff) throw unsupported(`${number} does not fit int (-2147483648 to 2147483647); use long()`);
  out.type('int');
  out.int(number);
}

function writeLong(value: unknown, out: MessageWriter): void {
  if (typeof value === 'bigint') {
    if (value < INT64_MIN || value > INT64_MAX) throw unsupported(`the bigint ${String(value).slice(0, 40)} does not fit long (64 bits); send it as a string`);
  } else if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw refused(value, 'long', 'a whole number or a bigint');
  } else if (!Number.isSafeInteger(value)) {
    throw unsupported(`${value} is not exact as a whole number; give long() a bigint`);
  }
  out.type('long');
  out.long(value);
}

function writeReal(value: unknown, type: 'float' | 'double', out: MessageWriter): void {
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number') throw refused(value, type, 'a number');
  if (typeof value === 'bigint' && BigInt(number) !== value) throw unsupported(`the bigint ${String(value).slice(0, 40)} is not exact as ${type}; use long()`);
  out.type(type);
  if (type === 'double') return out.double(number);
  if (Number.isFinite(number) && !Number.isFinite(Math.fround(number))) throw unsupported(`${number} does not fit float (32 bits); use double()`);
  out.float(number);
}

function writeMapstr(value: NonNullable<unknown>, out: MessageWriter): void {
  if (typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array) throw refused(value, 'mapstr', 'an object of strings');
  for (const [key, item] of Object.entries(value)) {
    if (typeof item !== 'string') throw unsupported(`the value of '${key}' is ${article(item)}: mapstr holds strings only; use a map, or String(value)`);
  }
  writeJson(value, 'mapstr', out);
}

function writeTrace(value: unknown, out: MessageWriter): void {
  if (!(value instanceof Trace)) throw refused(value, 'trace', 'a Trace');
  out.type('trace');
  out.string(traceText(value));
}

function writeMarshaler(value: Marshaler, out: MessageWriter): void {
  const name = value.toString === Object.prototype.toString ? '' : String(value);
  writeOpaque(value.marshal(), `marshal@${name || (value.constructor?.name ?? '')}`, out);
}

function writeProto(schema: ProtoSchema | ProtoSchema<never>, value: unknown, out: MessageWriter): void {
  if (typeof value !== 'object') throw refused(value, `proto@${protoLabel(schema as ProtoSchema)}`, 'a message');
  let bytes: Uint8Array;
  try {
    bytes = schema.encode(value as never).finish();
  } catch (error) {
    if (RpcError.is(error)) throw error;
    throw unsupported(`the message ${protoLabel(schema as ProtoSchema)} cannot be encoded: ${error instanceof Error ? error.message : String(error)}`);
  }
  writeOpaque(bytes, `proto@${protoLabel(schema as ProtoSchema)}`, out);
}

function writeJson(value: unknown, type: string, out: MessageWriter): void {
  // Before the text: code of the user's may run in it and throw, or send.
  const text = jsonText(value);
  out.type(type);
  out.string(text);
}

function writeOpaque(bytes: unknown, type: string, out: MessageWriter): void {
  if (!(bytes instanceof Uint8Array)) throw refused(bytes, type, 'a Uint8Array');
  out.type(type);
  out.bytes(bytes);
}

function refused(value: unknown, type: string, wanted: string): RpcError {
  return unsupported(`${article(value)} cannot be sent as ${type}: it takes ${wanted}`);
}

function article(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== 'object') return `a ${typeof value}`;
  return Array.isArray(value) ? 'an array' : `a ${value.constructor?.name ?? 'object'}`;
}
