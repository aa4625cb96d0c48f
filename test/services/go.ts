import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { promisify } from 'node:util';
import { findServer, requireServer, servicesFolder } from './find-server.js';
import { projectRoot } from './project-root.js';

const run = promisify(execFile);

/** The `go` command, or undefined. */
export function findGo(): string | undefined {
  return findServer('go');
}

/**
 * Builds the Go command in `folder` (relative to the project root, e.g. `test/interop/go/service`) into .services/interop.
 * The first build downloads its modules, which takes a minute or two; later ones come from Go's own cache.
 *
 * @returns the path of the binary
 * @throws with the compiler's output
 */
export async function buildGo(folder: string): Promise<string> {
  const source = resolve(projectRoot(), folder);
  const target = servicesFolder('interop', basename(source));
  // Two test files, or two tests of one, may build the same command at once.
  const fresh = `${target}.${randomUUID()}`;
  mkdirSync(servicesFolder('interop'), { recursive: true });
  // No VCS stamp: it fails where git distrusts the owner of the checkout. The tool chain that is here, never a download.
  const env = { ...process.env, GOFLAGS: '-buildvcs=false', GOTOOLCHAIN: 'local', CGO_ENABLED: '0' };
  try {
    await run(requireServer('go'), ['build', '-o', fresh, '.'], { cwd: source, env, timeout: 600_000 });
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
    throw new Error(`go build in ${folder} failed:\n${stderr.slice(-4_000)}`, { cause: error });
  }
  renameSync(fresh, target);
  return target;
}
