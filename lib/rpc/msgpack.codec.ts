import { MalformedBytes, type ByteReader } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';
import type { Codec } from './codec.js';
import { KeyCache } from './key-cache.js';
import { read } from './msgpack-read.js';
import { write } from './msgpack-write.js';
import { encodeFailed } from './unsupported-place.js';

/**
 * MessagePack (msgpack.org spec, 2013). Own code because it is on the path of every call: it writes into the batch's buffer without an
 * intermediate one (docs/adr/0002). Numbers: integers of up to 32 bits as such, all others as float 64; a bigint is int 64 and comes
 * back as bigint. Dates are the timestamp extension.
 */
export function msgpack(): Codec {
  const keys = new KeyCache();
  return { name: 'msgpack', encode, decode: (reader) => decode(reader, keys) };
}

function encode(value: unknown, out: ByteWriter): void {
  try {
    write(value, out, 0);
  } catch (error) {
    throw encodeFailed(error, value);
  }
}

function decode(reader: ByteReader, keys: KeyCache): unknown {
  const value = read(reader, 0, keys);
  if (reader.at !== reader.end) throw new MalformedBytes(`${reader.remaining} bytes after the value`);
  return value;
}
