import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { HRPC_KEY, hrpcMessage, readHrpcMessage } from '../../../lib/grpc/hrpc-message.js';
import { projectRoot } from '../../services/index.js';

interface Fields {
  serverName: string;
  traceId: string;
  timeoutNs: number;
  namespace: string;
  ip: string;
  ua: string;
}

/** Made by hrpc's own package codec (v0.0.47): what it writes, and what it reads. */
const vectors = JSON.parse(readFileSync(join(projectRoot(), 'test/interop/vectors/hrpc.json'), 'utf8')) as {
  written: { fields: Fields; key: string; json: string }[];
  read: { json: string; fields: Fields | null; isDefault: boolean }[];
};
const ours = ({ serverName, traceId, timeoutNs, namespace, ip, ua }: Fields) => ({ serverName, traceId, requestTimeoutMs: timeoutNs / 1e6, namespace, clientIp: ip, clientUserAgent: ua });

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

  it('of hrpc itself is read, and what we write is what it writes', () => {
    assert.equal(vectors.written.length, 4);
    for (const { fields, key, json } of vectors.written) {
      assert.equal(key, HRPC_KEY);
      assert.deepEqual(readHrpcMessage(json), ours(fields), json);
      if (fields.timeoutNs > 0) assert.deepEqual(JSON.parse(hrpcMessage(ours(fields))), JSON.parse(json));
    }
  });

  it('is understood as hrpc understands it, where it has a timeout', () => {
    const whole = vectors.read.filter(({ fields }) => fields !== null && fields.timeoutNs > 0);
    assert.equal(whole.length, 2);
    for (const { json, fields } of whole) assert.deepEqual(readHrpcMessage(json), ours(fields!), json);
    // Without one hrpc has 0 and fails; we take the call's own deadline.
    for (const { json, fields } of vectors.read) if (fields?.timeoutNs === 0) assert.equal(readHrpcMessage(json)?.requestTimeoutMs, undefined, json);
    for (const json of ['not json', '[]']) {
      assert.equal(vectors.read.find((one) => one.json === json)?.isDefault, true);
      assert.equal(readHrpcMessage(json), undefined);
    }
  });
});
