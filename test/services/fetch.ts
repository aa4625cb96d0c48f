/**
 * Puts the servers that this machine lacks into ./.services/bin. Run by `npm run test:services` and .ci/run, never by `npm test`.
 * Changes nothing outside ./.services; what is there already is left alone. Under CI=true a server that cannot be had fails the
 * run; elsewhere its tests are skipped with that reason.
 */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type DebianPackage, DebianPackages } from './debian-packages.js';
import { type Need, findServer, requireServer, servicesFolder } from './find-server.js';

const run = promisify(execFile);

interface Fetched {
  readonly server: Need;
  readonly package: DebianPackage;
  /** Where the package keeps its binary. */
  readonly path: string;
  readonly versionArgs: readonly string[];
}

const servers: readonly Fetched[] = [
  { server: 'nats-server', package: { name: 'nats-server' }, path: 'usr/sbin/nats-server', versionArgs: ['--version'] },
  // Consul left Debian after 11, when its licence changed. The 11 binary needs only libc and runs on later releases.
  { server: 'consul', package: { name: 'consul', suite: 'bullseye' }, path: 'usr/bin/consul', versionArgs: ['version'] },
];

async function fetchServer({ server, package: source, path }: Fetched): Promise<void> {
  const work = servicesFolder('apt');
  rmSync(work, { recursive: true, force: true }); // what an interrupted run has left
  const debian = new DebianPackages(work);
  await debian.update(source);
  const tree = await debian.unpack(source);
  mkdirSync(servicesFolder('bin'), { recursive: true });
  const target = servicesFolder('bin', server);
  copyFileSync(join(tree, path), `${target}.new`);
  renameSync(`${target}.new`, target);
  rmSync(work, { recursive: true, force: true });
}

async function retryOnce(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    console.log(`trying once more after: ${String(error).trim()}`);
    await work();
  }
}

for (const entry of servers) {
  const { server, versionArgs } = entry;
  try {
    if (findServer(server) === undefined) await retryOnce(() => fetchServer(entry));
    const binary = requireServer(server);
    const { stdout, stderr } = await run(binary, versionArgs);
    console.log(`${server}: ${(stdout + stderr).split('\n')[0]} (${binary})`);
  } catch (error) {
    console.log(`could not fetch ${server}: ${String(error).trim()}`);
    console.log('put it on PATH by hand, or name it in the environment: test/services/README.md');
    if (process.env['CI'] === 'true') process.exitCode = 1;
  }
}
