const DIGIT_BITS = 11;
const DIGITS = 2 ** DIGIT_BITS;
const DIGIT_MASK = DIGITS - 1;
/** Below this many the counters of the digits cost more than they save. */
const FEW = 4096;

/**
 * Sorts keys, and values along with them; equal keys keep their order. By digits (least significant first), because the sort of typed arrays cannot take values
 * along and a ring has a point for each node several times over. May return the given arrays or new ones.
 */
export function sortByKey(keys: Uint32Array, values: Uint32Array): [keys: Uint32Array, values: Uint32Array] {
  if (keys.length < FEW) return sortFew(keys, values);
  let from = { keys, values };
  let to = { keys: new Uint32Array(keys.length) as Uint32Array, values: new Uint32Array(keys.length) as Uint32Array };
  const places = new Uint32Array(DIGITS);
  for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
    pass(from.keys, from.values, to.keys, to.values, places, shift);
    [from, to] = [to, from];
  }
  return [from.keys, from.values];
}

/** Puts everything in the order of one digit. */
function pass(keys: Uint32Array, values: Uint32Array, toKeys: Uint32Array, toValues: Uint32Array, places: Uint32Array, shift: number): void {
  places.fill(0);
  for (let i = 0; i < keys.length; i++) places[(keys[i]! >>> shift) & DIGIT_MASK]!++;
  for (let digit = 0, sum = 0; digit < DIGITS; digit++) {
    const count = places[digit]!;
    places[digit] = sum;
    sum += count;
  }
  for (let i = 0; i < keys.length; i++) {
    const place = places[(keys[i]! >>> shift) & DIGIT_MASK]!++;
    toKeys[place] = keys[i]!;
    toValues[place] = values[i]!;
  }
}

/** Key and place in one number: exact, because 32 bits of key and 12 of place fit into the 53 of a double. */
function sortFew(keys: Uint32Array, values: Uint32Array): [keys: Uint32Array, values: Uint32Array] {
  const packed = Float64Array.from(keys, (key, i) => key * FEW + i).sort();
  return [Uint32Array.from(packed, (pair) => Math.floor(pair / FEW)), Uint32Array.from(packed, (pair) => values[pair % FEW]!)];
}
