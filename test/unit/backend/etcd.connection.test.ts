import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveEtcdConnection, type EtcdConnectionOptions } from '../../../lib/backend/etcd/etcd.connection.js';
import { BootError } from '../../../lib/common/boot-error.js';

describe('options of a connection to etcd', () => {
  it('read endpoints of every usual form', () => {
    const cases: [EtcdConnectionOptions['endpoints'], string[], boolean][] = [
      [undefined, ['127.0.0.1:2379'], false],
      ['etcd.local', ['etcd.local:2379'], false],
      ['a:1, b:2,', ['a:1', 'b:2'], false],
      [['http://a', 'b:2380', 'a:2379'], ['a:2379', 'b:2380'], false],
      ['http://a:80/', ['a:80'], false],
      ['https://a:443', ['a:443'], true],
      ['[::1]:2379', ['[::1]:2379'], false],
    ];
    for (const [endpoints, expected, secure] of cases) {
      const connection = resolveEtcdConnection(endpoints === undefined ? {} : { endpoints });
      assert.deepEqual([connection.endpoints, connection.address, connection.tls !== undefined], [expected, expected.join(', '), secure], String(endpoints));
    }
    assert.deepEqual(resolveEtcdConnection({ endpoints: 'a', tls: { servername: 'x' } }).tls, { servername: 'x' });
  });

  it('refuse what cannot be meant, with what to write instead, and without the password', () => {
    const cases: [object, RegExp][] = [
      [{ endpoints: '' }, /endpoints is empty; name at least one/],
      [{ endpoints: 'ftp://a' }, /only http and https/],
      [{ endpoints: 'a b' }, /not "host:port" nor a URL/],
      [{ endpoints: 'http://root:hunter2@a' }, /give them as options user and password/],
      [{ endpoints: 'http://a/v3' }, /has no path/],
      [{ endpoints: ['http://a', 'https://b'] }, /mixes http: and https:/],
      [{ endpoints: 'http://a', tls: {} }, /write https:, or leave tls out/],
      [{ endpoints: 'a', tls: { cert: 'hunter2', key: 'hunter2' } }, /PEM texts, not the paths of files/],
      [{ password: 'hunter2' }, /a password without a user/],
      [{ timeoutMs: 0 }, /timeoutMs must be a number of at least 1, got 0/],
    ];
    for (const [options, message] of cases) {
      assert.throws(
        () => resolveEtcdConnection(options),
        (error) => error instanceof BootError && error.reason === 'ETCD_OPTIONS' && message.test(error.message) && !error.message.includes('hunter2'),
        JSON.stringify(options),
      );
    }
  });
});
