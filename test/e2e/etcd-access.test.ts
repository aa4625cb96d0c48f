import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { etcd, type EtcdOptions } from '../../lib/registry/etcd/index.js';
import type { Registry } from '../../lib/registry/registry.js';
import { describeWith, startEtcd, type RunningServer } from '../services/index.js';

const node = { id: 'access@x', type: 'access', version: '1', address: 'a', metadata: {} };
const timing = { ttlMs: 20_000, intervalMs: 10_000 };

describeWith('access to etcd', ['etcd'], () => {
  it('needs the user and the password where etcd wants them, and says so without the password', async () => {
    const server = await startEtcd({ rootPassword: 'secret' });
    const registries: Registry[] = [];
    const open = (options: EtcdOptions) => {
      const registry = etcd({ endpoints: server.url, ...options });
      registries.push(registry);
      return registry;
    };
    try {
      const right = open({ user: 'root', password: 'secret' });
      await right.register(node, timing);
      assert.deepEqual((await right.get('access')).nodes, [node]);

      const logged: unknown[] = [];
      const log = (...words: unknown[]) => void logged.push(words);
      const wrong = open({ user: 'root', password: 'hunter2', logger: { debug: log, info: log, warn: log, error: log } });
      const refusal = `etcd at 127.0.0.1:${server.port} refused user "root": authentication failed, invalid user ID or password; check user and password`;
      await assert.rejects(wrong.get('access'), { name: 'EtcdRequestError', kind: 'denied', message: refusal });
      await assert.rejects(wrong.register(node, timing), { message: refusal });
      assert.ok(wrong.health().detail!.startsWith(refusal));
      assert.ok(!JSON.stringify([logged, wrong.health()]).includes('hunter2'));

      await assert.rejects(open({}).get('access'), { message: `etcd at 127.0.0.1:${server.port} wants a user and a password; set the options user and password` });

      // A user who may read records, and write nothing.
      const root = await signIn(server);
      await root('auth/role/add', { name: 'reader' });
      await root('auth/role/grant', { name: 'reader', perm: { permType: 'READ', key: base64('/mqant-registry/'), range_end: base64('/mqant-registry0') } });
      await root('auth/user/add', { name: 'reader', password: 'hunter2' });
      await root('auth/user/grant', { user: 'reader', role: 'reader' });
      const reader = open({ user: 'reader', password: 'hunter2' });
      assert.deepEqual((await reader.get('access')).nodes, [node]);
      await assert.rejects(reader.register(node, timing), { kind: 'denied', message: /user "reader" may not write "\/mqant-registry\/access\/access@x" \(permission denied\); check its roles/ });
      assert.equal(reader.health().status, 'down');
      const elsewhere = open({ user: 'reader', password: 'hunter2', prefix: '/elsewhere' });
      await assert.rejects(elsewhere.get('access'), { kind: 'denied', message: /may not read "\/elsewhere\/access\/\*"/ });
    } finally {
      for (const registry of registries) await registry.close();
      await server.stop();
    }
  });

  it('signs in again by itself when etcd has forgotten the token, in requests and in watches', async () => {
    const server = await startEtcd({ rootPassword: 'secret' });
    const registry = etcd({ endpoints: server.url, user: 'root', password: 'secret' });
    const ending = new AbortController();
    try {
      const watch = registry.watch('access', ending.signal)[Symbol.asyncIterator]();
      assert.deepEqual((await watch.next()).value?.nodes, []);
      // Tokens live in its memory only.
      await server.restart();
      await retried(() => registry.register(node, timing));
      assert.deepEqual((await watch.next()).value?.nodes, [node]);
      await registry.register(node, timing);
      await registry.deregister(node);
      assert.deepEqual((await watch.next()).value?.nodes, []);
    } finally {
      ending.abort();
      await registry.close();
      await server.stop();
    }
  });

  it('goes on when authentication is turned on while it runs', async () => {
    const server = await startEtcd();
    const registry = etcd({ endpoints: server.url, user: 'root', password: 'secret' });
    try {
      await registry.register(node, timing);
      for (const [path, body] of [['user/add', { name: 'root', password: 'secret' }], ['user/grant', { user: 'root', role: 'root' }], ['enable', {}]] as const) await post(server, `auth/${path}`, body);
      await registry.register(node, timing);
      assert.deepEqual((await registry.get('access')).nodes, [node]);
    } finally {
      await registry.close();
      await server.stop();
    }
  });

  it('speaks TLS, verifies the server, and shows its own certificate', { skip: hasOpenssl() ? false : 'needs openssl to make certificates' }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'anthill-etcd-tls-'));
    const file = (name: string) => join(folder, name);
    const make = (name: string, ...more: string[]) =>
      execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`, '-keyout', file(`${name}.key`), '-out', file(`${name}.crt`), ...more], { stdio: 'pipe' });
    make('server', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:etcd.test');
    make('client', '-addext', 'extendedKeyUsage=clientAuth');
    const pem = (name: string) => readFileSync(file(name), 'utf8');
    const server = await startEtcd({ tls: { cert: file('server.crt'), key: file('server.key'), clientCa: file('client.crt') } });
    const endpoints = `127.0.0.1:${server.port}`;
    const known = { ca: pem('server.crt'), cert: pem('client.crt'), key: pem('client.key') };
    const registries: Registry[] = [];
    const open = (options: EtcdOptions) => {
      const registry = etcd({ endpoints, timeoutMs: 2000, ...options });
      registries.push(registry);
      return registry;
    };
    const ending = new AbortController();
    try {
      const good = open({ tls: known });
      await good.connect();
      const watch = good.watch('access', ending.signal)[Symbol.asyncIterator]();
      assert.deepEqual((await watch.next()).value?.nodes, []);
      await good.register(node, timing);
      assert.deepEqual((await watch.next()).value?.nodes, [node]);
      await open({ tls: { ...known, servername: 'etcd.test' } }).connect();
      await open({ tls: { cert: known.cert, key: known.key, rejectUnauthorized: false } }).connect();

      const refusals: [EtcdOptions, RegExp][] = [
        [{ tls: { cert: known.cert, key: known.key } }, /cannot be reached \((self-signed|unable to verify)/i],
        [{ tls: { ...known, servername: 'other.test' } }, /cannot be reached \(.*(does not match|altnames)/i],
        [{ tls: { ca: known.ca } }, /cannot be reached \(.*(certificate|socket hang up|ECONNRESET)/i],
        [{ endpoints: `http://${endpoints}` }, /cannot be reached \(.*\); check that it runs, and that endpoints and tls are right/],
      ];
      for (const [options, message] of refusals) await assert.rejects(open(options).connect(), { kind: 'unreachable', message }, JSON.stringify(Object.keys(options.tls ?? {})));
    } finally {
      ending.abort();
      for (const registry of registries) await registry.close();
      await server.stop();
      rmSync(folder, { recursive: true });
    }
  });
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');

async function post(server: RunningServer, path: string, body: object, token?: string): Promise<{ token?: string }> {
  const answer = await fetch(`${server.url}/v3/${path}`, { method: 'POST', body: JSON.stringify(body), headers: token === undefined ? {} : { authorization: token } });
  assert.ok(answer.ok, `${path}: ${await answer.clone().text()}`);
  return (await answer.json()) as { token?: string };
}

async function signIn(server: RunningServer): Promise<(path: string, body: object) => Promise<unknown>> {
  const { token } = await post(server, 'auth/authenticate', { name: 'root', password: 'secret' });
  return (path, body) => post(server, path, body, token);
}

async function retried(work: () => Promise<unknown>): Promise<void> {
  for (const giveUp = performance.now() + 5000; ; await delay(20)) {
    try {
      return void (await work());
    } catch (cause) {
      if (performance.now() > giveUp) throw cause;
    }
  }
}

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
