import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { projectRoot } from '../services/project-root.js';
import { eventsVariable } from './event-reporter.js';
import { Tally } from './tally.js';
import type { TestEvent } from './test-event.js';
import { type TestFile, compiledFile, unitTests } from './test-files.js';

/** How a test file went. */
export interface FileResult {
  readonly file: TestFile;
  readonly tally: Tally;
  readonly durationMs: number;
  /** The last part of what it printed. */
  readonly output: string;
}

const outputLimit = 128 * 1024;

/**
 * Runs one test file in a process of its own and counts its tests. A file that does not load, hangs, exits in the middle, fails
 * after its last test or has no tests is a failure that names the file.
 *
 * @param signal - ends the process and everything it has started
 */
export async function runFile(file: TestFile, signal: AbortSignal, environment: NodeJS.ProcessEnv): Promise<FileResult> {
  const started = performance.now();
  const tally = new Tally((event) => (file.name === unitTests ? sourceOf(event.file) : undefined) ?? file.name);
  const complain = (reason: string) => tally.failed.push({ file: file.name, name: 'the file as a whole', reason });
  const result = (output: string): FileResult => ({ file, tally, output, durationMs: performance.now() - started });
  if (!existsSync(file.compiled)) {
    complain('is not compiled: run npm run build');
    return result('');
  }
  const folder = mkdtempSync(join(tmpdir(), 'anthill-test-'));
  try {
    const events = join(folder, 'events');
    const { end, output } = await runProcess(file, signal, { ...environment, [eventsVariable]: events });
    const lines = existsSync(events) ? readFileSync(events, 'utf8').split('\n').slice(0, -1) : [];
    for (const line of lines) tally.add(JSON.parse(line) as TestEvent);
    const about = tally.running().length > 0 ? ` while running ${tally.running().join(' > ')}` : '';
    if (end === 'timeout') complain(`was killed after ${file.timeoutMs / 1000} s${about}`);
    else if (!tally.hasEnded && end === 'code 0') complain(lines.length === 0 ? 'has no tests' : `exited${about} before its tests had ended`);
    else if (end !== 'code 0' && tally.failed.length === 0) complain(`ended with ${end}${about}; what it printed is above`);
    return result(output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runProcess(file: TestFile, signal: AbortSignal, env: NodeJS.ProcessEnv): Promise<{ end: string; output: string }> {
  const reporter = new URL('event-reporter.js', import.meta.url).href;
  const args = ['--enable-source-maps', `--test-reporter=${reporter}`, '--test-reporter-destination=stdout', file.compiled];
  // A process group of its own, so that whatever the tests have started ends with them.
  const child = spawn(process.execPath, args, { cwd: projectRoot(), env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-outputLimit)));
  }
  let isOverdue = false;
  const timer = setTimeout(() => {
    isOverdue = true;
    killGroup(child);
  }, file.timeoutMs);
  const abort = () => killGroup(child);
  signal.addEventListener('abort', abort);
  const closed = new Promise((resolve) => child.once('close', resolve));
  const end = await new Promise<string>((resolve) => {
    child.once('exit', (code, name) => resolve(name === null ? `code ${code}` : `signal ${name}`));
    child.once('error', (error) => resolve(error.message));
  });
  clearTimeout(timer);
  signal.removeEventListener('abort', abort);
  killGroup(child);
  await Promise.race([closed, delay(1_000)]); // a daemon that left the group may hold the pipes open for ever
  return { end: isOverdue ? 'timeout' : end, output };
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // nobody is left in it
  }
}

/** The source of a test by the place where it was defined, which is a compiled file, or a source where Node maps it. */
function sourceOf(defined: string | undefined): string | undefined {
  if (defined === undefined) return undefined;
  const output = compiledFile('');
  const path = relative(defined.startsWith(output) ? output : projectRoot(), defined);
  return path.split(sep).join('/').replace(/\.js$/, '.ts');
}
