import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { HandlerOptions } from '../../lib/common/handler-options.js';
import { PHASES } from '../../lib/common/lifecycle.js';
import type { AppHooks } from '../../lib/bootstrap/app-hooks.js';
import type { CallOptions } from '../../lib/rpc/call-options.js';
import { layers } from '../checks/layers.js';
import { projectRoot } from '../services/index.js';
import { blocksOf, readDocument, tableBelow } from './markdown.js';

/** Every name in the first cells of the tables below a heading. */
const names = (file: string, heading: string): string[] => tableBelow(file, heading).flatMap(([cell]) => [...cell!.matchAll(/`(\w+)`/g)].map((match) => match[1]!));

// The compiler refuses these when an option comes or goes; the tests then compare the documents.
const handlerOptions: Record<keyof HandlerOptions, true> = { concurrent: true, lane: true, queue: true, abandonMs: true, args: true, returns: true, optional: true, public: true, errors: true };
const callOptions: Record<keyof Required<CallOptions>, true> = {
  ...{ timeoutMs: true, signal: true, metadata: true, returns: true, args: true, codec: true, localCopy: true, redirects: true },
  ...{ selector: true, filters: true, hashKey: true, external: true, caller: true },
};
const hooks: Record<keyof AppHooks, true> = { onConfigurationLoaded: true, beforeStart: true, afterStart: true, onReload: true, beforeStop: true, afterStop: true, onExit: true };

describe('tables of documents', () => {
  it('name every option of a handler', () => assert.deepEqual(names('docs/rpc.md', 'Handlers').toSorted(), Object.keys(handlerOptions).toSorted()));
  it('name every option of a call', () => assert.deepEqual(names('docs/rpc.md', 'Calling').toSorted(), Object.keys(callOptions).toSorted()));
  it('name every phase of parts, in order', () => assert.deepEqual(names('docs/lifecycle.md', 'Parts'), [...PHASES]));

  it('show every hook of an app', () => {
    const [block] = blocksOf('docs/lifecycle.md').filter(({ language }) => language === 'ts');
    for (const hook of Object.keys(hooks)) assert.ok(block!.code.includes(` ${hook}: `), hook);
  });
});

describe('docs/architecture.md', () => {
  const file = 'docs/architecture.md';
  const rows = readDocument(file).split('\n').flatMap((line) => {
    const [, level, folders, imports] = /^\| (\d) \| (.+?) \| (.+?) \|/.exec(line) ?? [];
    return level === undefined ? [] : [{ level: Number(level), folders: folders!.replaceAll('`', '').split(', '), imports: imports! }];
  });
  const existing = Object.entries(layers).filter(([folder]) => existsSync(join(projectRoot(), 'lib', folder)));

  it('has the layer table of the lint step, for the folders that exist', () => {
    const documented = rows.flatMap(({ level, folders, imports }) => folders.map((folder) => [folder, level, /^(nothing|all)/.test(imports) ? undefined : imports.split(', ')]));
    const expected = existing.map(([folder, { level, imports }]) => [folder, level, imports.length === 0 || imports.length > 6 ? undefined : imports]);
    assert.deepEqual(documented.toSorted(), expected.toSorted());
  });

  it('says something of each', () => {
    for (const [folder] of existing) assert.ok(readDocument(file).includes(`\n**${folder}**: `), folder);
  });
});

describe('docs/adr', () => {
  it('has an index of all decisions, and each says what its page must', () => {
    const index = [...readDocument('docs/adr/README.md').matchAll(/\[(\d{4})\]\((\d{4}-[a-z0-9-]+\.md)\) \| (.+) \|/g)];
    // In order, each once. Numbers are given out when a decision is begun, so that one may be missing.
    const numbers = index.map((match) => match[1]!);
    assert.deepEqual(numbers, [...new Set(numbers)].sort());
    assert.ok(numbers.length >= 10);
    for (const [, number, page] of index) {
      const text = readDocument(`docs/adr/${page}`);
      assert.ok(text.startsWith(`# ${number} `), page);
      for (const part of ['Context', 'Decision', 'Alternatives', 'Cost']) assert.ok(text.includes(`\n**${part}.** `), `${page}: ${part}`);
    }
  });
});
