import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { it } from 'node:test';
import type { SecureContextOptions } from 'node:tls';
import { describeWith, selfSigned, startEtcd } from '../services/index.js';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

async function call(url: string, path: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/v3/${path}`, { method: 'POST', body: JSON.stringify(body), signal: AbortSignal.timeout(5_000) });
  return (await response.json()) as Record<string, unknown>;
}

/** As call, over TLS; undefined when the server does not want to talk to us. */
async function secureCall(url: string, path: string, identity: SecureContextOptions): Promise<string | undefined> {
  const request = https.request(`${url}/v3/${path}`, { method: 'POST', ...identity, agent: false }).end('{}');
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return await text(response);
  } catch {
    return undefined;
  }
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

describeWith('an etcd with TLS for tests', ['etcd', 'openssl'], () => {
  it('lets in who has a certificate, also with a password, and nobody else', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'anthill-etcd-tls-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const files = await selfSigned(folder);
    const etcd = await startEtcd({ rootPassword: 'secret', tls: { ...files, clientCa: files.cert } });
    t.after(() => etcd.stop());
    const [cert, key] = [readFileSync(files.cert), readFileSync(files.key)];
    assert.match(etcd.url, /^https:/);
    assert.equal(await secureCall(etcd.url, 'maintenance/status', { ca: cert }), undefined);
    assert.match((await secureCall(etcd.url, 'maintenance/status', { ca: cert, cert, key })) ?? '', /"version"/);
  });
});
