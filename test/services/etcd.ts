import { requireServer } from './find-server.js';
import { freePorts } from './free-port.js';
import { type RunningServer, startServer } from './server-process.js';

/** How to start etcd; all optional. */
export interface EtcdOptions {
  /** Of the client API. @default a free one */
  readonly port?: number;
  /** Turns authentication on after the start, with this password for user `root`. It stays on over restarts. */
  readonly rootPassword?: string;
  /** Clients speak TLS: PEM files. With `clientCa` they must have a certificate of it. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  /** More of its command line, e.g. `['--max-txn-ops', '16']`. */
  readonly args?: readonly string[];
}

/**
 * Starts a real single-node etcd on loopback and resolves when it has a leader and serves clients. Keys and leases survive kill
 * and restart, as on a machine with a disk. Leases can be as short as 1 s: elections are quick.
 *
 * @throws when there is no etcd on this machine, or it does not start; the message has its log
 */
export async function startEtcd(options: EtcdOptions = {}): Promise<RunningServer> {
  const binary = requireServer('etcd');
  const [free = 0, peers = 0, metrics = 0, plain = 0] = await freePorts(4);
  const { port = free, tls, rootPassword } = options;
  const scheme = tls === undefined ? 'http' : 'https';
  const client = `${scheme}://127.0.0.1:${port}`;
  // A second way in without certificates, on a port that nobody is told, through which authentication is turned on.
  const inside = tls === undefined ? client : `http://127.0.0.1:${plain}`;
  const peer = `http://127.0.0.1:${peers}`;
  const server = await startServer({
    name: 'etcd',
    binary,
    port,
    scheme,
    args: (folder) => [
      ...['--name', 'anthill-test', '--data-dir', folder, '--log-level', 'warn', '--logger', 'zap'],
      ...['--listen-client-urls', tls === undefined ? client : `${client},${inside}`, '--advertise-client-urls', client, '--listen-peer-urls', peer],
      ...['--initial-advertise-peer-urls', peer, '--initial-cluster', `anthill-test=${peer}`],
      ...['--heartbeat-interval', '20', '--election-timeout', '200', '--listen-metrics-urls', `http://127.0.0.1:${metrics}`],
      ...(tls === undefined ? [] : ['--cert-file', tls.cert, '--key-file', tls.key]),
      ...(tls?.clientCa === undefined ? [] : ['--client-cert-auth', '--trusted-ca-file', tls.clientCa]),
      ...(options.args ?? []),
    ],
    // On a port of its own, where it asks for no certificate; it is opened after that of the clients.
    async probe(signal) {
      const health = (await (await fetch(`http://127.0.0.1:${metrics}/health`, { signal })).json()) as { health?: string };
      return health.health === 'true';
    },
  });
  if (rootPassword === undefined) return server;
  try {
    await enableAuth(inside, rootPassword);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

async function enableAuth(url: string, password: string): Promise<void> {
  const steps: readonly [path: string, body: object][] = [
    ['user/add', { name: 'root', password }],
    ['user/grant', { user: 'root', role: 'root' }],
    ['enable', {}],
  ];
  for (const [path, body] of steps) {
    const response = await fetch(`${url}/v3/auth/${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`etcd refused auth/${path}: ${await response.text()}`);
  }
}
