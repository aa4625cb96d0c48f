import type { NodeFilter } from '../common/selection.js';
import { NODE_META } from '../common/service-node.js';

/** Nodes that have this tag in the registry (Consul's tags), or whose environment it is. @public */
export function tagged(tag: string): NodeFilter {
  const filter: NodeFilter = ({ metadata }) => metadata[NODE_META.environment] === tag || (metadata[NODE_META.tags]?.split(',').includes(tag) ?? false);
  return Object.assign(filter, { key: `tagged(${JSON.stringify(tag)})` });
}
