import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';
import { compileSnippets, isSnippet, type Snippet } from './compile-snippets.js';
import { blocksOf, documents } from './markdown.js';

const files = documents().filter((file) => !file.startsWith('test/') && blocksOf(file).some(isSnippet));
const snippets = compileSnippets(files);

describe('code in documents', () => {
  for (const file of files) {
    it(`of ${file} compiles`, () => {
      const mistakes = snippets.filter(({ block }) => block.file === file).flatMap((snippet) => snippet.mistakes);
      assert.equal(mistakes.join('\n'), '');
    });
  }
});

/** What a block says that it prints: the comments behind `console.log`. */
function promised({ block }: Snippet): string[] {
  return [...block.code.matchAll(/^ *console\.log\(.*\); *\/\/ (.*)$/gm)].map((match) => match[1]!);
}

/** Blocks marked `run` run here, one after the other; suites of node:test that they define join this file's. */
for (const snippet of snippets.filter(({ block, mistakes }) => block.words.includes('run') && mistakes.length === 0)) {
  const printed: string[] = [];
  const { log } = console;
  console.log = (...args) => void printed.push(format(...args));
  let failure: unknown;
  await import(pathToFileURL(snippet.compiled).href).catch((error: unknown) => (failure = error));
  console.log = log;
  const { file, line } = snippet.block;
  it(`${file}:${line} runs and prints what it says`, () => {
    assert.equal(failure, undefined);
    assert.deepEqual(printed, promised(snippet));
  });
}
