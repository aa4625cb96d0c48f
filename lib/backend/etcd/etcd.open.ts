import type { EtcdClient } from './etcd.client.js';
import type { EtcdConnection } from './etcd.connection.js';

/**
 * Opens nothing yet: connections come with the first request.
 * @throws BootError PEER_MISSING without the `@grpc/grpc-js` package
 */
export async function openEtcdClient(connection: EtcdConnection): Promise<EtcdClient> {
  const { openEtcdWire } = await import('./etcd.grpc.js');
  const [wire, { RemoteEtcd }] = [await openEtcdWire(connection), await import('./etcd.remote.js')];
  return new RemoteEtcd(connection, wire);
}
