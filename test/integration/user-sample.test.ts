import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { projectRoot } from '../services/index.js';
import { Child } from './child.js';
import '../../sample/04-user-service/user.service.test.js';

const readme = readFileSync(join(projectRoot(), 'sample/04-user-service/README.md'), 'utf8');
const [walk] = [...readme.matchAll(/^registered ann[^]*?remains$/gm)].map(([text]) => text);

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'anthill-user-sample-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describe('sample 04-user-service', () => {
  it('runs with nothing installed, prints what the README says, and remembers it', async (t) => {
    const workDir = folder(t);
    const first = new Child(t, '../../sample/04-user-service/main.js', { cwd: workDir });
    await first.until(/nothing of it remains/);
    const printed = first.output.split('\n').filter((line) => line !== '' && !line.includes('[Nest]'));
    assert.deepEqual(printed, walk!.split('\n'));
    first.kill('SIGTERM');
    assert.deepEqual(await first.exit, { code: 0, signal: null }, first.output);
    const second = new Child(t, '../../sample/04-user-service/main.js', { cwd: workDir });
    await second.until(/there is a user ann already[^]*nothing of it remains/);
    second.kill('SIGTERM');
    await second.exit;
  });

  it('has its tables migrated by command, up and down; the entities are what the migrations make', async (t) => {
    const workDir = folder(t);
    const run = async (command: string, ...args: string[]): Promise<string> => {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(projectRoot(), 'node_modules/typeorm/cli.js'), command, ...args, '-d', join(import.meta.dirname, '../../sample/04-user-service/data-source.js')], { cwd: workDir }).catch((error: { stdout: string; stderr: string }) => error);
      return stdout + stderr;
    };
    assert.match(await run('migration:show'), /\[ \] CreateUsers/);
    assert.match(await run('migration:run'), /CreateUsers\d+ has been executed/);
    assert.match(await run('migration:show'), /\[X\] 1 CreateUsers/);
    assert.match(await run('migration:generate', './AddNothing', '--esm'), /No changes in database schema were found/);
    assert.match(await run('migration:revert'), /CreateUsers\d+ has been reverted/);
    assert.match(await run('migration:show'), /\[ \] CreateUsers/);
  });
});
