import { MalformedBytes, type ByteReader } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';
import type { Codec } from './codec.js';
import { INT64_MAX, INT64_MIN, kindOf, MAX_DEPTH, tooDeep, unsupported } from './plain-value.js';
import { encodeFailed } from './unsupported-place.js';

/**
 * JSON, for people who want to read the wire. What JSON lacks is an object with one `$` key: `{"$bigint":"1"}`, `{"$bytes":"<base64>"}`,
 * `{"$date":"<ISO>"}`, `{"$number":"NaN"}`; an object of the user's that looks like one is wrapped in `{"$object":...}`.
 */
export function json(): Codec {
  return {
    name: 'json',
    encode(value, out: ByteWriter) {
      let text: string;
      try {
        text = JSON.stringify(toJson(value, 0));
      } catch (error) {
        throw encodeFailed(error, value);
      }
      out.utf8(text, text.length < 1024 ? undefined : Buffer.byteLength(text));
    },
    decode(reader: ByteReader) {
      const text = reader.utf8(reader.remaining);
      let parsed: unknown;
      try {
        parsed = JSON.parse(text);
      } catch (cause) {
        throw new MalformedBytes(`not JSON: ${(cause as Error).message}`);
      }
      return fromJson(parsed, 0);
    },
  };
}

const TAGS = new Set(['$bigint', '$bytes', '$date', '$number', '$object']);

function toJson(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) throw tooDeep();
  switch (kindOf(value)) {
    case 'nil':
      return null;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : { $number: Object.is(value, -0) ? '-0' : String(value) };
    case 'bigint':
      return { $bigint: String(value) };
    case 'bytes':
      return { $bytes: Buffer.from(value as Uint8Array).toString('base64') };
    case 'date':
      return Number.isNaN((value as Date).getTime()) ? null : { $date: (value as Date).toISOString() };
    case 'array':
      return (value as unknown[]).map((item) => toJson(item, depth + 1));
    case 'json':
      return toJson((value as { toJSON(): unknown }).toJSON(), depth + 1);
    case 'object': {
      const out: Record<string, unknown> = {};
      const keys = Object.keys(value as object);
      for (const key of keys) {
        const item = (value as Record<string, unknown>)[key];
        if (key === '__proto__') throw unsupported('an object has a key "__proto__"');
        if (item !== undefined) out[key] = toJson(item, depth + 1);
      }
      return looksTagged(out) ? { $object: out } : out;
    }
    default:
      return value;
  }
}

/** Looks at what is sent: an object loses its undefined members on the way. */
function looksTagged(value: object): boolean {
  let count = 0;
  for (const key in value) if (++count > 1 || !TAGS.has(key)) return false;
  return count === 1;
}

function fromJson(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return wellFormed(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) throw new MalformedBytes('nested too deep');
  if (Array.isArray(value)) return value.map((item) => fromJson(item, depth + 1));
  if (!looksTagged(value)) return plain(value as Record<string, unknown>, depth);
  const [tag] = Object.keys(value);
  return untag(tag!, (value as Record<string, unknown>)[tag!], depth);
}

function plain(value: Record<string, unknown>, depth: number): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    if (key === '__proto__') throw new MalformedBytes('a key is "__proto__"');
    out[wellFormed(key)] = fromJson(value[key], depth + 1);
  }
  return out;
}

function untag(tag: string, value: unknown, depth: number): unknown {
  if (tag === '$object' && typeof value === 'object' && value !== null && !Array.isArray(value)) return plain(value as Record<string, unknown>, depth + 1);
  if (typeof value === 'string') {
    if (tag === '$bytes') return new Uint8Array(Buffer.from(value, 'base64'));
    if (tag === '$date' && !Number.isNaN(Date.parse(value))) return new Date(value);
    if (tag === '$bigint' && /^-?\d{1,19}$/.test(value)) return int64(value);
    if (tag === '$number' && /^(-0|NaN|-?Infinity)$/.test(value)) return Number(value);
  }
  throw new MalformedBytes(`a broken ${tag}`);
}

function int64(text: string): bigint {
  const value = BigInt(text);
  if (value < INT64_MIN || value > INT64_MAX) throw new MalformedBytes('a broken $bigint');
  return value;
}

/** JSON can spell half a character (`"\ud800"`), UTF-8 and therefore the other codecs cannot. */
function wellFormed(text: string): string {
  return /[\ud800-\udfff]/.test(text) ? Buffer.from(text).toString() : text;
}
