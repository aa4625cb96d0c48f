import { connect } from 'node:net';
import { join } from 'node:path';
import { copyTemplate } from './data-template.js';
import type { DatabaseOptions, RunningDatabase } from './database.js';
import { findBeside, requireServer } from './find-server.js';
import { freePort } from './free-port.js';
import { startServer } from './server-process.js';

const access = { user: 'anthill', password: 'anthill', database: 'postgres' };

/**
 * Starts a real PostgreSQL on loopback with an empty database, and resolves when it lets clients in. It refuses to run as root;
 * rights.ts has a way out. What was committed survives kill and restart, though not a power cut: nothing waits for the disk.
 *
 * @throws when there is no postgres on this machine, or it does not start; the message has its log
 */
export async function startPostgres(options: DatabaseOptions = {}): Promise<RunningDatabase> {
  const binary = requireServer('postgres');
  const port = options.port ?? (await freePort());
  const { user, password, database } = access;
  const settings = {
    ...{ listen_addresses: '127.0.0.1', port: `${port}`, unix_socket_directories: '', shared_buffers: '16MB' },
    ...{ fsync: 'off', full_page_writes: 'off' }, // synchronous_commit stays on: without it a kill loses what was committed last
    ...options.settings,
  };
  const server = await startServer({
    name: 'postgres',
    binary,
    port,
    scheme: 'postgres',
    credentials: { user, password, path: `/${database}` },
    unprivileged: true,
    stopSignal: 'SIGINT', // "fast shutdown"; SIGTERM waits until the last client has gone
    async prepare(folder) {
      const maker = findBeside(binary, 'initdb');
      await copyTemplate({ binary, unprivileged: true, maker, args: init, input: password }, join(folder, 'data'));
    },
    args: (folder) => ['-D', join(folder, 'data'), ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    probe: (signal) => letsIn(port, signal),
  });
  return Object.assign(server, access);
}

/** Segments of 1 MB, because the template has one and is copied for each server. */
const init = (folder: string): string[] => [
  ...['-D', folder, '--no-sync', '--no-locale', '--encoding=UTF8', '--wal-segsize=1', '--no-instructions'],
  ...[`--username=${access.user}`, `--pwfile=${folder}.input`, '--auth=scram-sha-256'],
];

/**
 * The start of a session is an Int32 of its length, protocol 3.0 and pairs of strings; the answer begins with `R` when the server wants
 * to see a password, and with `E` while it is starting (PostgreSQL documentation, "Message Formats").
 */
function letsIn(port: number, signal: AbortSignal): Promise<boolean> {
  const body = Buffer.from(`\0\x03\0\0user\0${access.user}\0database\0${access.database}\0\0`, 'latin1');
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + length.length);
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', signal });
    socket.once('data', (data) => {
      resolve(data.toString('latin1').startsWith('R'));
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(false));
    socket.write(Buffer.concat([length, body]));
  });
}
