/** Numbers in [0, 1), the same for each run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const ALPHABET = ['a', 'Z', '0', ' ', '"', '\\', '\n', '\0', 'é', '\u07ff', '你', '\uffff', '😀', '$', '.', 'toString'];

/** Any value that codecs must keep. */
export function randomValue(next: () => number, depth = 0): unknown {
  const int = (below: number): number => Math.floor(next() * below);
  const text = (): string => Array.from({ length: int(next() < 0.1 ? 400 : 20) }, () => ALPHABET[int(ALPHABET.length)]!).join('');
  switch (int(depth < 5 ? 13 : 10)) {
    case 0:
      return null;
    case 1:
      return next() < 0.5;
    case 2:
      return int(2 ** int(33)) * (next() < 0.5 ? -1 : 1) || 0;
    case 3:
      return (next() - 0.5) * 10 ** (int(600) - 300);
    case 4:
      return [NaN, Infinity, -Infinity, -0][int(4)];
    case 5:
      return BigInt.asIntN(64, (BigInt(int(2 ** 32)) << 32n) | BigInt(int(2 ** 32))) >> BigInt(int(64));
    case 6:
    case 7:
      return text();
    case 8:
      return Uint8Array.from({ length: int(next() < 0.1 ? 300 : 10) }, () => int(256));
    case 9:
      return new Date(int(2 ** 42) * (next() < 0.2 ? -1 : 1));
    case 10:
      return Array.from({ length: int(next() < 0.1 ? 40 : 5) }, () => randomValue(next, depth + 1));
    default:
      return Object.fromEntries(Array.from({ length: int(next() < 0.1 ? 40 : 5) }, () => [next() < 0.1 ? '$date' : text(), randomValue(next, depth + 1)]));
  }
}
