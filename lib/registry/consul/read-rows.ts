import type { ConsulHealthEntry, ConsulRegistration } from '../../backend/consul/consul.rows.js';
import { NODE_META, type ServiceNode } from '../../common/service-node.js';
import type { ConsulRecord } from './consul.record.js';
import { fromEndpointRow } from './endpoint-row.js';
import { mqantRecord } from './mqant.record.js';
import type { RowMemo } from './row-memo.js';

const mqant = mqantRecord();

/** One row as node: by the first record that takes it, at last by what any row can be read as. */
export function readRow(entry: ConsulHealthEntry, type: string, records: readonly ConsulRecord[]): ServiceNode | undefined {
  for (const record of records) {
    const node = record.decode(entry, type);
    if (node !== undefined) return node;
  }
  return mqant.decode(entry, type) ?? fromEndpointRow(entry, type);
}

/**
 * The healthy nodes of an answer for `name`. Rows with a critical check (of the service or its host) are left out; `warning` counts as healthy.
 * What stands there twice comes once, see {@link distinct}.
 * @param memo of the watch that got the answer
 */
export function readRows(name: string, type: string, entries: readonly ConsulHealthEntry[], records: readonly ConsulRecord[], memo?: RowMemo): ServiceNode[] {
  // In one order, whatever Consul's is: of rows that say the same node differently always the same one counts.
  const ordered = entries.filter((entry) => typeof entry.Service?.ID === 'string' && entry.Service.ID !== '').sort((a, b) => (a.Service!.ID! < b.Service!.ID! ? -1 : 1));
  const nodes = ordered.flatMap((entry) => {
    const { Service } = entry.Service!;
    // Consul looks names up without regard to case; mqant's callers do not.
    if (Service !== undefined && Service !== name) return [];
    if ((entry.Checks ?? []).some((check) => check.Status === 'critical')) return [];
    const decode = () => readRow(entry, type, records);
    return (memo === undefined ? decode() : memo.read(entry, decode)) ?? [];
  });
  memo?.turn();
  return distinct(nodes);
}

/**
 * One node for each id and each gRPC endpoint. A node can stand in Consul in several ways, some of which do not say which node it is; its own id, which ways
 * with metadata have, wins over one made of the id in Consul.
 */
export function distinct(nodes: readonly ServiceNode[]): ServiceNode[] {
  const byEndpoint = new Map<string, ServiceNode>();
  for (const node of nodes) {
    const endpoint = node.metadata[NODE_META.grpc];
    const known = endpoint === undefined ? undefined : byEndpoint.get(endpoint);
    if (endpoint !== undefined && (known === undefined || (isForeign(known) && !isForeign(node)))) byEndpoint.set(endpoint, node);
  }
  const seen = new Set<string>();
  return nodes.filter((node) => {
    const endpoint = node.metadata[NODE_META.grpc];
    const isSecond = seen.has(node.id) || (isForeign(node) && byEndpoint.get(endpoint!) !== node);
    seen.add(node.id);
    return !isSecond;
  });
}

/** Known by its endpoint only. */
function isForeign(node: ServiceNode): boolean {
  return node.metadata[NODE_META.wires] === 'grpc';
}

/** What Consul will show of a registration. */
export function rowOf({ ID, Name, Address, Port, Tags, Meta, Weights }: ConsulRegistration): ConsulHealthEntry {
  return {
    Service: { ID, Service: Name, Address, Tags, Weights: Weights ?? { Passing: 1, Warning: 1 }, ...(Port !== undefined && { Port }), ...(Meta && { Meta }) },
    Checks: [],
  };
}
