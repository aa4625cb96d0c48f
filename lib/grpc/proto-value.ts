import { type ByteReader, MalformedBytes } from '../rpc/byte-reader.js';
import type { ByteWriter } from '../rpc/byte-writer.js';
import { kindOf, MAX_DEPTH, tooDeep } from '../rpc/plain-value.js';
import { BLOCK, eachField, FIXED64, putMessage, putText, restText, VARINT } from './proto-fields.js';

/*
 * google.protobuf.Value, Struct and ListValue (google/protobuf/struct.proto): what JSON can say, as every gRPC library knows it. What JSON
 * cannot say becomes text: bytes base64, dates ISO 8601, integers past 2^53 decimal, NaN and the infinities their names.
 */

const NULL = 1;
const NUMBER = 2;
const STRING = 3;
const BOOL = 4;
const STRUCT = 5;
const LIST = 6;

/** Writes the fields of a `Value`. @throws RpcError UNSUPPORTED_VALUE for what cannot be sent */
export function writeValue(writer: ByteWriter, value: unknown, depth = 0): void {
  if (depth > MAX_DEPTH) throw tooDeep();
  switch (kindOf(value)) {
    case 'nil':
      writer.varint(NULL * 8 + VARINT);
      return writer.varint(0);
    case 'boolean':
      writer.varint(BOOL * 8 + VARINT);
      return writer.varint(value === true ? 1 : 0);
    case 'number':
      return Number.isFinite(value) ? putNumber(writer, value as number) : putString(writer, String(value));
    case 'bigint':
      return Number.isSafeInteger(Number(value)) ? putNumber(writer, Number(value)) : putString(writer, String(value));
    case 'string':
      return putString(writer, value as string);
    case 'bytes':
      return putString(writer, Buffer.from(value as Uint8Array).toString('base64'));
    case 'date':
      return writeValue(writer, (value as Date).toJSON(), depth + 1);
    case 'json':
      return writeValue(writer, (value as { toJSON(): unknown }).toJSON(), depth + 1);
    case 'array':
      return putMessage(writer, LIST, (list) => writeList(list, value as readonly unknown[], depth));
    case 'object':
      return putMessage(writer, STRUCT, (struct) => {
        for (const [key, item] of Object.entries(value as object)) {
          if (item === undefined) continue;
          putMessage(struct, 1, (entry) => {
            putText(entry, 1, key);
            putMessage(entry, 2, (inner) => writeValue(inner, item, depth + 1));
          });
        }
      });
  }
}

/** Writes the fields of a `ListValue`. @throws RpcError UNSUPPORTED_VALUE */
export function writeList(writer: ByteWriter, values: readonly unknown[], depth = 0): void {
  for (const item of values) putMessage(writer, 1, (inner) => writeValue(inner, item, depth + 1));
}

function putNumber(writer: ByteWriter, value: number): void {
  writer.varint(NUMBER * 8 + FIXED64);
  writer.f64(value, true);
}

/** Also when it is empty: it is what was chosen of several. */
function putString(writer: ByteWriter, value: string): void {
  writer.varint(STRING * 8 + BLOCK);
  writer.text(value);
}

/** @throws MalformedBytes */
export function readValue(reader: ByteReader, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw new MalformedBytes('nested too deep');
  let result: unknown = null;
  eachField(reader, (field, type, value) => {
    if (field === NULL) result = null;
    else if (field === NUMBER && type === FIXED64) result = value.f64(true);
    else if (field === STRING && type === BLOCK) result = restText(value);
    else if (field === BOOL && type === VARINT) result = value.u8() !== 0;
    else if (field === STRUCT && type === BLOCK) result = readStruct(value, depth);
    else if (field === LIST && type === BLOCK) result = readList(value, depth);
  });
  return result;
}

/** @throws MalformedBytes */
export function readList(reader: ByteReader, depth = 0): unknown[] {
  const items: unknown[] = [];
  eachField(reader, (field, type, value) => {
    if (field === 1 && type === BLOCK) items.push(readValue(value, depth + 1));
  });
  return items;
}

function readStruct(reader: ByteReader, depth: number): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  eachField(reader, (field, type, entry) => {
    if (field !== 1 || type !== BLOCK) return;
    let key = '';
    let item: unknown = null;
    eachField(entry, (part, _type, value) => {
      if (part === 1) key = restText(value);
      else if (part === 2) item = readValue(value, depth + 1);
    });
    // A key named __proto__ is a key like others.
    Object.defineProperty(result, key, { value: item, enumerable: true, configurable: true, writable: true });
  });
  return result;
}
