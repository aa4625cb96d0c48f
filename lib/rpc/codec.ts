import type { ByteReader } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';

/**
 * Turns one value into bytes and back. `msgpack()` is the default, `json()` the readable one; both pass `codecContract`.
 * What must survive: null, booleans, finite and infinite numbers, strings, bigint in int64 range, Uint8Array, Date, arrays, plain objects.
 * `undefined` in an object is left out, elsewhere it is null. Anything else is refused.
 * @plugin
 */
export interface Codec {
  /** Named on the wire, so that the callee finds the same one. */
  readonly name: string;
  /** @throws RpcError UNSUPPORTED_VALUE naming the place inside the value */
  encode(value: unknown, out: ByteWriter): void;
  /** Reads exactly one value from `reader.at` to `reader.end`. @throws MalformedBytes */
  decode(reader: ByteReader): unknown;
}
