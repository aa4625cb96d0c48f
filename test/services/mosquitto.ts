import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { requireServer } from './find-server.js';
import { freePort } from './free-port.js';
import { type RunningServer, startServer } from './server-process.js';

/** How to start Mosquitto; all optional. */
export interface MosquittoOptions {
  /** @default a free one */
  readonly port?: number;
  /** More lines for its configuration file, e.g. another `listener` with `protocol websockets`. */
  readonly config?: string;
}

/**
 * Starts a real Mosquitto (MQTT broker) on loopback, to which anybody may connect, and resolves when it accepts clients. Its memory is
 * its only store: after kill and restart it has forgotten what was retained.
 *
 * @throws when there is no mosquitto on this machine, or it does not start; the message has its log
 */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<RunningServer> {
  const binary = requireServer('mosquitto');
  const port = options.port ?? (await freePort());
  return startServer({
    name: 'mosquitto',
    binary,
    port,
    scheme: 'mqtt',
    args(folder) {
      const file = join(folder, 'mosquitto.conf');
      // As root it becomes user mosquitto, which may not exist and may not enter the folder.
      const user = process.getuid?.() === 0 ? ['user root'] : [];
      const lines = [...user, 'allow_anonymous true', `listener ${port} 127.0.0.1`, options.config ?? ''];
      writeFileSync(file, `${lines.join('\n')}\n`);
      return ['-c', file];
    },
    probe: (signal) => accepts(port, signal),
  });
}

/** CONNECT of MQTT 3.1.1 with a clean session and no name, and the CONNACK that accepts it (MQTT 3.1.1, sections 3.1 and 3.2). */
function accepts(port: number, signal: AbortSignal): Promise<boolean> {
  const hello = Buffer.from([0x10, 12, 0, 4, ...Buffer.from('MQTT'), 4, 0b10, 0, 5, 0, 0]);
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', signal });
    socket.once('data', (data) => {
      resolve(data[0] === 0x20 && data[3] === 0);
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(false));
    socket.write(hello);
  });
}
