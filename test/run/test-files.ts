import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectRoot } from '../services/project-root.js';

/** One process of a test run. */
export interface TestFile {
  /** Its source, from the project root, with slashes: `test/e2e/nats.test.ts`. */
  readonly name: string;
  /** The compiled file, absolute. */
  readonly compiled: string;
  /** When this is over the process is killed, and the file counts as failed. */
  readonly timeoutMs: number;
  /** Runs by itself after all others, because it measures time or loads the machine. */
  readonly alone: boolean;
}

/** All unit tests share one process: importing Nest costs a second per process. */
export const unitTests = 'test/unit/all.ts';

const minute = 60_000;
const usual = { timeoutMs: 3 * minute, alone: false };

/** By folder of test/; the first `go build` of interop downloads modules and compiles them. */
const manners: Readonly<Record<string, Pick<TestFile, 'timeoutMs' | 'alone'>>> = {
  e2e: { timeoutMs: 5 * minute, alone: false },
  interop: { timeoutMs: 15 * minute, alone: false },
  fault: { timeoutMs: 10 * minute, alone: true },
  soak: { timeoutMs: 10 * minute, alone: true },
};

/** Folders whose *.test.ts are not tests of ours: they are material for tests, or measure and prove nothing. */
const excluded = new Set(['fixture', 'bench']);

/**
 * The sources of all tests below a folder of test/, sorted. Sources and not compiled files are listed, so that the output of a
 * deleted test does not run and a test that was not compiled does not go missing.
 */
export function listTests(folder = ''): string[] {
  const root = projectRoot();
  const top = join(root, 'test', folder);
  if (!existsSync(top)) return [];
  return readdirSync(top, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts') && !path.split(sep).some((part) => excluded.has(part)))
    .map((path) => relative(root, join(top, path)).split(sep).join('/'))
    .sort();
}

/** The compiled file of a source, in the output folder that this very code runs from. */
export function compiledFile(source: string): string {
  const output = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
  return join(output, source.replace(/\.ts$/, '.js'));
}

/** The processes to run, unit tests first. @param isWanted - picks sources */
export function planTests(isWanted: (source: string) => boolean): TestFile[] {
  const wanted = listTests().filter(isWanted);
  const own = wanted.filter((source) => !source.startsWith('test/unit/'));
  const sources = own.length < wanted.length ? [unitTests, ...own] : own;
  return sources.map((name) => ({ name, compiled: compiledFile(name), ...(manners[name.split('/')[1] ?? ''] ?? usual) }));
}
