import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { RPC_REASONS } from '../../lib/common/error-catalog.js';
import { projectRoot } from '../services/index.js';
import { tableBelow } from './markdown.js';

const DOCUMENT = 'docs/errors.md';

/** All sources of the library in one text, comments of documentation left out. */
const sources = readdirSync(join(projectRoot(), 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file, text: readFileSync(join(projectRoot(), 'lib', file), 'utf8').replace(/^\s*(\/\*\*|\*|\/\/).*$/gm, '') }));

function literals(pattern: RegExp): Set<string> {
  return new Set(sources.flatMap(({ text }) => [...text.matchAll(pattern)].map((match) => match[1]!)));
}

const documented = (heading: string): { reason: string; row: string[] }[] => tableBelow(DOCUMENT, heading).map((row) => ({ reason: row[0]!.replaceAll('`', ''), row }));

describe('docs/errors.md', () => {
  it('lists every reason of a call with its code, and no other', () => {
    const listed = Object.fromEntries(documented('Calls').map(({ reason, row }) => [reason, row[1]]));
    assert.deepEqual(listed, { ...RPC_REASONS });
  });

  it('lists every reason of a BootError, and no other', () => {
    const raised = literals(/(?:new BootErrors?|super)\(\s*'([A-Z_]+)'/g);
    assert.ok(raised.size > 20);
    assert.deepEqual(documented('Boot').map(({ reason }) => reason), [...raised].sort());
  });

  it('is sorted and says something in every cell', () => {
    for (const heading of ['Calls', 'Boot']) {
      const rows = documented(heading);
      assert.deepEqual(rows.map(({ reason }) => reason), rows.map(({ reason }) => reason).toSorted());
      for (const { reason, row } of rows) assert.ok(row.every((cell) => cell.length > 3), reason);
    }
  });
});

describe('reasons in the code', () => {
  it('are literals where a BootError is made, so that they can be found', () => {
    const hidden = sources.flatMap(({ file, text }) => [...text.matchAll(/new BootError\(\s*(?!')\S+/g)].map((match) => `${file}: ${match[0]}`));
    assert.deepEqual(hidden, []);
  });

  it('of the catalogue are all raised somewhere', () => {
    const used = sources.filter(({ file }) => !file.endsWith('error-catalog.ts')).map(({ text }) => text).join('\n');
    assert.deepEqual(Object.keys(RPC_REASONS).filter((reason) => !used.includes(`'${reason}'`)), []);
  });
});
