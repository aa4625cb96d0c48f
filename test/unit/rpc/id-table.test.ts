import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IdTable } from '../../../lib/rpc/id-table.js';

/** The same random operations on a Map; `span` decides how many ids share a slot. */
function compare(seed: number, span: number): void {
  let state = seed;
  const random = (below: number): number => {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    return state % below;
  };
  const table = new IdTable<number>();
  const model = new Map<number, number>();
  for (let i = 0; i < 20_000; i++) {
    const id = random(span);
    if (random(3) === 0) {
      assert.equal(table.delete(id), model.delete(id));
    } else {
      table.set(id, i);
      model.set(id, i);
    }
    const probe = random(span);
    assert.equal(table.get(probe), model.get(probe));
    assert.equal(table.size, model.size);
  }
  const byId = (a: [number, number], b: [number, number]): number => a[0] - b[0];
  assert.deepEqual(table.entries().sort(byId), [...model].sort(byId));
  table.clear();
  assert.deepEqual([table.size, table.values()], [0, []]);
}

describe('IdTable', () => {
  for (const span of [10, 512, 5000, 2 ** 40]) test(`behaves as a Map with ids below ${span}`, () => compare(span % 97, span));
});
