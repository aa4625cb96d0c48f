import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BootError } from '../../../../lib/common/boot-error.js';
import { grpcAddressOf, targetOf } from '../../../../lib/grpc/client/client-target.js';
import { timeoutText } from '../../../../lib/grpc/client/grpc-timeout.js';

describe('targets of gRPC clients', () => {
  it('are services of the registry', () => {
    for (const text of ['registry:///add', 'registry:add', 'registry:/add', 'registry://add']) assert.deepEqual(targetOf(text, 'x'), { kind: 'registry', name: 'add' });
    assert.deepEqual(targetOf('registry:///grpc.health.v1.add', 'x'), { kind: 'registry', name: 'grpc.health.v1.add' });
    assert.deepEqual(targetOf('registry:///add@7', 'x'), { kind: 'registry', name: 'add@7' });
  });

  it('are addresses, one or several', () => {
    for (const text of ['localhost:50051', '10.0.0.1:1', '[::1]:65535', 'dns:///add.svc:80', 'unix:/tmp/x.sock']) assert.deepEqual(targetOf(text, 'x'), { kind: 'addresses', addresses: [text] });
    assert.deepEqual(targetOf(['a:1', 'b:2'], 'x'), { kind: 'addresses', addresses: ['a:1', 'b:2'] });
  });

  it('are nothing else', () => {
    for (const wrong of ['', 'add', 'http://add:80', 'registry:///', 'registry:///a/b', 'a:0', 'a:65536', '::1:80', ' a:1', [], ['a:1', 'registry:///b'], ['registry:///b', 'a:1'], 7, null]) {
      assert.throws(() => targetOf(wrong as string, 'here'), (error: unknown) => error instanceof BootError && error.reason === 'GRPC_TARGET' && error.message.startsWith('here: '), String(wrong));
    }
  });

  it('of nodes are what they say, or their address where it is one', () => {
    const node = { id: 'add@1', type: 'add', version: '', address: 'add.1', metadata: {} };
    assert.equal(grpcAddressOf(node), undefined);
    assert.equal(grpcAddressOf({ ...node, address: '10.0.0.1:3000' }), '10.0.0.1:3000');
    assert.equal(grpcAddressOf({ ...node, address: '10.0.0.1:3000', metadata: { 'anthill.grpc': 'h:1' } }), 'h:1');
    assert.equal(grpcAddressOf({ ...node, metadata: { 'anthill.grpc': '' } }), undefined);
  });
});

describe('grpc-timeout', () => {
  it('has at most eight digits and never says that the time is over', () => {
    const cases: [number, string | undefined][] = [[Infinity, undefined], [0, '1m'], [0.2, '1m'], [1500.1, '1501m'], [99_999_999, '99999999m'], [100_000_000, '100000S'], [1e11, '27778H'], [1e300, '99999999H']];
    assert.deepEqual(cases.map(([ms]) => timeoutText(ms)), cases.map(([, text]) => text));
  });
});
