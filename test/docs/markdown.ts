import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { projectRoot } from '../services/index.js';

/** A fenced block of a document. */
export interface Block {
  /** From the project root, with slashes. */
  readonly file: string;
  /** Of its first line of code, from 1. */
  readonly line: number;
  readonly language: string;
  /** What else stands behind the fence: `run`, `fragment`. */
  readonly words: readonly string[];
  readonly code: string;
}

/** All documents that we write for people, from the project root, sorted. */
export function documents(): string[] {
  const below = (folder: string): string[] =>
    existsSync(join(projectRoot(), folder))
      ? readdirSync(join(projectRoot(), folder), { recursive: true, encoding: 'utf8' })
          .filter((path) => path.endsWith('.md') && !path.split(sep).includes('node_modules'))
          .map((path) => `${folder}/${path.split(sep).join('/')}`)
      : [];
  return ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', ...below('docs'), ...below('sample'), ...below('test')].sort();
}

export function readDocument(file: string): string {
  return readFileSync(join(projectRoot(), file), 'utf8');
}

/** The fenced blocks of a document, in order. */
export function blocksOf(file: string): Block[] {
  const blocks: Block[] = [];
  let open: { line: number; info: string; lines: string[] } | undefined;
  for (const [index, text] of readDocument(file).split('\n').entries()) {
    const fence = /^```(.*)$/.exec(text);
    if (fence === null) open?.lines.push(text);
    else if (open === undefined) open = { line: index + 2, info: fence[1]!.trim(), lines: [] };
    else {
      const [language = '', ...words] = open.info.split(/\s+/);
      blocks.push({ file, line: open.line, language, words, code: open.lines.join('\n') });
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`${file}:${open.line - 1}: this fence is never closed`);
  return blocks;
}

/** The text without its fenced blocks, so that a `#` of a shell is no heading and an `](` of code no link. */
export function proseOf(file: string): string {
  return readDocument(file).replace(/^```[^]*?^```$/gm, '');
}

/** Rows of all tables below `## heading`, up to the next one, as trimmed cells; without head lines. */
export function tableBelow(file: string, heading: string): string[][] {
  const section = readDocument(file)
    .split(/^## /m)
    .find((part) => part.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`${file} has no section "## ${heading}"`);
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim()));
}
