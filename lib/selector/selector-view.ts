import type { SelectorView } from '../common/explanation.js';
import type { ServiceNode } from '../common/service-node.js';

/** Scores for {@link SelectorView}. */
export function scoresOf(candidates: readonly ServiceNode[], score: (node: ServiceNode, index: number) => number): ReadonlyMap<string, number> {
  return new Map(candidates.map((node, i) => [node.id, score(node, i)]));
}

/** What a strategy does that draws by weight; `weightOf` gives no negative numbers. Draws with `point` in [0, 1), which must not come from the strategy's own source. */
export function viewOfChance(candidates: readonly ServiceNode[], point: number, weightOf: (node: ServiceNode) => number = () => 1): SelectorView {
  const total = candidates.reduce((sum, node) => sum + weightOf(node), 0);
  const possible = candidates.filter((node) => weightOf(node) > 0);
  let left = point * total;
  const choice = possible.find((node) => (left -= weightOf(node)) < 0) ?? possible.at(-1);
  return { choice, certain: possible.length <= 1, scoring: 'chance', scores: scoresOf(candidates, (node) => (total > 0 ? weightOf(node) / total : 0)) };
}
