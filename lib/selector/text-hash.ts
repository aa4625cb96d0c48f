/** Spreads 32 bits over 32 bits, one to one: the last steps of MurmurHash3 (public domain). */
export function scatter(bits: number): number {
  let hash = bits;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** 32 bits of a text, the same in every process: FNV-1a over its UTF-16 units, scattered. Not for secrets. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return scatter(hash);
}

/** The `i`-th of the numbers that follow from a hash. */
export function nthHash(hash: number, i: number): number {
  // Steps of the golden ratio, so that neighbours of i are far apart before they are scattered.
  return scatter(hash + Math.imul(i, 0x9e3779b9));
}
