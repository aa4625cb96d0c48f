import type { ByteReader } from './byte-reader.js';

const SLOTS = 512;
const MAX_BYTES = 24;

/**
 * Names of members seen lately. Messages repeat them without end: to compare a few bytes with a string that V8 already knows
 * as a property name is half the cost of decoding an object. Bounded, and a stranger's names only push others out.
 */
export class KeyCache {
  private readonly bytes: (Uint8Array | undefined)[] = new Array<Uint8Array | undefined>(SLOTS).fill(undefined);
  private readonly texts: string[] = new Array<string>(SLOTS).fill('');

  /** As `reader.utf8(count)`. */
  read(reader: ByteReader, count: number): string {
    if (count === 0 || count > MAX_BYTES) return reader.utf8(count);
    reader.need(count);
    const { bytes, at } = reader;
    const slot = (bytes[at]! * 31 + bytes[at + (count >> 1)]! * 17 + bytes[at + count - 1]! * 7 + count) & (SLOTS - 1);
    const known = this.bytes[slot];
    if (known !== undefined && known.length === count) {
      let i = 0;
      while (i < count && known[i] === bytes[at + i]) i++;
      if (i === count) {
        reader.at = at + count;
        return this.texts[slot]!;
      }
    }
    const text = reader.utf8(count);
    this.bytes[slot] = new Uint8Array(bytes.subarray(at, at + count));
    this.texts[slot] = text;
    return text;
  }
}
