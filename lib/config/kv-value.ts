import { BootError } from '../common/boot-error.js';
import { type JsonDocument, parseJsonc } from './jsonc.js';

/** Longer values are no config. */
const MAX_VALUE_BYTES = 1 << 20;

/** A value of a key-value store, read; `document` knows where its keys stand. */
export interface KvValue {
  readonly value: unknown;
  readonly document?: JsonDocument;
}

/**
 * Values are JSON, with comments. What cannot be meant as JSON (it begins with no bracket and no quote, and is no number and no word of JSON) is a text:
 * people write `hello` and mean "hello".
 * @param place of the key, for the message
 * @throws BootError CONFIG_SYNTAX with line and column, never with the text
 */
export function parseKvValue(bytes: Uint8Array, place: string): KvValue {
  if (bytes.length > MAX_VALUE_BYTES) throw new BootError('CONFIG_SYNTAX', `${place}: ${bytes.length} bytes are no config; the most is ${MAX_VALUE_BYTES}`);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8').replace(/^\uFEFF/, '');
  const body = text.trim();
  if (body === '') return { value: '' };
  if (/^([[{"]|\/[/*])/.test(body)) {
    const document = parseJsonc(text, place);
    return { value: document.value, document };
  }
  // Numbers only when no digit is lost, as in variables: long ids stay texts.
  if (/^(true|false|null)$/.test(body) || (/^-?\d/.test(body) && String(Number(body)) === body)) return { value: JSON.parse(body) as unknown };
  return { value: text };
}

/** The text of a value that {@link parseKvValue} reads as the same one. @throws TypeError for what is no JSON */
export function kvText(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`${typeof value} is no JSON`);
  return text;
}
