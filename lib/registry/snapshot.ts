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
  const old = new Map(previous?.nodes.map((node) => [node.id, node]));
  const fresh = new Map<string, ServiceNode>();
  for (const node of nodes) {
    const before = old.get(node.id);
    fresh.set(node.id, before !== undefined && sameNode(before, node) ? before : node);
  }
  const sorted = [...fresh.values()].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  if (previous !== undefined && sorted.length === previous.nodes.length && sorted.every((node, i) => node === previous.nodes[i])) return previous;
  return Object.freeze({ service, nodes: Object.freeze(sorted) });
}
