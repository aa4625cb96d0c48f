import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rpcError } from '../../../lib/common/error-catalog.js';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { fromErrorText, toErrorText } from '../../../lib/wire/mqant/error-text.js';
import { nodeAt } from './mqant-support.js';

const go = nodeAt('gosvc@one', '_INBOX.x');
const ours = nodeAt('shop@1', 'anthill.rpc.shop.1', { 'anthill.wires': 'mqant' });
const from = (text: string, node = go): RpcError => fromErrorText(text, node, '/x');

describe('mqant error texts from Go', () => {
  for (const [text, code, reason] of [
    ['no stock', 'UNKNOWN', 'REMOTE_ERROR'],
    ['not found', 'UNKNOWN', 'REMOTE_ERROR'],
    ['{not json}', 'UNKNOWN', 'REMOTE_ERROR'],
    ['{"code":"x"}', 'UNKNOWN', 'REMOTE_ERROR'],
    ['Remote function(/x) not found', 'NOT_FOUND', 'HANDLER_NOT_FOUND'],
    ['deadline exceeded', 'DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED'],
    ['context deadline exceeded', 'DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED'],
    ['The number of params [[97] [98]] is not adapted.<func(string) (string, error) Value>', 'INVALID_ARGUMENT', 'ARGUMENT_COUNT'],
    ['Bytes2Args [custom] not registered to app.addrpcserialize(...)', 'INVALID_ARGUMENT', 'ARGUMENT_TYPE'],
    ['Args2Bytes [beans.Person] not registered to app.addrpcserialize(...) structure type', 'INTERNAL', 'REPLY_UNENCODABLE'],
    ['none available', 'UNAVAILABLE', 'NO_NODE_MATCHES'],
    ['nofound gosvc@two', 'UNAVAILABLE', 'NO_NODE_MATCHES'],
    ['client closed', 'UNAVAILABLE', 'NODE_UNREACHABLE'],
    ['gosvc rpc func(/x) error boom\n ----Stack----\ngoroutine 1 [running]:\nsecret.go:1', 'INTERNAL', 'HANDLER_FAILED'],
    ['gosvc rpc func(/x) return error func(....)(result interface{}, err error)\n', 'INTERNAL', 'HANDLER_FAILED'],
    ['gosvc rpc func(/x) error reflect: Call using int64 as type int32\n ----Stack----\ngoroutine', 'INVALID_ARGUMENT', 'ARGUMENT_TYPE'],
    ['{"id":"go.api","code":404,"detail":"no such user","status":"Not Found"}', 'NOT_FOUND', 'REMOTE_ERROR'],
    ['{"id":"go.api","code":418,"detail":"tea","status":""}', 'UNKNOWN', 'REMOTE_ERROR'],
    ['DRAINING: shop@1 is stopping', 'UNAVAILABLE', 'DRAINING'],
    ['NOT_OURS: x', 'UNKNOWN', 'REMOTE_ERROR'],
  ] as const) {
    it(`${text.slice(0, 60).split('\n')[0]} is ${code} ${reason}`, () => {
      const error = from(text);
      assert.deepEqual([error.code, error.reason, error.remote, error.undelivered], [code, reason, true, false]);
    });
  }

  it('keep a plain message to the letter', () => {
    assert.equal(from('没有 %d').message, '没有 %d');
  });

  it('lose stacks and dumps of arguments', () => {
    assert.equal(from('gosvc rpc func(/x) error boom\n ----Stack----\ngoroutine 1 [running]:\nsecret.go:1').message, 'gosvc@one /x failed: boom');
    assert.equal(from('The number of params [[115 101 99]] is not adapted.<func() Value>').message, 'gosvc@one /x takes another number of arguments');
  });

  it('say how to send other types', () => {
    assert.match(from('gosvc rpc func(/x) error reflect: Call using int64 as type int32').message, /int64 as type int32.*args: \['int'.*int\(\)/);
  });

  it('give the fields of a JSON error as details', () => {
    const error = from('{"id":"go.api","code":404,"detail":"no such user","status":"Not Found"}');
    assert.equal(error.message, 'no such user');
    assert.deepEqual(error.details, { id: 'go.api', code: 404, detail: 'no such user', status: 'Not Found' });
  });
});

describe('mqant error texts of ours', () => {
  it('are the message of a handler', () => {
    assert.equal(toErrorText(new RpcError({ code: 'NOT_FOUND', reason: 'NO_USER', message: 'no user 7' })), 'no user 7');
    assert.equal(toErrorText(rpcError('HANDLER_FAILED', 'shop@1 /x failed; its log has the cause under ab')), 'shop@1 /x failed; its log has the cause under ab');
  });

  it('are never empty: that would be success', () => {
    assert.equal(toErrorText(new RpcError({ code: 'INTERNAL', reason: 'WHY', message: '' })), 'WHY');
  });

  it('hold no stack', () => {
    assert.equal(toErrorText(new RpcError({ code: 'INTERNAL', message: 'x', cause: new Error('secret') })), 'x');
  });

  it('are cut when endless', () => {
    assert.ok(toErrorText(new RpcError({ code: 'INTERNAL', message: 'x'.repeat(1e6) })).length < 17_000);
  });

  for (const reason of ['ARGUMENT_COUNT', 'ARGUMENT_TYPE', 'HANDLER_ABORTED', 'MALFORMED_PAYLOAD', 'PAYLOAD_TOO_LARGE', 'QUEUE_FULL', 'REPLY_UNENCODABLE'] as const) {
    it(`carry ${reason}`, () => {
      const sent = rpcError(reason, 'what: and why');
      const got = from(toErrorText(sent), ours);
      assert.deepEqual([got.code, got.reason, got.message, got.remote, got.undelivered], [sent.code, reason, 'what: and why', true, false]);
    });
  }

  it('carry DRAINING as safe to retry, from our own nodes', () => {
    const text = toErrorText(rpcError('DRAINING', 'shop@1 is stopping', { undelivered: true }));
    assert.deepEqual([from(text, ours).reason, from(text, ours).undelivered], ['DRAINING', true]);
    assert.equal(from(text, go).undelivered, false);
  });

  it('do not promise that for an error that a handler passes on', () => {
    for (const passedOn of [rpcError('DRAINING', 'other@1 is stopping'), rpcError('DRAINING', 'other@1 is stopping', { undelivered: true, remote: true })]) {
      const got = from(toErrorText(passedOn), ours);
      assert.deepEqual([got.reason, got.undelivered], ['REMOTE_ERROR', false]);
    }
  });
});
