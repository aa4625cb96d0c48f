import { RpcError } from '../../common/rpc-error.js';
import { MalformedBytes } from '../../rpc/byte-reader.js';
import { kindOf, tooDeep, unsupported } from '../../rpc/plain-value.js';
import { TypedValue } from '../../common/value-types.js';

/**
 * JSON as Go's encoding/json writes it: bytes in it are base64, and what JSON cannot say is refused instead of silently changed.
 * @throws RpcError UNSUPPORTED_VALUE
 */
export function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value, replacer);
  } catch (error) {
    if (RpcError.is(error)) throw error;
    // What JSON.stringify itself throws: a cycle (TypeError) or no stack left (RangeError).
    if (error instanceof RangeError || (error instanceof TypeError && error.message.includes('circular'))) throw tooDeep();
    throw unsupported(`a value cannot be turned into JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** `this` is the holder: what `toJSON` has already replaced (Buffer's, for one) is still to be seen there. */
function replacer(this: unknown, key: string, value: unknown): unknown {
  const original = (this as Record<string, unknown>)[key];
  return scalar(original instanceof TypedValue ? original.value : original, value);
}

function scalar(original: unknown, value: unknown): unknown {
  switch (kindOf(original)) {
    case 'number':
      if (!Number.isFinite(original)) throw unsupported(`${String(original)} has no form in JSON`);
      return original;
    case 'bigint':
      if (!Number.isSafeInteger(Number(original))) throw unsupported(`the bigint ${String(original)} inside a map or array is not exact in JSON; send it as a string, or as an argument of its own`);
      return Number(original);
    case 'bytes':
      return Buffer.from(original as Uint8Array).toString('base64');
    case 'json':
    case 'date':
      return value;
    default:
      return original;
  }
}

/** Cheap doubt before the walk: the key may be written with escapes. */
const SUSPECT = /__proto__|\\u/i;

/**
 * JSON from a stranger. A key `__proto__` is refused: code that copies properties would set a prototype with it.
 * @throws MalformedBytes
 */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = SUSPECT.test(text) ? JSON.parse(text, refuseProto) : JSON.parse(text);
  } catch (error) {
    throw error instanceof MalformedBytes ? error : new MalformedBytes(`not JSON: ${(error as Error).message}`);
  }
  return value;
}

function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new MalformedBytes('a key is "__proto__"');
  return value;
}
