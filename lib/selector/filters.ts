import type { NodeFilter } from '../common/selection.js';
import type { ServiceNode } from '../common/service-node.js';

/** Metadata that takes a node out of every strategy while it stays reachable by its id (mqant's tutorial): `state: forbidden`. */
const STATE_KEY = 'state';
const FORBIDDEN = 'forbidden';

/** True for a node that only `type@id` may reach. */
export function isForbidden(node: ServiceNode): boolean {
  return node.metadata[STATE_KEY] === FORBIDDEN;
}

/** Nodes of exactly this version. @public */
export function version(wanted: string): NodeFilter {
  return keyed(`version(${JSON.stringify(wanted)})`, (node) => node.version === wanted);
}

/** Nodes whose metadata has this value under this key. @public */
export function label(key: string, value: string): NodeFilter {
  return keyed(`label(${JSON.stringify(key)}, ${JSON.stringify(value)})`, (node) => Object.hasOwn(node.metadata, key) && node.metadata[key] === value);
}

/** Nodes that the filter refuses. @public */
export function not(filter: NodeFilter): NodeFilter {
  return keyed(filter.key && `not(${filter.key})`, (node) => !filter(node));
}

/** Nodes that at least one of the filters accepts; none when there are none. @public */
export function any(...filters: readonly NodeFilter[]): NodeFilter {
  const keys = filters.map((filter) => filter.key);
  return keyed(keys.every((key) => key !== undefined) ? `any(${keys.join(', ')})` : undefined, (node) => filters.some((filter) => filter(node)));
}

/**
 * A filter of your own. With a key it runs once per change of the nodes instead of on every call; the same key must always mean the same nodes.
 * @public
 */
export function where(accepts: (node: ServiceNode) => boolean, key?: string): NodeFilter {
  // Set apart from the built-in keys, so that a user's key cannot collide with them.
  return keyed(key === undefined ? undefined : `where(${JSON.stringify(key)})`, (node) => accepts(node));
}

function keyed(key: string | undefined, accepts: (node: ServiceNode) => boolean): NodeFilter {
  return Object.assign(accepts, key === undefined ? undefined : { key });
}
