import { requireServer } from './find-server.js';
import { freePorts } from './free-port.js';
import { type RunningServer, startServer } from './server-process.js';

/** How to start Consul; all optional. */
export interface ConsulOptions {
  /** Of the HTTP API. @default a free one */
  readonly port?: number;
  /** HCL added to its configuration, e.g. `acl { enabled = true }`. */
  readonly config?: string;
}

/**
 * Starts a real single-node Consul on loopback and resolves when it has a leader and knows itself. Development mode: its
 * memory is its only store, so after kill and restart it has forgotten every service, as an agent does that lost its disk.
 *
 * @throws when there is no consul on this machine, or it does not start; the message has its log
 */
export async function startConsul(options: ConsulOptions = {}): Promise<RunningServer> {
  const binary = requireServer('consul');
  const [free = 0, rpc = 0, lan = 0] = await freePorts(3);
  const port = options.port ?? free;
  return startServer({
    name: 'consul',
    binary,
    port,
    scheme: 'http',
    // gRPC, DNS and the WAN pool are off: fewer ports to collide with what else runs here.
    args: () => [
      ...['agent', '-dev', '-node', 'anthill-test', '-bind', '127.0.0.1', '-client', '127.0.0.1', '-log-level', 'warn'],
      ...['-http-port', `${port}`, '-server-port', `${rpc}`, '-serf-lan-port', `${lan}`, '-serf-wan-port', '-1'],
      ...['-grpc-port', '-1', '-dns-port', '-1'],
      ...['-hcl', 'disable_update_check = true', '-hcl', 'connect { enabled = false }'],
      ...(options.config === undefined ? [] : ['-hcl', options.config]),
    ],
    async probe(signal) {
      const base = `http://127.0.0.1:${port}/v1`;
      const leader: unknown = await (await fetch(`${base}/status/leader`, { signal })).json();
      if (typeof leader !== 'string' || leader === '') return false;
      const nodes: unknown = await (await fetch(`${base}/catalog/nodes`, { signal })).json();
      return Array.isArray(nodes) && nodes.length > 0;
    },
  });
}
