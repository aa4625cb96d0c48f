import type { Selector } from '../common/selection.js';
import type { ServiceNode } from '../common/service-node.js';
import { scoresOf } from './selector-view.js';

/**
 * One node after the other. mqant's builds a new counter for each call and so is random (W-45); this one counts per service, and within it per set
 * of candidates: two kinds of calls with different filters, taking turns, would otherwise each see every second node only.
 * @public
 */
export function roundRobin(): Selector {
  const bySet = new WeakMap<readonly ServiceNode[], { next: number }>();
  // Where a new set goes on, so that frequent changes of a service do not favour its first nodes.
  const byService = new Map<string, number>();
  return {
    name: 'roundRobin',
    pick(candidates, { type }) {
      let counter = bySet.get(candidates);
      if (counter === undefined) {
        const start = byService.get(type) ?? 0;
        byService.set(type, start + 1);
        bySet.set(candidates, (counter = { next: start % candidates.length }));
      }
      const node = candidates[counter.next];
      if (++counter.next >= candidates.length) counter.next = 0;
      return node;
    },
    explain(candidates, { type }) {
      const next = bySet.get(candidates)?.next ?? (byService.get(type) ?? 0) % candidates.length;
      return { choice: candidates[next], certain: true, scoring: 'turns to wait', scores: scoresOf(candidates, (_, i) => (i - next + candidates.length) % candidates.length) };
    },
  };
}
