import { systemRandom, type RandomSource } from '../common/clock.js';
import type { Selector } from '../common/selection.js';

/** Any node with the same chance: mqant's default, and ours. @public */
export function random(source: RandomSource = systemRandom): Selector {
  return {
    name: 'random',
    pick: (candidates) => candidates[Math.floor(source.next() * candidates.length)],
  };
}
