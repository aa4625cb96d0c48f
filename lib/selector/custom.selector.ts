import type { PickHint, Selector } from '../common/selection.js';
import type { ServiceNode } from '../common/service-node.js';

/**
 * A strategy of your own. `choose` gets the nodes that passed the filters, never none, and returns one of them, or undefined when none fits (the
 * call then fails with NO_NODE_MATCHES). It runs on every call: keep what it computes from the nodes in a WeakMap by the array, which is the
 * same object as long as the nodes are the same.
 * @public
 */
export function custom(choose: (candidates: readonly ServiceNode[], hint: PickHint) => ServiceNode | undefined, name = choose.name || 'custom'): Selector {
  return { name, pick: choose };
}
