import { NODE_META, type ServiceNode } from '../../common/service-node.js';
import type { Discovery, ServiceSnapshot } from '../../registry/registry.js';
import { snapshotOf } from '../../registry/snapshot.js';

/** Addresses that are given, as a registry: so that selection and failover work for them as they do for nodes that come and go. */
export function staticDiscovery(service: string, addresses: readonly string[]): Discovery {
  const nodes = addresses.map((address): ServiceNode => ({ id: `${service}@${address}`, type: service, version: '', address, metadata: { [NODE_META.grpc]: address } }));
  const snapshot = snapshotOf(service, nodes);
  return {
    get: async (name): Promise<ServiceSnapshot> => (name === service ? snapshot : snapshotOf(name, [])),
    list: async () => [service],
    async *watch(_name, signal): AsyncIterable<ServiceSnapshot> {
      yield snapshot;
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener('abort', () => resolve(), { once: true });
      });
    },
  };
}
