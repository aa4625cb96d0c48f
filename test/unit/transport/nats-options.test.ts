import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BootError } from '../../../lib/common/boot-error.js';
import { resolveNatsOptions, type NatsOptions } from '../../../lib/transport/nats/nats.options.js';

describe('options of nats()', () => {
  it('have defaults', () => {
    const { hosts, name, connectTimeoutMs, reconnectTimeWaitMs, pingIntervalMs, maxPendingBytes, inboxPrefix, tls } = resolveNatsOptions({});
    assert.deepEqual(hosts, ['127.0.0.1:4222']);
    assert.deepEqual({ name, connectTimeoutMs, reconnectTimeWaitMs, pingIntervalMs, maxPendingBytes, inboxPrefix, tls }, {
      name: 'anthill',
      connectTimeoutMs: 5000,
      reconnectTimeWaitMs: 200,
      pingIntervalMs: 10_000,
      maxPendingBytes: 16 * 1024 * 1024,
      inboxPrefix: '_INBOX',
      tls: undefined,
    });
  });

  for (const [servers, hosts] of [
    ['nats://a:1', ['a:1']],
    ['a', ['a:4222']],
    [' nats://a:1/ , b:2', ['a:1', 'b:2']],
    [['[::1]:4222', 'nats://user:secret@c'], ['[::1]:4222', 'c:4222']],
  ] as const) {
    it(`servers ${JSON.stringify(servers)}`, () => assert.deepEqual(resolveNatsOptions({ servers }).hosts, hosts));
  }

  it('take credentials from the servers, decoded; options win', () => {
    const login = ({ user, pass, token }: NatsOptions): unknown => ({ user, pass, token });
    assert.deepEqual(login(resolveNatsOptions({ servers: 'nats://u:p%40%3Aq@a' })), { user: 'u', pass: 'p@:q', token: undefined });
    assert.deepEqual(login(resolveNatsOptions({ servers: 'nats://u:50%@a' })), { user: 'u', pass: '50%', token: undefined });
    assert.deepEqual(login(resolveNatsOptions({ servers: 'nats://t@a' })), { user: undefined, pass: undefined, token: 't' });
    assert.deepEqual(login(resolveNatsOptions({ servers: 'nats://u:p@a', pass: 'mine' })), { user: 'u', pass: 'mine', token: undefined });
  });

  it('insist on TLS when a server says tls://', () => {
    assert.deepEqual(resolveNatsOptions({ servers: 'tls://a' }).tls, {});
    assert.deepEqual(resolveNatsOptions({ servers: 'tls://a', tls: { caFile: 'x' } }).tls, { caFile: 'x' });
  });

  for (const [options, message] of [
    [{ servers: 'http://canary@a' }, /"a" has the scheme http/],
    [{ servers: 'ws://a' }, /scheme ws.*use nats:\/\/ or tls:\/\//],
    [{ servers: 'nats://canary@' }, /"" is no address; write nats:\/\/host:port/],
    [{ servers: 'nats://canary@a:99999' }, /"a:99999" is no address/],
    [{ servers: ['nats://u:canary@a', 'nats://u:other@b'] }, /different credentials/],
    [{ connectTimeoutMs: 0 }, /connectTimeoutMs is 0/],
    [{ maxPendingBytes: NaN }, /maxPendingBytes is NaN/],
    [{ inboxPrefix: 'a.*' }, /inboxPrefix "a\.\*" is no subject/],
    [{ connection: {} as NonNullable<NatsOptions['connection']>, servers: 'a', token: 'canary' }, /servers, token has no effect/],
  ] as const) {
    it(`refuse ${Object.keys(options).join(' and ')}: ${message.source}`, () => {
      assert.throws(
        () => resolveNatsOptions(options),
        (error) => {
          assert.ok(error instanceof BootError);
          assert.equal(error.reason, 'NATS_OPTIONS');
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /canary/);
          return true;
        },
      );
    });
  }
});
