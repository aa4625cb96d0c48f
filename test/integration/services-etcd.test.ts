import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeWith, startEtcd } from '../services/index.js';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

async function call(url: string, path: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/v3/${path}`, { method: 'POST', body: JSON.stringify(body), signal: AbortSignal.timeout(5_000) });
  return (await response.json()) as Record<string, unknown>;
}

describeWith('an etcd for tests', ['etcd'], () => {
  it('keeps a key over kill and restart on the same port', async (t) => {
    const etcd = await startEtcd();
    t.after(() => etcd.stop());
    await call(etcd.url, 'kv/put', { key: base64('a'), value: base64('1') });
    await etcd.kill();
    await assert.rejects(call(etcd.url, 'kv/range', { key: base64('a') }));
    await etcd.restart();
    assert.equal((await call(etcd.url, 'kv/range', { key: base64('a') }))['count'], '1');
  });

  it('grants leases of one second', async (t) => {
    const etcd = await startEtcd();
    t.after(() => etcd.stop());
    assert.equal((await call(etcd.url, 'lease/grant', { TTL: 1 }))['TTL'], '1');
  });

  it('asks for a password once it has one, also after a restart', async (t) => {
    const etcd = await startEtcd({ rootPassword: 'secret' });
    t.after(() => etcd.stop());
    for (const again of [false, true]) {
      if (again) await etcd.restart();
      assert.match(String((await call(etcd.url, 'kv/range', { key: base64('a') }))['error']), /user name is empty/);
      const login = await call(etcd.url, 'auth/authenticate', { name: 'root', password: 'secret' });
      assert.equal(typeof login['token'], 'string');
    }
  });

  it('tells a mistake on its command line with its log', async () => {
    await assert.rejects(startEtcd({ args: ['--no-such-flag'] }), /etcd ended while starting; its log:[^]*no-such-flag/);
  });
});
