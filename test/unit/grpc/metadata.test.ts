import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { outgoingMetadata, readCall, readMetadata } from '../../../lib/grpc/grpc.metadata.js';

/** Over the headers of HTTP/2, as a peer gets it. */
function received(metadata: grpc.Metadata): grpc.Metadata {
  return grpc.Metadata.fromHttp2Headers(metadata.toHttp2Headers() as Record<string, string>);
}

const readOrigin = (metadata: grpc.Metadata) => {
  const { pairs: _pairs, ...origin } = readCall(metadata);
  return origin;
};

const nobody = { caller: undefined, external: false, chain: [] };

describe('gRPC metadata', () => {
  it('has what was given, whatever it is', () => {
    const pairs = { 'x-plain': 'a b', 'x-text': 'Grüße 漢字', 'x-blank': ' ends ', 'x-empty': '', 'an odd key': 'v', 'x-raw-bin': 'AQID', 'x-line': 'a\r\nb: c' };
    const back = readMetadata(received(outgoingMetadata(grpc, pairs, nobody)));
    assert.deepEqual({ ...back }, pairs);
  });

  it('sends bytes as bytes and keys in lower case', () => {
    const metadata = outgoingMetadata(grpc, { 'X-Upper': '1', 'x-raw-bin': 'AQID' }, nobody);
    assert.deepEqual(metadata.get('x-upper'), ['1']);
    assert.deepEqual(metadata.get('x-raw-bin'), [Buffer.from([1, 2, 3])]);
  });

  it('keeps the keys of gRPC and ours to itself', () => {
    const metadata = outgoingMetadata(grpc, { 'grpc-timeout': '1S', 'Anthill-Caller': 'forged', 'anthill-external': '1' }, { ...nobody, caller: 'web@1' });
    const back = received(metadata);
    assert.deepEqual({ ...readMetadata(back) }, {});
    assert.deepEqual(readOrigin(back), { caller: 'web@1', external: false, chain: [] });
  });

  it('carries caller, gateway and chain', () => {
    const origin = { caller: 'größe@1', external: true, chain: [{ node: 'a@1', lane: 'serial', path: '/weg/ä' }] };
    assert.deepEqual(readOrigin(received(outgoingMetadata(grpc, undefined, origin))), origin);
  });

  it('joins the values of a repeated key', () => {
    const metadata = new grpc.Metadata();
    metadata.add('x-list', 'a');
    metadata.add('x-list', 'b');
    assert.equal(readMetadata(metadata)['x-list'], 'a, b');
  });

  it('of strangers is read as far as it goes', () => {
    for (const chain of ['no json', '{}', '[1]', '[[1,2,3]]', `[${'["a","b","c"],'.repeat(100)}["a","b","c"]]`]) {
      const metadata = new grpc.Metadata();
      metadata.set('anthill-chain', chain);
      assert.deepEqual(readOrigin(metadata).chain, [], chain);
    }
    for (const text of ['no json', '[]', 'null', '{"a":1}', '{"__proto__":{"polluted":"x"}}']) {
      const metadata = new grpc.Metadata();
      metadata.set('anthill-text-bin', Buffer.from(text));
      assert.deepEqual(Object.keys(readMetadata(metadata)).filter((key) => key !== '0'), [], text);
    }
    const proto = new grpc.Metadata();
    proto.set('__proto__', 'x');
    assert.deepEqual(Object.keys(readMetadata(proto)), []);
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });
});
