import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rpcError } from '../../../lib/common/error-catalog.js';
import { messageOf } from '../../../lib/common/message-of.js';
import { codeName, isCodeName, RpcCode } from '../../../lib/common/rpc-code.js';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { parseTarget } from '../../../lib/common/service-node.js';
import { hostile } from '../rpc/scenario.js';

test('RpcError: defaults, and what a JSON log shows', () => {
  const error = new RpcError({ code: 'ABORTED', message: 'm', cause: new Error('c') });
  assert.deepEqual([error.name, error.reason, error.metadata, error.details, error.remote, error.undelivered], ['RpcError', 'ABORTED', {}, undefined, false, false]);
  assert.ok(error instanceof Error);
  assert.deepEqual(JSON.parse(JSON.stringify(error)), { code: 'ABORTED', reason: 'ABORTED', message: 'm', metadata: {} });
  assert.deepEqual(JSON.parse(JSON.stringify(new RpcError({ code: 'ABORTED', message: 'm', details: { a: 1 } }))).details, { a: 1 });
  assert.equal('cause' in new RpcError({ code: 'ABORTED', message: 'm' }), false);
});

test('RpcError.is knows errors of another copy of the package, and nothing else', () => {
  const foreign = Object.defineProperty(new Error('x'), Symbol.for('anthill/RpcError'), { value: true });
  assert.equal(RpcError.is(foreign), true);
  for (const value of [null, undefined, 'x', 1, {}, new Error('x'), () => 1, hostile()]) assert.equal(RpcError.is(value), false);
});

test('the code follows from the reason', () => {
  assert.deepEqual([rpcError('QUEUE_FULL', 'm').code, rpcError('DRAINING', 'm', { undelivered: true }).undelivered], ['RESOURCE_EXHAUSTED', true]);
});

test('codes are the sixteen of gRPC', () => {
  assert.deepEqual(Object.values(RpcCode), Array.from({ length: 16 }, (_, i) => i + 1));
  for (const [name, value] of Object.entries(RpcCode)) assert.equal(codeName(value), name);
  for (const value of [0, 17, -1, 255, NaN]) assert.equal(codeName(value), 'UNKNOWN');
  for (const value of ['OK', 'constructor', '__proto__', 5, undefined]) assert.equal(isCodeName(value), false);
});

test('messageOf reads anything', () => {
  const getter = Object.defineProperty(new Error('x'), 'message', {
    get() {
      throw new Error('no');
    },
  });
  assert.deepEqual([new Error('a'), 'b', null, undefined, 5, { toString: () => 'c' }].map(messageOf), ['a', 'b', 'null', 'undefined', '5', 'c']);
  for (const value of [getter, hostile(), Object.create(null), Symbol.iterator]) assert.equal(typeof messageOf(value), 'string');
});

test('a target is a type, or a node by exactly one @', () => {
  assert.deepEqual(
    ['a', 'a@1', 'a@', '@1', '@', 'a@b@c', '', 'a@@'].map(parseTarget),
    [{ type: 'a' }, { type: 'a', nodeId: 'a@1' }, { type: 'a' }, { type: '', nodeId: '@1' }, { type: '' }, { type: 'a' }, { type: '' }, { type: 'a' }],
  );
});
