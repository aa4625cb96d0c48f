import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { requireServer } from './find-server.js';
import { freePort } from './free-port.js';
import { type RunningServer, startServer } from './server-process.js';

/** How to start NATS; all optional. */
export interface NatsOptions {
  /** @default a free one */
  readonly port?: number;
  /** More lines for its configuration file, e.g. `max_payload: 2MB` or an `authorization {}` block. */
  readonly config?: string;
}

/**
 * Starts a real nats-server on loopback and resolves when it greets clients.
 *
 * @throws when there is no nats-server on this machine, or it does not start; the message has its log
 */
export async function startNats(options: NatsOptions = {}): Promise<RunningServer> {
  const binary = requireServer('nats-server');
  const port = options.port ?? (await freePort());
  return startServer({
    name: 'nats-server',
    binary,
    port,
    scheme: 'nats',
    args(folder) {
      const file = join(folder, 'nats.conf');
      writeFileSync(file, `listen: "127.0.0.1:${port}"\n${options.config ?? ''}\n`);
      return ['-c', file];
    },
    probe: (signal) => greets(port, signal),
  });
}

/** NATS speaks first: INFO is the first word on every connection. */
function greets(port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', signal });
    socket.once('data', (data) => {
      resolve(data.toString('latin1').startsWith('INFO '));
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(false));
  });
}
