import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { copyTemplate } from './data-template.js';
import type { DatabaseOptions, RunningDatabase } from './database.js';
import { findBeside, requireServer } from './find-server.js';
import { freePort } from './free-port.js';
import { startServer } from './server-process.js';

const access = { user: 'anthill', password: 'anthill', database: 'anthill' };

/**
 * Starts a real MariaDB on loopback with an empty database, and resolves when it greets clients. What was committed survives kill and
 * restart, though not a power cut: it is written to the log of the database, and nothing waits for the disk.
 *
 * @throws when there is no mariadbd on this machine, or it does not start; the message has its log
 */
export async function startMariadb(options: DatabaseOptions = {}): Promise<RunningDatabase> {
  const binary = requireServer('mariadbd');
  const port = options.port ?? (await freePort());
  const { user, password, database } = access;
  const settings = {
    ...{ port: `${port}`, 'bind-address': '127.0.0.1', 'skip-name-resolve': 'ON', 'performance-schema': 'OFF' },
    ...{ 'innodb-flush-log-at-trx-commit': '2', 'innodb-flush-method': 'nosync', 'innodb-fast-shutdown': '2' },
    ...{ 'innodb-buffer-pool-size': '32M', 'innodb-buffer-pool-dump-at-shutdown': 'OFF', 'innodb-buffer-pool-load-at-startup': 'OFF' },
    ...small,
    ...options.settings,
  };
  const server = await startServer({
    name: 'mariadbd',
    binary,
    port,
    scheme: 'mysql',
    credentials: { user, password, path: `/${database}` },
    async prepare(folder) {
      const maker = findBeside(binary, 'mariadb-install-db');
      await copyTemplate({ binary, unprivileged: false, maker, args: install }, join(folder, 'data'));
    },
    args(folder) {
      const [config, first] = [join(folder, 'my.cnf'), join(folder, 'first.sql')];
      const lines = Object.entries({ ...settings, datadir: join(folder, 'data'), socket: join(folder, 'mysql.sock'), 'pid-file': join(folder, 'pid') });
      writeFileSync(config, `[mariadbd]\n${lines.map(([name, value]) => `${name} = ${value}`).join('\n')}\n`);
      writeFileSync(first, `${firstSql.join(';\n')};\n`);
      // --defaults-file must be first: nothing of /etc/mysql is read. Init-file runs before clients are let in.
      return [`--defaults-file=${config}`, `--init-file=${first}`, ...asRoot()];
    },
    probe: (signal) => greets(port, signal),
  });
  return Object.assign(server, access);
}

/** Files are small where that is possible: they are copied for each server. */
const small = {
  ...{ 'innodb-log-file-size': '8M', 'aria-log-file-size': '8M' },
  ...{ 'innodb-data-file-path': 'ibdata1:5M:autoextend', 'innodb-temp-data-file-path': 'ibtmp1:5M:autoextend' },
};

const firstSql = [
  // As Debian configures it, in the files that are not read here.
  `CREATE DATABASE IF NOT EXISTS ${access.database} CHARACTER SET utf8mb4`,
  `CREATE USER IF NOT EXISTS ${access.user} IDENTIFIED BY '${access.password}'`,
  `GRANT ALL ON *.* TO ${access.user} WITH GRANT OPTION`,
];

const install = (folder: string): string[] => [
  ...['--no-defaults', `--datadir=${folder}`, '--skip-test-db', '--skip-name-resolve', '--auth-root-authentication-method=normal'],
  ...[...Object.entries(small).map(([name, value]) => `--${name}=${value}`), '--innodb-flush-method=nosync', ...asRoot()],
];

/** It runs as root only when told so. */
function asRoot(): string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : [];
}

/** The server speaks first: a packet of 4 bytes of header, then protocol version 10, or 255 and an error. */
function greets(port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', signal });
    socket.once('data', (data) => {
      resolve(data[4] === 10);
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(false));
  });
}
