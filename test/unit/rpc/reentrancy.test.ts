import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { Cluster, deferred, failure, settle, type TestProcess } from './support.js';

describe('re-entrancy', () => {
  let cluster = new Cluster();
  afterEach(async () => {
    await cluster.stop();
    cluster = new Cluster();
  });

  test('a handler that calls its own lane is told at once, with the chain', async () => {
    const process: TestProcess = await cluster.start([{ type: 'a', id: '1', handlers: { '/outer': { run: () => process.rpc.call('a', '/inner') }, '/inner': { run: () => 1 } } }]);
    const error = await failure(process.rpc.call('a', '/outer'));
    assert.equal(error.code, 'FAILED_PRECONDITION');
    assert.equal(error.reason, 'LANE_REENTERED');
    assert.match(error.message, /a@1 \/outer -> a@1 \/inner; mark a handler of the chain \{ concurrent: true \}/);
    assert.deepEqual({ ...error.metadata }, { chain: 'a@1 /outer -> a@1 /inner' });
  });

  test('the chain travels through another process, concurrent handlers on the way included', async () => {
    const a: TestProcess = await cluster.start([{ type: 'a', id: '1', handlers: { '/one': { run: () => a.rpc.call('b', '/two') }, '/three': { run: () => 3 } } }]);
    const b: TestProcess = await cluster.start([
      { type: 'b', id: '1', handlers: { '/two': { run: () => b.rpc.call('c', '/mid') } } },
      { type: 'c', id: '1', handlers: { '/mid': () => b.rpc.call('a', '/three') } },
    ]);
    const caller = await cluster.start();
    const error = await failure(caller.rpc.call('a', '/one'));
    assert.equal(error.reason, 'LANE_REENTERED');
    assert.equal(error.metadata['chain'], 'a@1 /one -> b@1 /two -> a@1 /three');
  });

  test('another lane of the same node, and the same lane of another node, are free', async () => {
    const a: TestProcess = await cluster.start([
      { type: 'a', id: '1', handlers: { '/one': { run: () => a.rpc.call('a', '/own') }, '/own': { run: () => a.rpc.call('b', '/x'), lane: 'handler' } } },
      { type: 'b', id: '1', handlers: { '/x': { run: () => 'far' } } },
    ]);
    assert.equal(await a.rpc.call('a', '/one'), 'far');
  });

  test('a notification holds no lane: it waits until the handler is done', async () => {
    const order: string[] = [];
    const done = deferred();
    for (const spread of [false, true]) {
      const a: TestProcess = await cluster.start([
        {
          type: 'a',
          id: '1',
          handlers: {
            '/one': { run: async () => (await a.rpc.call('b', '/back'), order.push('one')) },
            '/two': { run: () => (order.push('two'), done.resolve()) },
          },
        },
        ...(spread ? [] : [{ type: 'b', id: '1', handlers: { '/back': () => a.rpc.notify('a', '/two') } }]),
      ]);
      if (spread) {
        const b: TestProcess = await cluster.start([{ type: 'b', id: '1', handlers: { '/back': () => b.rpc.notify('a', '/two') } }]);
      }
      await a.rpc.call('a', '/one');
      await done.promise;
      await settle();
      assert.deepEqual(order.splice(0), ['one', 'two']);
      await cluster.stop();
    }
  });

  test('work that goes on after the handler has answered holds nothing any more', async () => {
    const later = deferred<unknown>();
    const a: TestProcess = await cluster.start([
      {
        type: 'a',
        handlers: {
          '/one': {
            run: () => {
              setImmediate(() => setImmediate(() => later.resolve(a.rpc.call('a', '/two'))));
              return 'answered';
            },
          },
          '/two': { run: () => 'two' },
        },
      },
    ]);
    assert.equal(await a.rpc.call('a', '/one', [], { timeoutMs: 50 }), 'answered');
    assert.equal(await later.promise, 'two');
  });
});
