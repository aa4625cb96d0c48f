import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, realpathSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { BootError } from '../../common/boot-error.js';
import { messageOf } from '../../common/message-of.js';

/**
 * Says to other processes of this machine that a database file is in use: two that write it whole would undo each other. A listening socket,
 * because the system closes it with its process, however that ends: abstract on Linux, a named pipe on Windows, elsewhere a file whose stale
 * rest is told by nobody answering. Containers that share a folder and no network do not see each other. Makes the folder of the file.
 * @throws BootError DATABASE_FILE
 */
export async function lockFile(file: string, database: string): Promise<{ release(): Promise<void> }> {
  makeFolder(dirname(file), database);
  // By whatever name and link it is reached.
  const path = existsSync(file) ? realpathSync(file) : join(realpathSync(dirname(file)), basename(file));
  const name = `anthill-database-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`;
  const address = process.platform === 'linux' ? `\0${name}` : process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`);
  const server = (await listen(address)) ?? ((await isStale(address)) ? await listen(address) : undefined);
  if (server === undefined) {
    throw new BootError('DATABASE_FILE', `database '${database}': the file ${file} is in use, by another process or by another app of this one. An embedded database belongs to one app at a time; stop the other one, give this one another file, or use a server (type: mariadb or postgres)`);
  }
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

function makeFolder(folder: string, database: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new BootError('DATABASE_FILE', `database '${database}': there is no folder ${folder}, and none can be made (${messageOf(cause)}); name another file`, { cause });
  }
}

function listen(address: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen(address, () => resolve(server.unref()));
  });
}

/** Only where the socket is a file: it outlives a process that was killed. */
async function isStale(address: string): Promise<boolean> {
  if (process.platform === 'linux' || process.platform === 'win32') return false;
  const answered = await new Promise<boolean>((resolve) => {
    const socket = connect(address, () => resolve(true)).once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
  });
  if (!answered) unlinkSync(address);
  return !answered;
}
