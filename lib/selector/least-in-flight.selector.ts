import { systemRandom, type RandomSource } from '../common/clock.js';
import type { Selector } from '../common/selection.js';

/**
 * Of two nodes chosen at random, the one with fewer of our calls in flight. Avoids slow nodes without a look at all of them, and without all
 * callers running to the one that seems idle.
 * @public
 */
export function leastInFlight(source: RandomSource = systemRandom): Selector {
  const inFlight = new Map<string, number>();
  return {
    name: 'leastInFlight',
    pick(candidates) {
      const count = candidates.length;
      const first = Math.floor(source.next() * count);
      let node = candidates[first];
      if (count > 1) {
        // Any but the first, each with the same chance.
        const other = candidates[(first + 1 + Math.floor(source.next() * (count - 1))) % count]!;
        if ((inFlight.get(other.id) ?? 0) < (inFlight.get(node!.id) ?? 0)) node = other;
      }
      if (node !== undefined) inFlight.set(node.id, (inFlight.get(node.id) ?? 0) + 1);
      return node;
    },
    done({ id }) {
      const left = (inFlight.get(id) ?? 0) - 1;
      // Ids of nodes that are gone must not stay.
      if (left > 0) inFlight.set(id, left);
      else inFlight.delete(id);
    },
  };
}
