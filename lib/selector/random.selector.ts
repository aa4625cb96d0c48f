import { systemRandom, type RandomSource } from '../common/clock.js';
import type { Selector } from '../common/selection.js';
import { viewOfChance } from './selector-view.js';

/** Any node with the same chance: mqant's default, and ours. @public */
export function random(source: RandomSource = systemRandom): Selector {
  return {
    name: 'random',
    pick: (candidates) => candidates[Math.floor(source.next() * candidates.length)],
    explain: (candidates) => viewOfChance(candidates, systemRandom.next()),
  };
}
