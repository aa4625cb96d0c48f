import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveEtcdConnection, type EtcdConnectionOptions } from '../../../lib/backend/etcd/etcd.connection.js';
import { RemoteEtcd } from '../../../lib/backend/etcd/etcd.remote.js';
import { CODE, WireFailure, type EtcdWire, type WireOptions } from '../../../lib/backend/etcd/etcd.wire.js';

type Reply = object | WireFailure;

/** A client over a wire whose members answer as the test says. */
function rig(options: EtcdConnectionOptions, answer: (endpoint: number, method: string, token: string, draft: object) => Reply) {
  const sent: string[] = [];
  const reply = (endpoint: number, path: string, draft: object, { token }: WireOptions) => {
    const method = path.split('/')[2]!;
    sent.push(`${endpoint} ${method}`);
    const said = answer(endpoint, method, token, draft);
    if (said instanceof WireFailure) throw said;
    return said;
  };
  const wire = {
    unary: async (endpoint: number, { path }: { path: string }, draft: object, wanted: WireOptions) => reply(endpoint, path, draft, wanted),
    stream: async function* (endpoint: number, { path }: { path: string }, draft: object, wanted: WireOptions) {
      yield reply(endpoint, path, draft, wanted);
    },
    close() {},
  } as unknown as EtcdWire;
  return { client: new RemoteEtcd(resolveEtcdConnection(options), wire), sent };
}

const refused = new WireFailure(CODE.unavailable, 'No connection established. Last error: connect ECONNREFUSED 10.0.0.1:2379. Resolution note: ', false);
const dropped = new WireFailure(CODE.unavailable, 'Connection dropped', true);
const late = new WireFailure(CODE.deadlineExceeded, 'Deadline exceeded after 1.0s', true);
const noLeader = new WireFailure(CODE.unavailable, 'etcdserver: no leader', true);
const found = { header: { revision: 5n }, kvs: [], more: false };
const three = { endpoints: 'a,b,c' };

describe('requests to a cluster of etcd', () => {
  it('stay with one member, and go to the next when it is away', async () => {
    let away = 0;
    const { client, sent } = rig(three, (endpoint) => (endpoint === away ? refused : found));
    await client.range('x');
    away = -1;
    await client.range('x');
    assert.deepEqual(sent, ['0 Range', '1 Range', '1 Range']);
    away = 1;
    await client.put('x', '1');
    await client.keepAlive(1n).catch(() => {});
    assert.deepEqual(sent.slice(3), ['1 Put', '2 Put', '2 LeaseKeepAlive']);
  });

  it('try each member once, then say who they are and what the last said', async () => {
    const { client, sent } = rig(three, () => refused);
    await assert.rejects(client.range('x'), { kind: 'unreachable', message: /^etcd at a:2379, b:2379, c:2379 cannot be reached \(connect ECONNREFUSED 10\.0\.0\.1:2379\); check/ });
    assert.deepEqual(sent, ['0 Range', '1 Range', '2 Range']);
  });

  it('that write are not sent again when they may have been done, except where etcd says that they were not', async () => {
    for (const failure of [dropped, late]) {
      const { client, sent } = rig(three, (endpoint) => (endpoint === 0 ? failure : { header: { revision: 1n } }));
      for (const write of [() => client.put('x', '1'), () => client.deleteRange('x'), () => client.txn({ compare: [], success: [] }), () => client.grantLease(1)]) {
        (client as unknown as { session: { current: number } }).session.current = 0;
        sent.length = 0;
        await assert.rejects(write(), { kind: 'unreachable' });
        assert.equal(sent.length, 1, `${failure.details}: ${sent.join()}`);
      }
      (client as unknown as { session: { current: number } }).session.current = 0;
      sent.length = 0;
      await client.range('x').catch(() => {});
      assert.deepEqual(sent, ['0 Range', '1 Range'], 'reads go on');
    }
    const { client, sent } = rig(three, (endpoint) => (endpoint === 0 ? noLeader : { header: { revision: 1n } }));
    await client.put('x', '1');
    assert.deepEqual(sent, ['0 Put', '1 Put']);
  });

  it('that etcd refuses go to no other member', async () => {
    const { client, sent } = rig(three, () => new WireFailure(CODE.invalidArgument, 'etcdserver: key is not provided', true));
    await assert.rejects(client.put('', '1'), { kind: 'refused', message: 'etcd at a:2379, b:2379, c:2379 refused to write "": key is not provided' });
    assert.equal(sent.length, 1);
  });
});

describe('signing in at etcd', () => {
  const signedIn = { endpoints: 'a', user: 'root', password: 'hunter2' };
  const wrongToken = new WireFailure(CODE.unauthenticated, 'etcdserver: invalid auth token', true);

  it('happens once for all requests, with the token on each', async () => {
    const tokens: string[] = [];
    const { client, sent } = rig(signedIn, (_, method, token) => (method === 'Authenticate' ? { token: 't1' } : (tokens.push(token), found)));
    await Promise.all([client.range('x'), client.range('y')]);
    await client.range('z');
    assert.deepEqual(sent.filter((one) => one.includes('Authenticate')).length, 1);
    assert.deepEqual(tokens, ['t1', 't1', 't1']);
  });

  it('happens again when the token is forgotten, and only once for those who notice together', async () => {
    let valid = 't1';
    let made = 1;
    const { client, sent } = rig(signedIn, (_, method, token) => (method === 'Authenticate' ? { token: (valid = `t${made++}`) } : token === valid ? found : wrongToken));
    await client.range('x');
    valid = 'gone';
    await Promise.all([client.range('x'), client.range('y'), client.range('z')]);
    assert.equal(sent.filter((one) => one.includes('Authenticate')).length, 2);
  });

  it('is given up after one more try, with a message that has the user and not the password', async () => {
    const { client, sent } = rig(signedIn, (_, method) => (method === 'Authenticate' ? { token: 't' } : wrongToken));
    await assert.rejects(client.range('x'), (error: Error) => /user "root" may not read "x"/.test(error.message) && !JSON.stringify([error, error.message, error.stack]).includes('hunter2'));
    assert.equal(sent.length, 4);
  });

  it('does nothing where authentication is off, and happens when it is turned on later', async () => {
    let on = false;
    const { client } = rig(signedIn, (_, method, token) => {
      if (method === 'Authenticate') return on ? { token: 't' } : new WireFailure(CODE.failedPrecondition, 'etcdserver: authentication is not enabled', true);
      return on && token === '' ? new WireFailure(CODE.invalidArgument, 'etcdserver: user name is empty', true) : found;
    });
    await client.range('x');
    on = true;
    await client.range('x');
  });

  it('is asked for in words when nobody gave a user', async () => {
    const { client } = rig({ endpoints: 'a' }, () => new WireFailure(CODE.invalidArgument, 'etcdserver: user name is empty', true));
    await assert.rejects(client.range('x'), { kind: 'denied', message: 'etcd at a:2379 wants a user and a password; set the options user and password' });
  });
});
