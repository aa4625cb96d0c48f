import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { inspect } from 'node:util';
import { consul, consulWorkerIds } from '../../lib/registry/consul/index.js';
import type { ConsulHealthEntry } from '../../lib/backend/consul/consul.rows.js';
import { describeWith, findServer, freePort, projectRoot, type RunningServer, startConsul } from '../services/index.js';

const node = { id: 'access@1', type: 'access', version: '1', address: 'anthill.rpc.access.1', metadata: {} };
const timing = { ttlMs: 20_000, intervalMs: 10_000 };

describeWith('consul access', ['consul'], () => {
  it('sends the token with every request, and never shows it', async () => {
    const server = await startConsul({ config: 'acl { enabled = true\n default_policy = "allow" }' });
    const registry = consul({ addr: server.url, token: 'not-a-known-secret' });
    try {
      for (const work of [() => registry.register(node, timing), () => registry.get('access'), () => registry.list(), () => registry.deregister(node)]) {
        await assert.rejects(work, (error) => {
          assert.match((error as Error).message, /consul at 127\.0\.0\.1:\d+ answered 403 to .*ACL not found; check the token and its policy/);
          assert.ok(!inspect(error, { depth: 10, showHidden: true }).includes('not-a-known-secret'), 'the token must not be in the error, however deep one looks');
          return true;
        });
      }
      assert.match(registry.health().detail ?? '', /403/);
      // Proof that it was the token: without one the same server lets us.
      const open = consul({ addr: server.url });
      await open.register(node, timing);
      await open.close();
    } finally {
      await registry.close();
      await server.stop();
    }
  });

  it('needs no more rights than the docs say, for registrations of all kinds and for worker ids', async () => {
    // Whoever asks without a token may all, which the start of the server needs; our tokens may nothing but what is written.
    const server = await startConsul({ config: 'acl { enabled = true\n default_policy = "allow"\n tokens { master = "the-master-token" } }' });
    const may = (rights: Record<string, string>, more = ''): string => {
      const all = Object.fromEntries(['agent', 'event', 'key', 'node', 'query', 'service', 'session'].map((kind) => [kind, 'deny']));
      return [...Object.entries({ ...all, ...rights }).map(([kind, policy]) => `${kind}_prefix "" { policy = "${policy}" }`), 'operator = "deny"', 'keyring = "deny"', more].join('\n');
    };
    const put = async (path: string, body: object): Promise<unknown> => {
      const answer = await fetch(`${server.url}/v1/${path}`, { method: 'PUT', headers: { 'x-consul-token': 'the-master-token' }, body: JSON.stringify(body) });
      assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
      return answer.json();
    };
    // The agent bootstraps its ACLs a moment after it has a leader.
    await until(async () => (await fetch(`${server.url}/v1/acl/policies`, { headers: { 'x-consul-token': 'the-master-token' } })).ok);
    const tokenOf = async (name: string, Rules: string): Promise<string> => {
      await put('acl/policy', { Name: name, Rules });
      return ((await put('acl/token', { Policies: [{ Name: name }] })) as { SecretID: string }).SecretID;
    };
    const serving = await tokenOf('serving', may({ node: 'read' }, 'service "access" { policy = "write" }'));
    const counting = await tokenOf('counting', may({ session: 'write' }, 'key_prefix "anthill/workers/" { policy = "write" }'));
    const blind = await tokenOf('blind', may({}));
    const registry = consul({ addr: server.url, env: { CONFIGS_TOKEN: serving }, token: 'of code', record: ['mqant', 'grpc', 'hrpc'] });
    const stranger = consul({ addr: server.url, env: {}, token: blind });
    const workers = consulWorkerIds({ addr: server.url, env: {}, token: counting });
    const reachable = { ...node, metadata: { 'anthill.grpc': '127.0.0.1:1' } };
    try {
      await registry.register(reachable, timing);
      assert.deepEqual((await registry.get('access')).nodes, [reachable]);
      await registry.register(reachable, timing);
      await assert.rejects(registry.register({ ...reachable, id: 'other@1', type: 'other' }, timing), /403/);
      assert.deepEqual((await stranger.get('access')).nodes, [], 'who may read nothing sees nothing');
      await registry.deregister(reachable);
      const claim = await workers.claim();
      await claim.release();
    } finally {
      await registry.close();
      await stranger.close();
      await workers.close();
      await server.stop();
    }
  });

  it('speaks TLS in requests and in watches, and verifies the server', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'anthill-consul-tls-'));
    const make = (...args: string[]) => execFileSync(findServer('consul')!, ['tls', ...args], { cwd: folder, stdio: 'pipe' });
    make('ca', 'create');
    make('cert', 'create', '-server');
    const file = (name: string) => join(folder, name);
    const port = await freePort();
    const server = await startConsul({
      config: `ports { https = ${port} }\n ca_file = "${file('consul-agent-ca.pem')}"\n cert_file = "${file('dc1-server-consul-0.pem')}"\n key_file = "${file('dc1-server-consul-0-key.pem')}"`,
    });
    const trusting = consul({ addr: `https://127.0.0.1:${port}`, tls: { ca: readFileSync(file('consul-agent-ca.pem')) } });
    const distrusting = consul({ addr: `https://127.0.0.1:${port}` });
    const ending = new AbortController();
    try {
      await trusting.connect();
      const watch = trusting.watch('access', ending.signal)[Symbol.asyncIterator]();
      assert.deepEqual((await watch.next()).value, { service: 'access', nodes: [] });
      await trusting.register(node, timing);
      assert.deepEqual((await watch.next()).value, { service: 'access', nodes: [node] });
      await assert.rejects(distrusting.connect(), /cannot be reached \((UNABLE_TO_VERIFY|SELF_SIGNED|unable to verify)/i);
    } finally {
      ending.abort();
      await trusting.close();
      await distrusting.close();
      await server.stop();
      rmSync(folder, { recursive: true });
    }
  });

  it('asks the datacenter that it is told', async () => {
    const server = await startConsul();
    const [here, elsewhere] = [consul({ addr: server.url, env: {}, datacenter: 'dc1' }), consul({ addr: server.url, env: { CONFIGS_DATACENTER: 'elsewhere' }, datacenter: 'dc1' })];
    try {
      await here.register(node, timing);
      assert.deepEqual((await here.get('access')).nodes, [node]);
      await assert.rejects(elsewhere.get('access'), /answered 500 to health\/service\/access: .*datacenter/i);
    } finally {
      await Promise.all([here.close(), elsewhere.close()]);
      await server.stop();
    }
  });

  it('goes on with the next address when an agent is gone, and stays there', async () => {
    const [first, second] = await Promise.all([startConsul(), startConsul()]);
    const registry = consul({ addr: [first.url, second.url], timeoutMs: 2000 });
    const shownBy = async ({ url }: RunningServer) => ((await (await fetch(`${url}/v1/health/service/access?passing=1`)).json()) as unknown[]).length;
    const ending = new AbortController();
    try {
      await registry.register(node, timing);
      assert.deepEqual([await shownBy(first), await shownBy(second)], [1, 0]);
      const watch = registry.watch('access', ending.signal)[Symbol.asyncIterator]();
      assert.equal((await watch.next()).value.nodes.length, 1);
      await first.kill();
      // The other one knows nothing of the node: it gets the whole record.
      await registry.register(node, timing);
      assert.equal(await shownBy(second), 1);
      assert.equal(registry.health().status, 'up');
      await first.restart();
      await registry.register({ ...node, metadata: { state: 'new' } }, timing);
      const seen = await watch.next();
      assert.deepEqual(seen.value.nodes, [{ ...node, metadata: { state: 'new' } }], 'the watch moved on too');
      assert.deepEqual([await shownBy(first), await shownBy(second)], [0, 1]);
      await first.kill();
      await second.kill();
      await assert.rejects(registry.get('access'), new RegExp(`consul at 127\\.0\\.0\\.1:${first.port}, 127\\.0\\.0\\.1:${second.port} cannot be reached`));
    } finally {
      ending.abort();
      await registry.close();
      await Promise.all([first.stop(), second.stop()]);
    }
  });

  it('reads the record of a real mqant node, and is not hurt by services of others', async () => {
    const vector = JSON.parse(readFileSync(join(projectRoot(), 'test/interop/vectors/consul-record.json'), 'utf8')) as {
      puts: { path: string; body?: unknown }[];
      healthService: ConsulHealthEntry[];
      decoded: { id: string; name: string; version: string; address: string; metadata: Record<string, string> };
    };
    const server = await startConsul();
    const registry = consul({ addr: server.url });
    const put = async (path: string, body?: unknown) => {
      const answer = await fetch(`${server.url}${path}`, { method: 'PUT', body: body === undefined ? null : JSON.stringify(body) });
      assert.ok(answer.ok, `${path}: ${answer.status}`);
    };
    try {
      // What mqant sent, replayed up to its shutdown.
      for (const { path, body } of vector.puts.filter(({ path }) => !path.includes('deregister'))) await put(path, body);
      await put('/v1/agent/service/register', { ID: 'db', Name: 'db', Port: 5432, Tags: ['t', 'e', 'v', 'test', 'primary', 't-zz', 'v=14'] });
      const { name: type, ...rest } = vector.decoded;
      await until(async () => (await registry.get(type)).nodes.length > 0);
      assert.deepEqual((await registry.get(type)).nodes, [{ ...rest, type }]);
      await until(async () => (await registry.get('db')).nodes.length > 0);
      assert.deepEqual((await registry.get('db')).nodes, [
        // Whatever has a port may be a gRPC service; its tags are tags.
        {
          ...{ id: 'db@db', type: 'db', version: '14', address: '127.0.0.1' },
          metadata: { 'anthill.grpc': '127.0.0.1:5432', 'anthill.tags': 't,e,v,test,primary,t-zz,v=14', 'anthill.transport': 'grpc', 'anthill.wires': 'grpc', weight: '1' },
        },
      ]);
    } finally {
      await registry.close();
      await server.stop();
    }
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  const giveUp = performance.now() + 5000;
  while (!(await holds())) {
    assert.ok(performance.now() < giveUp, 'what was registered did not show within 5 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
