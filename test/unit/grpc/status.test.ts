import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { rpcError } from '../../../lib/common/error-catalog.js';
import { RpcCode, type RpcCodeName } from '../../../lib/common/rpc-code.js';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { errorOf, statusOf } from '../../../lib/grpc/grpc.status.js';

const travel = (error: RpcError): RpcError => errorOf(statusOf(error, grpc), true);

describe('gRPC status', () => {
  it('has the code of every error, and gives it back', () => {
    for (const code of Object.keys(RpcCode) as RpcCodeName[]) {
      assert.equal(grpc.status[statusOf(new RpcError({ code, message: 'x' }), grpc).code], code);
      const back = travel(new RpcError({ code, message: 'x' }));
      assert.deepEqual([back.code, back.reason, back.message, back.remote, back.undelivered], [code, code, 'x', true, false]);
    }
  });

  it('carries reason, metadata and details', () => {
    const details = { list: [1, 'two', null, true, { deep: [] }], ['__proto__']: 1 };
    const back = travel(new RpcError({ code: 'FAILED_PRECONDITION', reason: 'OUT_OF_STOCK', message: 'nothing left', metadata: { sku: 'Ä1' }, details }));
    assert.equal(back.reason, 'OUT_OF_STOCK');
    assert.deepEqual({ ...back.metadata }, { sku: 'Ä1' });
    assert.deepEqual(back.details, details);
    assert.equal(({} as Record<string, unknown>).list, undefined);
  });

  it('tells what is safe to send again', () => {
    assert.equal(travel(rpcError('DRAINING', 'x', { undelivered: true })).undelivered, true);
  });

  it('turns what JSON lacks into text, and leaves out what cannot be sent', () => {
    const details = { bytes: new Uint8Array([1, 2]), at: new Date(0), big: 2n ** 60n, small: 5n, nan: NaN, gone: undefined };
    assert.deepEqual(travel(new RpcError({ code: 'ABORTED', message: 'x', details })).details, { bytes: 'AQI=', at: '1970-01-01T00:00:00.000Z', big: '1152921504606846976', small: 5, nan: 'NaN' });
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    const back = travel(new RpcError({ code: 'ABORTED', reason: 'R', message: 'x', details: cyclic }));
    assert.deepEqual([back.reason, back.details], ['R', undefined]);
  });

  it('stays below what peers take as trailers', () => {
    const error = new RpcError({ code: 'ABORTED', reason: 'R', message: '漢'.repeat(100_000), metadata: { a: 'b' }, details: 'x'.repeat(100_000) });
    const status = statusOf(error, grpc);
    const size = Object.entries(status.metadata.toHttp2Headers()).reduce((sum, [key, value]) => sum + key.length + String(value).length, 0);
    assert.ok(size + encodeURI(status.details).length < 14_000, `${size}`);
    const back = errorOf(status, true);
    assert.deepEqual([back.reason, { ...back.metadata }, back.details], ['R', { a: 'b' }, undefined]);
    const wide = travel(new RpcError({ code: 'ABORTED', reason: 'R', message: 'x', metadata: { a: 'b'.repeat(10_000) } }));
    assert.deepEqual([wide.reason, { ...wide.metadata }], ['R', {}]);
  });

  it('can be sent whatever the message is', () => {
    for (const message of ['\ud800 alone', '\0\r\n', '100 %', 'é']) assert.doesNotThrow(() => encodeURI(statusOf(new RpcError({ code: 'INTERNAL', message }), grpc).details));
  });

  it('of strangers is read as far as it goes', () => {
    const metadata = new grpc.Metadata();
    metadata.set('x-trailer', 'kept');
    metadata.set('grpc-status-details-bin', Buffer.from('no protobuf at all'));
    const error = errorOf({ code: 99, details: 'odd', metadata }, false);
    assert.deepEqual([error.code, error.reason, error.message, error.remote, { ...error.metadata }], ['UNKNOWN', 'UNKNOWN', 'odd', false, { 'x-trailer': 'kept' }]);
    assert.equal(errorOf({ code: 5, details: 'gone' }, true).code, 'NOT_FOUND');
  });

  it('keeps details whose message it does not know', () => {
    // google.rpc.Status { code: 3, message: 'm', details: [Any { type_url: 't/x.Y', value: 0x08 0x01 }] }
    const metadata = new grpc.Metadata();
    metadata.set('grpc-status-details-bin', Buffer.from('080312016d1a0b0a05742f782e5912020801', 'hex'));
    const error = errorOf({ code: 3, details: 'm', metadata }, true);
    assert.deepEqual(error.details, [{ typeUrl: 't/x.Y', value: Buffer.from([8, 1]) }]);
  });
});
