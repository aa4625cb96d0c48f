import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { closingLine } from '../../run/tally.js';
import { listTests, planTests, unitTests } from '../../run/test-files.js';
import { filterOf } from '../../run/test-filter.js';

describe('choosing test files', () => {
  it('lists tests and leaves fixtures out', () => {
    const all = listTests();
    assert.ok(all.includes('test/unit/run/test-files.test.ts'));
    assert.ok(!all.some((source) => source.includes('fixture')));
  });

  it('runs all unit tests as one process and every other file as its own', () => {
    const names = planTests(() => true).map(({ name }) => name);
    assert.equal(names[0], unitTests);
    assert.ok(names.includes('test/integration/runner.test.ts'));
    assert.ok(!names.some((name) => name.startsWith('test/unit/') && name !== unitTests));
  });

  it('needs no unit process when no unit test is wanted', () => {
    assert.deepEqual(planTests(filterOf('integration/runner')).map(({ name }) => name), ['test/integration/runner.test.ts']);
  });

  it('filters by any of the words', () => {
    assert.deepEqual(['a/b', 'c/d', 'e'].filter(filterOf('b,d')), ['a/b', 'c/d']);
    assert.deepEqual(['a', 'b'].filter(filterOf('')), ['a', 'b']);
  });

  it('closes with one line', () => {
    assert.equal(closingLine(3, 0, 0), '3 passed, 0 failed');
    assert.equal(closingLine(3, 1, 2), '3 passed, 1 failed, 2 skipped');
  });
});
