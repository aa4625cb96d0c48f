import { systemRandom, type RandomSource } from '../common/clock.js';
import type { Selector } from '../common/selection.js';
import { InFlight } from './in-flight.js';
import { scoresOf } from './selector-view.js';

/**
 * Of two nodes chosen at random, the one with fewer of our calls in flight. Avoids slow nodes without a look at all of them, and without all
 * callers running to the one that seems idle.
 * @public
 */
export function leastInFlight(source: RandomSource = systemRandom): Selector {
  const inFlight = new InFlight();
  return {
    name: 'leastInFlight',
    pick: (candidates) => inFlight.lessBusy(candidates, source, 1),
    done: (node) => inFlight.end(node),
    explain(candidates) {
      const loads = inFlight.of(candidates);
      return {
        choice: inFlight.lessBusy(candidates, systemRandom, 0),
        certain: candidates.length === 1,
        scoring: 'calls in flight',
        scores: scoresOf(candidates, (_, i) => loads[i]!.calls),
        notes: ['the less busy one of two nodes that chance draws'],
      };
    },
  };
}
