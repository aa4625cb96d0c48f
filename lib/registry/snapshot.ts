import type { ServiceNode } from '../common/service-node.js';
import type { ServiceSnapshot } from './registry.js';

/** True when callers could not tell the two apart. */
export function sameNode(a: ServiceNode, b: ServiceNode): boolean {
  if (a === b) return true;
  if (a.id !== b.id || a.type !== b.type || a.version !== b.version || a.address !== b.address) return false;
  const keys = Object.keys(a.metadata);
  if (keys.length !== Object.keys(b.metadata).length) return false;
  return keys.every((key) => Object.hasOwn(b.metadata, key) && a.metadata[key] === b.metadata[key]);
}

/** A frozen copy: what a registry hands out is nobody's to change (mqant's cache and watcher mutated the same objects, W-39). */
export function freezeNode(node: ServiceNode): ServiceNode {
  const { id, type, version, address } = node;
  // fromEntries defines own properties, so that a foreign key `__proto__` stays a key.
  return Object.freeze({ id, type, version, address, metadata: Object.freeze(Object.fromEntries(Object.entries(node.metadata))) });
}

/**
 * The snapshot of these nodes, sorted by id, of one id the last. Content equal to `previous` gives `previous` itself, and nodes that did not
 * change keep their identity: "is it another object" then answers "did it change" for everybody above.
 */
export function snapshotOf(service: string, nodes: Iterable<ServiceNode>, previous?: ServiceSnapshot): ServiceSnapshot {
  const changes = changesBetween(previous?.nodes ?? NONE, [...nodes]);
  if (changes === undefined && previous !== undefined) return previous;
  return Object.freeze({ service, nodes: changes?.nodes ?? NONE });
}

const NONE: readonly ServiceNode[] = Object.freeze([]);

/** What differs between the nodes of a service before and after. */
export interface SnapshotChanges {
  /** All of them now: sorted by id; those that did not change are the same objects as before. */
  readonly nodes: readonly ServiceNode[];
  readonly added: readonly ServiceNode[];
  /** As they are now. */
  readonly changed: readonly ServiceNode[];
  readonly removed: readonly ServiceNode[];
}

/**
 * Compares two sets of nodes in one pass; undefined when nothing differs. A service of thousands of nodes changes many times a second, nearly all of them being
 * what they were.
 * @param before sorted by id
 * @param given sorted by id in a good registry; sorted here when it is not
 */
export function changesBetween(before: readonly ServiceNode[], given: readonly ServiceNode[]): SnapshotChanges | undefined {
  const after = isSorted(given) ? given : sorted(given);
  const nodes: ServiceNode[] = [];
  const added: ServiceNode[] = [];
  const changed: ServiceNode[] = [];
  const removed: ServiceNode[] = [];
  let old = 0;
  for (const node of after) {
    while (old < before.length && before[old] !== node && before[old]!.id < node.id) removed.push(before[old++]!);
    const was = before[old];
    if (was === undefined || was.id !== node.id) {
      nodes.push(node);
      added.push(node);
      continue;
    }
    old++;
    if (sameNode(was, node)) nodes.push(was);
    else {
      nodes.push(node);
      changed.push(node);
    }
  }
  while (old < before.length) removed.push(before[old++]!);
  return added.length + changed.length + removed.length === 0 ? undefined : { nodes: Object.freeze(nodes), added, changed, removed };
}

function isSorted(nodes: readonly ServiceNode[]): boolean {
  for (let i = 1; i < nodes.length; i++) if (!(nodes[i - 1]!.id < nodes[i]!.id)) return false;
  return true;
}

/** By id; of one id the last. */
function sorted(nodes: readonly ServiceNode[]): ServiceNode[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
