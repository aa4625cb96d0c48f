import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hrpcMessage, readHrpcMessage } from '../../../lib/grpc/hrpc-message.js';

describe('hrpc_md_message', () => {
  it('is read as hrpc writes it', () => {
    const json = '{"server_name":"order","trace_id":"ab.1","request_timeout":200000000,"namespace":"development","client_info":{"ip":"10.0.0.1","ua":"x"}}';
    assert.deepEqual(readHrpcMessage(json), { serverName: 'order', traceId: 'ab.1', requestTimeoutMs: 200, namespace: 'development', clientIp: '10.0.0.1', clientUserAgent: 'x' });
  });

  it('is written as hrpc reads it: ASCII, and never without a timeout', () => {
    const json = hrpcMessage({ serverName: 'größe', traceId: 't', namespace: 'production', requestTimeoutMs: 0 });
    assert.match(json, /^[ -~]*$/);
    assert.deepEqual(JSON.parse(json), { server_name: 'größe', trace_id: 't', request_timeout: 1, namespace: 'production', client_info: { ip: '', ua: '' } });
    assert.equal((JSON.parse(hrpcMessage({})) as { request_timeout: number }).request_timeout, 3_000_000_000);
    assert.ok(Number.isSafeInteger((JSON.parse(hrpcMessage({ requestTimeoutMs: Infinity })) as { request_timeout: number }).request_timeout));
  });

  it('that is none is none', () => {
    for (const json of ['', 'no json', '[]', 'null', '7']) assert.equal(readHrpcMessage(json), undefined, json);
    const odd = readHrpcMessage('{"server_name":5,"request_timeout":"1s","client_info":null}');
    assert.deepEqual(odd, { serverName: '', traceId: '', requestTimeoutMs: undefined, namespace: '', clientIp: '', clientUserAgent: '' });
    assert.equal(readHrpcMessage('{"request_timeout":0}')?.requestTimeoutMs, 0);
  });
});
