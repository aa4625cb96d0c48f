import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { advertisedHost, hostPort, parseHostPort } from '../../../lib/common/host-port.js';

describe('host:port', () => {
  it('comes back as it went in, names and both kinds of addresses', () => {
    for (const host of ['10.0.0.5', 'service.example', '::1', 'fe80::1%eth0']) assert.deepEqual(parseHostPort(hostPort(host, 8888)), { host, port: 8888 });
    assert.equal(hostPort('::1', 1), '[::1]:1');
  });

  it('is not taken for one when it is none', () => {
    for (const text of ['', ':1', 'a', 'a:', 'a:0', 'a:65536', 'a:x', '::1:80', '[::1]', '[]:1', 'a b:1', 'a:1/x', 'http://a:1']) assert.equal(parseHostPort(text), undefined, text);
  });
});

describe('where a server is reached', () => {
  it('is where it listens, or at the host of the process when that is everywhere', () => {
    assert.deepEqual(['0.0.0.0', '::', '[::]', undefined, '127.0.0.1', '[::1]', 'inside.example'].map((bound) => advertisedHost(bound, '10.0.0.5')), ['10.0.0.5', '10.0.0.5', '10.0.0.5', '10.0.0.5', '127.0.0.1', '::1', 'inside.example']);
  });
});
