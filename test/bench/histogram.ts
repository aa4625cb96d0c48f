/** Buckets to each doubling: neighbours are 0.5 % apart. */
const PER_OCTAVE = 128;
const OCTAVES = 34;
const LEAST_US = 0.01;

/** Latencies in buckets that grow with the value: a fixed 34 kB, however many are recorded. */
export class Histogram {
  private readonly buckets = new Float64Array(PER_OCTAVE * OCTAVES);
  private total = 0;

  get count(): number {
    return this.total;
  }

  /** @param us microseconds */
  record(us: number): void {
    const at = us <= LEAST_US ? 0 : Math.min(this.buckets.length - 1, (Math.log2(us / LEAST_US) * PER_OCTAVE) | 0);
    this.buckets[at]!++;
    this.total++;
  }

  /** @param share 0.99 for p99; the result is NaN when nothing was recorded */
  quantile(share: number): number {
    let left = Math.ceil(this.total * share);
    for (let at = 0; at < this.buckets.length; at++) {
      left -= this.buckets[at]!;
      if (left <= 0 && this.total > 0) return LEAST_US * 2 ** ((at + 0.5) / PER_OCTAVE);
    }
    return NaN;
  }
}
