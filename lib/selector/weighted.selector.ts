import { systemRandom, type RandomSource } from '../common/clock.js';
import type { Selector } from '../common/selection.js';
import type { ServiceNode } from '../common/service-node.js';
import { isForbidden } from './filters.js';
import { viewOfChance } from './selector-view.js';

/** How {@link weighted} reads a weight; all optional. @public */
export interface WeightedOptions {
  /** Metadata key that holds the weight, a number of 0 or more. @default 'weight' */
  key?: string;
  /** Weight of nodes without that key, or with something there that is not such a number. @default 100 */
  default?: number;
  /** @default the machine's */
  random?: RandomSource;
}

/**
 * Random by weight from metadata, so that `weight: 200` gets twice the calls of `weight: 100` and `weight: 0` none. When all weights are 0 it is
 * plain random. Nodes with `state: forbidden` are never chosen. This is the strategy of mqant's tutorial.
 * @public
 */
export function weighted(options: WeightedOptions = {}): Selector {
  const { key = 'weight', default: standard = 100, random = systemRandom } = options;
  // Running totals per set of candidates, made once: a pick is one random number and a binary search.
  const totals = new WeakMap<readonly ServiceNode[], Float64Array>();

  const weigh = (candidates: readonly ServiceNode[], weightOf: (node: ServiceNode) => number) => {
    let sum = 0;
    return Float64Array.from(candidates, (node) => (sum += weightOf(node)));
  };
  const allowed = (node: ServiceNode) => (isForbidden(node) ? 0 : 1);
  const allowedWeight = (node: ServiceNode) => allowed(node) * weightOf(node.metadata[key], standard);
  const compile = (candidates: readonly ServiceNode[]) => {
    const byWeight = weigh(candidates, allowedWeight);
    return byWeight.at(-1)! > 0 ? byWeight : weigh(candidates, allowed);
  };

  return {
    name: 'weighted',
    pick(candidates) {
      let running = totals.get(candidates);
      if (running === undefined) totals.set(candidates, (running = compile(candidates)));
      const total = running[running.length - 1]!;
      return total > 0 ? candidates[firstAbove(running, random.next() * total)] : undefined;
    },
    explain(candidates) {
      const isWeighted = candidates.some((node) => allowedWeight(node) > 0);
      const view = viewOfChance(candidates, systemRandom.next(), isWeighted ? allowedWeight : allowed);
      return isWeighted ? view : { ...view, notes: ['all weights are 0: any node, with the same chance'] };
    },
  };
}

function weightOf(text: string | undefined, standard: number): number {
  if (text === undefined || text.trim() === '') return standard;
  const weight = Number(text);
  return Number.isFinite(weight) && weight >= 0 ? weight : standard;
}

/** Index of the first running total above `point`. */
function firstAbove(running: Float64Array, point: number): number {
  let low = 0;
  let high = running.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (running[middle]! > point) high = middle;
    else low = middle + 1;
  }
  return low;
}
