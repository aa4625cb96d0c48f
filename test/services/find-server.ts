import { accessSync, constants, existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { projectRoot } from './project-root.js';

/** What a test can ask for: a server that it starts, a client that it runs, the Go tool chain that builds a peer of it, or what makes certificates. */
export type Need = 'nats-server' | 'consul' | 'etcd' | 'redis-server' | 'mariadbd' | 'postgres' | 'mosquitto' | 'mosquitto_pub' | 'python3-paho' | 'chromium' | 'openssl' | 'go';

interface Origin {
  /** Environment variable with the path of the binary; wins over every other place. */
  readonly env: string;
  /** What the user of a machine without it does about it. */
  readonly remedy: string;
  /** Where installers put it when PATH does not say so. */
  readonly places: readonly string[];
}

const fetched = 'run npm run test:services';

/** Debian keeps the programs of each release apart, and off PATH. The newest first. */
function postgresPlaces(): string[] {
  const root = '/usr/lib/postgresql';
  const releases = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  return [...releases.map((release) => join(root, release, 'bin')), '/usr/local/bin'];
}

/** Adding a server is one row here, one row in fetch.ts and one start file. */
const origins: Readonly<Record<Need, Origin>> = {
  'nats-server': { env: 'ANTHILL_NATS_SERVER', remedy: fetched, places: ['/usr/sbin', '/usr/local/bin'] },
  consul: { env: 'ANTHILL_CONSUL', remedy: fetched, places: ['/usr/local/bin'] },
  etcd: { env: 'ANTHILL_ETCD', remedy: fetched, places: ['/usr/local/bin'] },
  'redis-server': { env: 'ANTHILL_REDIS_SERVER', remedy: fetched, places: ['/usr/sbin', '/usr/local/bin'] },
  mariadbd: { env: 'ANTHILL_MARIADBD', remedy: fetched, places: ['/usr/sbin', '/usr/local/bin', '/usr/local/opt/mariadb/bin'] },
  postgres: { env: 'ANTHILL_POSTGRES', remedy: fetched, places: postgresPlaces() },
  mosquitto: { env: 'ANTHILL_MOSQUITTO', remedy: fetched, places: ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin'] },
  mosquitto_pub: { env: 'ANTHILL_MOSQUITTO_PUB', remedy: fetched, places: ['/usr/local/bin'] },
  'python3-paho': { env: 'ANTHILL_PYTHON_PAHO', remedy: fetched, places: [] },
  chromium: { env: 'ANTHILL_CHROMIUM', remedy: fetched, places: ['/Applications/Chromium.app/Contents/MacOS'] },
  openssl: { env: 'ANTHILL_OPENSSL', remedy: 'install openssl', places: ['/usr/bin', '/usr/local/bin'] },
  go: { env: 'ANTHILL_GO', remedy: 'install Go 1.22 or newer', places: ['/usr/local/go/bin'] },
};

/** The folder into which test/services/fetch puts binaries; outside git. */
export function servicesFolder(...path: string[]): string {
  return join(projectRoot(), '.services', ...path);
}

/**
 * The path of an executable: environment variable, then ./.services/bin, then PATH, then its usual places.
 *
 * @returns undefined when there is none
 * @throws when the environment variable names something that cannot be executed, which is a typo and not an absence
 */
export function findServer(name: Need): string | undefined {
  const { env, places } = origins[name];
  const told = process.env[env];
  if (told !== undefined && told !== '') {
    if (!isExecutable(told)) throw new Error(`${env}=${told}: not an executable file; correct it or unset it`);
    return told;
  }
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [servicesFolder('bin'), ...path, ...places].map((folder) => join(folder, name)).find(isExecutable);
}

/**
 * A program that comes with a server: in the same folder, or where the server really is, or in the `bin` or `scripts` next to it.
 *
 * @throws when it is not there, saying where it was looked for
 */
export function findBeside(binary: string, program: string): string {
  const folders = [dirname(binary), dirname(realpathSync(binary))].flatMap((folder) => [folder, join(folder, '../bin'), join(folder, '../scripts')]);
  const found = folders.map((folder) => join(folder, program)).find(isExecutable);
  if (found === undefined) throw new Error(`no ${program} beside ${binary}: looked in ${[...new Set(folders)].join(', ')}`);
  return found;
}

/** As findServer, but its absence is an error that says what to do. */
export function requireServer(name: Need): string {
  const binary = findServer(name);
  if (binary === undefined) throw new Error(missing([name]).join());
  return binary;
}

/** One line per need that cannot be met here, saying what to do; empty when all are there. */
export function missing(needs: readonly Need[]): string[] {
  return needs
    .filter((need) => findServer(need) === undefined)
    .map((need) => `needs ${need}: ${origins[need].remedy}, or set ${origins[need].env}`);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
