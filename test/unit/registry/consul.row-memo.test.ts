import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ConsulHealthEntry } from '../../../lib/backend/consul/consul.rows.js';
import { readRows } from '../../../lib/registry/consul/read-rows.js';
import { RowMemo } from '../../../lib/registry/consul/row-memo.js';

const row = (id: string, index: number, tags: string[] = [], more: Partial<ConsulHealthEntry> = {}): ConsulHealthEntry => ({
  Node: { Node: 'host', Address: '10.0.0.1', ModifyIndex: 5 },
  Service: { ID: id, Service: 'a', Address: 'x', Tags: tags, ModifyIndex: index },
  Checks: [],
  ...more,
});
const read = (memo: RowMemo, ...rows: ConsulHealthEntry[]) => readRows('a', 'a', rows, [], memo);

describe('rows of a watch', () => {
  it('are read again only when Consul has changed them', () => {
    const memo = new RowMemo();
    const [one, two] = read(memo, row('a@1', 7, ['v=1']), row('a@2', 8, ['v=1']));
    const [same, other] = read(memo, row('a@1', 7, ['v=1']), row('a@2', 9, ['v=2']));
    assert.equal(same, one);
    assert.notEqual(other, two);
    assert.equal(other!.version, '2');
  });

  it('are read again when their host or the state of their checks changed', () => {
    const memo = new RowMemo();
    const [before] = read(memo, row('a@1', 7));
    for (const more of [{ Node: { Node: 'host', Address: '10.0.0.2', ModifyIndex: 6 } }, { Checks: [{ Status: 'warning' }] }, { Node: { Node: 'other', ModifyIndex: 5 } }]) {
      assert.notEqual(read(memo, row('a@1', 7, [], more))[0], before);
      read(memo, row('a@1', 7));
    }
  });

  it('are forgotten when an answer does not have them, and when Consul may count anew', () => {
    const memo = new RowMemo();
    const [before] = read(memo, row('a@1', 7));
    read(memo);
    const [again] = read(memo, row('a@1', 7));
    assert.notEqual(again, before);
    memo.clear();
    assert.equal(read(memo, row('a@1', 7, ['v=9']))[0]!.version, '9');
  });

  it('are read each time without numbers', () => {
    const memo = new RowMemo();
    const plain = (version: string): ConsulHealthEntry => ({ Node: {}, Service: { ID: 'a@1', Service: 'a', Tags: [`v=${version}`] } });
    assert.equal(read(memo, plain('1'))[0]!.version, '1');
    assert.equal(read(memo, plain('2'))[0]!.version, '2');
  });
});
