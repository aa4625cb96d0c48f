import type { HttpReply } from './exchange.js';

/** Statuses that carry no body. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);
const JSON_HEADERS = Object.freeze({ 'content-type': 'application/json; charset=utf-8' });

/** A handler's result as an answer: bytes are bytes, all else is JSON. Wires do not tell nothing from null: both are `null`. */
export function replyOf(result: unknown, status = 200): HttpReply {
  if (BODILESS.has(status)) return { status, headers: {}, body: undefined };
  if (result instanceof Uint8Array) return { status, headers: { 'content-type': 'application/octet-stream' }, body: result };
  return { status, headers: JSON_HEADERS, body: toJson(result) };
}

/** JSON with bigints as numbers where those hold them and as texts where not, bytes in base64, maps as objects and sets as arrays. */
export function toJson(value: unknown): string {
  // A replacer makes it several times slower, and few results need one.
  return (isPlain(value, 0) ? JSON.stringify(value) : JSON.stringify(value, replacer)) ?? 'null';
}

const MAX_DEPTH = 100;

function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'bigint') return false;
  if (typeof value !== 'object' || value === null) return true;
  if (depth > MAX_DEPTH || ArrayBuffer.isView(value) || value instanceof Map || value instanceof Set) return false;
  for (const key in value) if (!isPlain((value as Record<string, unknown>)[key], depth + 1)) return false;
  return true;
}

/** Buffers have been turned into objects by the time a replacer gets them: the original is in the holder. */
function replacer(this: unknown, key: string, value: unknown): unknown {
  const original = (this as Record<string, unknown>)[key];
  if (typeof original === 'bigint') return Number.isSafeInteger(Number(original)) ? Number(original) : original.toString();
  if (original instanceof Uint8Array) return Buffer.from(original.buffer, original.byteOffset, original.byteLength).toString('base64');
  if (original instanceof Map) return Object.fromEntries(original);
  if (original instanceof Set) return [...original];
  return value;
}
