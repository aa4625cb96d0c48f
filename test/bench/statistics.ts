/** The middle one; of an even number the mean of the middle two. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * How many times `ours` is of `theirs`: the median over rounds of the two values of one round, which were measured within seconds of each
 * other. A machine that gets slower or busier during a run changes both.
 */
export function ratio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, round) => value / (theirs[round] ?? NaN)));
}

/** Change of `values` for each step of `at`, by least squares. */
export function slope(at: readonly number[], values: readonly number[]): number {
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [meanAt, meanValue] = [mean(at), mean(values)];
  const products = at.map((x, i) => (x - meanAt) * (values[i]! - meanValue));
  const squares = at.map((x) => (x - meanAt) ** 2);
  return mean(products) / mean(squares);
}
