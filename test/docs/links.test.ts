import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { projectRoot } from '../services/index.js';
import { documents, proseOf } from './markdown.js';

/** Anchors that a page has, as GitHub makes them of headings. */
function anchorsOf(file: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of proseOf(file).matchAll(/^#+ (.+)$/gm)) {
    const text = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = text.replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
    let unique = anchor;
    for (let i = 1; anchors.has(unique); i++) unique = `${anchor}-${i}`;
    anchors.add(unique);
  }
  return anchors;
}

/** What is wrong with the links of a page to files and anchors of this project. */
function brokenLinks(file: string): string[] {
  const broken: string[] = [];
  for (const [, target] of proseOf(file).replace(/`[^`\n]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target!)) continue;
    const [path = '', anchor] = target!.split('#');
    const linked = path === '' ? file : join(dirname(file), path);
    if (!existsSync(join(projectRoot(), linked))) broken.push(`${target}: there is no such file`);
    else if (anchor !== undefined && !anchorsOf(linked).has(anchor)) broken.push(`${target}: there is no such heading; it has ${[...anchorsOf(linked)].join(', ')}`);
  }
  return broken;
}

describe('links in documents', () => {
  for (const file of documents()) {
    it(`of ${file} lead somewhere`, () => assert.deepEqual(brokenLinks(file), []));
  }

  it('are looked at', () => assert.ok(proseOf('README.md').includes('](docs/rpc.md)')));
});
