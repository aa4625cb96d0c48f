import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exportMistakes } from '../../checks/export-mistakes.js';

describe('the exports of the package', () => {
  const files = new Set(['dist/lib/index.js', 'dist/lib/index.d.ts']);

  it('may name files of the tarball', () => {
    assert.deepEqual(exportMistakes({ '.': { types: './dist/lib/index.d.ts', default: './dist/lib/index.js' } }, files), []);
  });

  it('may neither have wildcards nor lead nowhere', () => {
    const mistakes = exportMistakes({ './*': './dist/lib/*.js', './nats': { default: './dist/lib/nats.js' } }, files);
    assert.equal(mistakes.length, 2);
    assert.match(mistakes[0] ?? '', /wildcard/);
    assert.equal(mistakes[1], 'exports ./nats default: ./dist/lib/nats.js is not in the tarball');
  });
});
