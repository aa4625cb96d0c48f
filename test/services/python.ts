import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { servicesFolder } from './find-server.js';
import { writeScript } from './unpacked.js';

const run = promisify(execFile);

/**
 * Gets a Python package with pip into `.services/trees/<name>`, and writes the command `.services/bin/<name>`: this machine's python3 that finds it. Nothing of
 * Python's own is changed.
 *
 * @throws with pip's words; there is no python3 or no pip, perhaps
 */
export async function fetchPython(name: string, requirement: string): Promise<void> {
  const target = servicesFolder('trees', name);
  if (!existsSync(target)) {
    const fresh = `${target}.${process.pid}`;
    mkdirSync(servicesFolder('trees'), { recursive: true });
    try {
      await run('python3', ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--target', fresh, requirement], { timeout: 300_000 });
      // Whole or not at all; where another process was first, its tree is as good.
      if (!existsSync(target)) renameSync(fresh, target);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  }
  writeScript(servicesFolder(), name, name, ['export PYTHONPATH="$tree"', 'exec python3 "$@"']);
}
