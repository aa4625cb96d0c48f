/**
 * Runs the compiled tests: `node dist/test/run/run-tests.js [--soak] [words...]`. Words narrow the run to files whose path has one
 * of them. Ends with one line, `N passed, N failed[, N skipped]`, and status 1 unless all is well. `CI=true` makes a skip a failure.
 */
import { availableParallelism } from 'node:os';
import { type FileResult, runFile } from './run-file.js';
import { type Remark, closingLine } from './tally.js';
import { planTests } from './test-files.js';
import { filterOf } from './test-filter.js';

const args = process.argv.slice(2);
const isSoak = args.includes('--soak');
const filter = args.filter((word) => !word.startsWith('--')).join(',');
const matches = filterOf(filter);
const soakTimeoutMs = 4 * 3_600_000;

const files = planTests((source) => matches(source) && (!isSoak || source.startsWith('test/soak/')));
const environment: NodeJS.ProcessEnv = { ...process.env, ANTHILL_TEST_FILTER: filter, ...(isSoak ? { ANTHILL_SOAK: '1' } : {}) };
delete environment['NODE_TEST_CONTEXT']; // set when a test runs the runner; it would change the reporter of our processes

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interrupt.abort());

const results: FileResult[] = [];
const concurrency = Number(process.env['ANTHILL_TEST_CONCURRENCY'] ?? Math.min(4, availableParallelism()));
await work(files.filter((file) => !file.alone), concurrency);
await work(files.filter((file) => file.alone), 1);
process.exitCode = conclude();

/** Runs files from a queue, so many at a time. */
async function work(queue: typeof files, lanes: number): Promise<void> {
  const waiting = [...queue];
  const lane = async () => {
    for (let file = waiting.shift(); file !== undefined && !interrupt.signal.aborted; file = waiting.shift()) {
      const result = await runFile(isSoak ? { ...file, timeoutMs: soakTimeoutMs } : file, interrupt.signal, environment);
      results.push(result);
      show(result);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, lanes) }, lane));
}

/** A line per file; for a failing one also what it printed and why it failed. */
function show({ file, tally, durationMs, output }: FileResult): void {
  const hasFailed = tally.failed.length > 0;
  const seconds = (durationMs / 1000).toFixed(1).padStart(6);
  console.log(`${hasFailed ? 'FAIL' : 'ok  '} ${seconds} s  ${file.name}: ${tally.passed} ok${hasFailed ? `, ${tally.failed.length} not` : ''}`);
  if (!hasFailed) return;
  if (output.trim() !== '') console.log(indent(`printed:\n${output.trim()}`));
  for (const { file: source, name, reason } of tally.failed) console.log(indent(`${source}: ${name}\n${indent(reason)}`));
}

/** Names what was skipped and what failed, prints the closing line. @returns the exit status */
function conclude(): number {
  const passed = results.reduce((sum, { tally }) => sum + tally.passed, 0);
  const failed = results.flatMap(({ tally }) => tally.failed);
  const skipped = results.flatMap(({ tally }) => tally.skipped);
  const isStrict = process.env['CI'] === 'true';
  list(isStrict ? 'SKIPPED, which CI=true does not allow' : 'SKIPPED, not tested on this machine', skipped);
  list('FAILED', failed);
  const remaining = files.length - results.length;
  if (remaining > 0) console.log(`\ninterrupted: ${remaining} files were not run`);
  if (files.length === 0) console.log(`\nno test file matches "${filter}"`);
  const failures = failed.length + remaining + (isStrict ? skipped.length : 0) + (files.length === 0 ? 1 : 0);
  console.log(`\n${closingLine(passed, failures, isStrict ? 0 : skipped.length)}`);
  return failures === 0 ? 0 : 1;
}

function list(title: string, remarks: readonly Remark[]): void {
  if (remarks.length === 0) return;
  console.log(`\n${title}:`);
  for (const { file, name, reason } of remarks) console.log(`  ${file}: ${name}: ${reason.split('\n')[0]}`);
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}
