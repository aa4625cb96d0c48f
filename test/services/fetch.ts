/**
 * Puts the servers that this machine lacks into ./.services/bin. Run by `npm run test:services` and .ci/run, never by `npm test`.
 * Changes nothing outside ./.services; what is there already is left alone. Under CI=true a server that cannot be had fails the
 * run; elsewhere its tests are skipped with that reason. Arguments are the names of those to fetch; without any, all.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { DebianPackages } from './debian-packages.js';
import { type Need, findServer, requireServer, servicesFolder } from './find-server.js';
import { fetchPython } from './python.js';
import { writeCommand } from './unpacked.js';

const run = promisify(execFile);

/** What is fetched, and the arguments that make it tell its version. */
type Fetched = { readonly server: Need; readonly versionArgs: readonly string[] } & (FromDebian | FromPip);

interface FromDebian {
  /** The Debian packages, and the release they come from; without one, that of this machine. */
  readonly packages: readonly string[];
  readonly suite?: string;
  /** The server, and programs it comes with, by the path that the package gives them. */
  readonly programs: Readonly<Record<string, string>>;
  /** Folders with libraries besides the usual ones. */
  readonly libraries?: readonly string[];
  /** Arguments that tell a program where it is, which is not where it was built for: writeCommand. */
  readonly last?: readonly string[];
}

/** A package of Python, for the python3 that is here. */
interface FromPip {
  readonly requirement: string;
}

const servers: readonly Fetched[] = [
  { server: 'nats-server', packages: ['nats-server'], programs: { 'nats-server': 'usr/sbin/nats-server' }, versionArgs: ['--version'] },
  // Consul left Debian after 11, when its licence changed. The 11 binary needs only libc and runs on later releases.
  { server: 'consul', packages: ['consul'], suite: 'bullseye', programs: { consul: 'usr/bin/consul' }, versionArgs: ['version'] },
  { server: 'etcd', packages: ['etcd-server'], programs: { etcd: 'usr/bin/etcd' }, versionArgs: ['--version'] },
  { server: 'redis-server', packages: ['redis-server'], programs: { 'redis-server': 'usr/bin/redis-server' }, versionArgs: ['--version'] },
  {
    server: 'mariadbd',
    packages: ['mariadb-server-core', 'mariadb-client-core'], // of the clients mariadb-install-db needs my_print_defaults
    programs: { mariadbd: 'usr/sbin/mariadbd', 'mariadb-install-db': 'usr/bin/mariadb-install-db' },
    last: ['--basedir=$tree/usr'],
    versionArgs: ['--version'],
  },
  {
    server: 'postgres',
    packages: ['postgresql'],
    programs: { postgres: 'usr/lib/postgresql/*/bin/postgres', initdb: 'usr/lib/postgresql/*/bin/initdb' },
    versionArgs: ['--version'],
  },
  { server: 'mosquitto', packages: ['mosquitto'], programs: { mosquitto: 'usr/sbin/mosquitto' }, versionArgs: ['-h'] },
  { server: 'mosquitto_pub', packages: ['mosquitto-clients'], programs: { mosquitto_pub: 'usr/bin/mosquitto_pub', mosquitto_sub: 'usr/bin/mosquitto_sub' }, versionArgs: ['--version'] },
  { server: 'python3-paho', requirement: 'paho-mqtt==2.1.0', versionArgs: ['-c', 'import paho.mqtt; print("paho-mqtt", paho.mqtt.__version__)'] },
  {
    server: 'chromium',
    packages: ['chromium'],
    programs: { chromium: 'usr/lib/chromium/chromium' },
    libraries: ['usr/lib/*-linux-gnu/pulseaudio'],
    versionArgs: ['--version'],
  },
];

/** Of this process alone: several worktrees may share one .services and fetch at once. */
const work = servicesFolder(`apt-${process.pid}`);
const releases = new Map<string | undefined, DebianPackages>();

async function fetchServer(entry: Fetched): Promise<void> {
  if ('requirement' in entry) return fetchPython(entry.server, entry.requirement);
  const { server, packages, suite, programs, libraries, last } = entry;
  const release = releases.get(suite) ?? new DebianPackages(`${work}/${suite ?? 'own'}`, suite);
  releases.set(suite, release);
  const target = servicesFolder('trees', server);
  if (!existsSync(target)) {
    const tree = await release.unpack(packages);
    mkdirSync(servicesFolder('trees'), { recursive: true });
    // Whole or not at all; where another process was first, its tree is as good.
    if (!existsSync(target)) renameSync(tree, target);
  }
  for (const [name, path] of Object.entries(programs)) {
    writeCommand({ services: servicesFolder(), name, tree: server, path, libraries, last });
  }
}

/** The first line it prints. @throws when it does not run, for want of a library perhaps */
async function versionOf(binary: string, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run(binary, args).catch((error: unknown) => {
    // Mosquitto has no flag for its version; its help has it, and exits with 3.
    if (error instanceof Error && 'stdout' in error && error.stdout !== '') return { stdout: String(error.stdout), stderr: '' };
    throw error;
  });
  return (stdout + stderr).split('\n')[0] ?? '';
}

/** Fetches the server if there is none. A fetched one that does not run is no server: it is removed, and fetched anew next time. */
async function provide(entry: Fetched): Promise<string> {
  if (findServer(entry.server) === undefined) await fetchServer(entry);
  const binary = requireServer(entry.server);
  try {
    return `${await versionOf(binary, entry.versionArgs)} (${binary})`;
  } catch (error) {
    if (binary === servicesFolder('bin', entry.server)) {
      for (const name of 'programs' in entry ? Object.keys(entry.programs) : [entry.server]) rmSync(servicesFolder('bin', name), { force: true });
      rmSync(servicesFolder('trees', entry.server), { recursive: true, force: true });
    }
    throw error;
  }
}

async function retryOnce<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    console.log(`trying once more after: ${String(error).trim()}`);
    return work();
  }
}

/** What interrupted runs have left: the work folders of processes that are no more. */
function sweep(): void {
  if (!existsSync(servicesFolder())) return;
  for (const name of readdirSync(servicesFolder()).filter((one) => /^apt(-\d+)?$/.test(one))) {
    if (!existsSync(`/proc/${name.slice('apt-'.length)}`)) rmSync(servicesFolder(name), { recursive: true, force: true });
  }
}

sweep();
const wanted = new Set(process.argv.slice(2));
for (const entry of servers.filter(({ server }) => wanted.size === 0 || wanted.has(server))) {
  const { server } = entry;
  try {
    console.log(`${server}: ${await retryOnce(() => provide(entry))}`);
  } catch (error) {
    console.log(`could not fetch ${server}: ${String(error).trim()}`);
    console.log('put it on PATH by hand, or name it in the environment: test/services/README.md');
    if (process.env['CI'] === 'true') process.exitCode = 1;
  }
}
rmSync(work, { recursive: true, force: true });
