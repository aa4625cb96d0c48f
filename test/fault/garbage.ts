/** Repeatable randomness (mulberry32): a failure prints its seed. */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** A message that nobody should have sent: noise, or a real one that went wrong on its way. */
export function garbage(below: (limit: number) => number, real: readonly Uint8Array[]): Uint8Array {
  const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, () => below(256)));
  const some = (): Buffer => Buffer.from(real[below(real.length)]!);
  const bytes = some();
  switch (below(10)) {
    case 0:
      return noise(below(300));
    case 1: // cut short
      return bytes.subarray(0, below(bytes.length + 1));
    case 2: // something behind it
      return Buffer.concat([bytes, noise(1 + below(40))]);
    case 3: // two halves of different messages
      return Buffer.concat([bytes.subarray(0, below(bytes.length + 1)), some().subarray(below(20))]);
    case 4: // a real beginning
      return Buffer.concat([bytes.subarray(0, Math.min(bytes.length, 30 + below(40))), noise(below(100))]);
    case 5: { // a part again and again
      const at = below(bytes.length);
      const part = bytes.subarray(at, at + 1 + below(30));
      return Buffer.concat([bytes.subarray(0, at), ...Array.from({ length: 1 + below(50) }, () => part)]);
    }
    case 6: { // lengths that promise too much
      const at = below(bytes.length);
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([0xff, 0xff, 0xff, 0xff, below(128)]), bytes.subarray(at)]);
    }
    case 7:
      return bytes;
    default: // a few bytes changed
      for (let changes = 1 + below(6); changes > 0; changes--) bytes[below(bytes.length)] = below(256);
      return bytes;
  }
}
