import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { projectRoot } from '../services/index.js';
import { type Block, blocksOf, readDocument } from './markdown.js';

/** A block of TypeScript as a file. */
export interface Snippet {
  readonly block: Block;
  readonly compiled: string;
  /** What the compiler says of it, at the lines of the document. */
  readonly mistakes: string[];
}

interface Source extends Snippet {
  readonly path: string;
  /** Lines before the block's own. */
  readonly offset: number;
}

const PREAMBLE = /<!-- snippets\n([^]*?)-->/;

/** True for what is compiled: TypeScript that is not marked as a fragment. */
export function isSnippet({ language, words }: Block): boolean {
  return language === 'ts' && !words.includes('fragment');
}

/**
 * Compiles the TypeScript of documents as a user would, against the built package, all in one program. A block that imports something is a file;
 * others come after their document's preamble, an invisible comment: `<!-- snippets` ... `-->`. A first line such as `// main.ts` names the file.
 * They live below `.build` until the process ends.
 */
export function compileSnippets(files: readonly string[]): Snippet[] {
  const root = join(projectRoot(), '.build', `snippets-${process.pid}`);
  process.once('exit', () => rmSync(root, { recursive: true, force: true }));
  const sources = files.flatMap((file) => sourcesOf(file, root));
  mkdirSync(root, { recursive: true });
  const tsconfig = { extends: '../../tsconfig.json', compilerOptions: { rootDir: '.', outDir: 'out', declaration: false, declarationMap: false, incremental: false, tsBuildInfoFile: null }, include: ['*/*.ts'], exclude: [] };
  writeFileSync(join(root, 'tsconfig.json'), JSON.stringify(tsconfig));
  const tsc = join(projectRoot(), 'node_modules/typescript7/bin/tsc');
  const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', root, '--pretty', 'false'], { cwd: root, encoding: 'utf8' });
  const strays: string[] = [];
  for (const line of stdout.split('\n').filter((text) => text !== '' && !text.startsWith(' '))) {
    const [, path, row, message] = /^(.+?)\((\d+),\d+\): (.*)$/.exec(line) ?? [];
    const source = sources.find((candidate) => candidate.path === join(root, path ?? ''));
    if (source === undefined) strays.push(line);
    else source.mistakes.push(`${source.block.file}:${source.block.line + Number(row) - 1 - source.offset}: ${message}`);
  }
  if (strays.length > 0 || (status !== 0 && sources.every(({ mistakes }) => mistakes.length === 0))) throw new Error(`the snippets do not compile: ${strays.join('\n') || stdout}`);
  return sources;
}

function sourcesOf(file: string, root: string): Source[] {
  const preamble = PREAMBLE.exec(readDocument(file))?.[1];
  const taken = new Set<string>();
  return blocksOf(file)
    .filter(isSnippet)
    .map((block) => {
      const where = `${file}:${block.line}`;
      const isWhole = /^import /m.test(block.code);
      const name = /^\/\/ ([\w-]+)\.ts$/m.exec(block.code.split('\n')[0]!)?.[1] ?? `line-${block.line}`;
      const mistakes: string[] = [];
      if (!isWhole && preamble === undefined) mistakes.push(`${where}: this block imports nothing and its document has no preamble (<!-- snippets ... -->); mark it "ts fragment" if it is no code to compile`);
      if (taken.has(name)) mistakes.push(`${where}: ${name}.ts is there twice`);
      taken.add(name);
      const path = join(root, file.replace(/\W+/g, '-'), `${name}.ts`);
      const before = isWhole ? '' : (preamble ?? '');
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `${before}${block.code}\nexport {};\n`);
      return { block, path, offset: before.split('\n').length - 1, mistakes, compiled: path.replace(root, join(root, 'out')).replace(/\.ts$/, '.js') };
    });
}
