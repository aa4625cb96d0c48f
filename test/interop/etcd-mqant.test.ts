import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { after, before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { RpcFactory } from '../../lib/bootstrap/rpc.factory.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { encodeRecord } from '../../lib/registry/etcd/etcd.record.js';
import { etcd } from '../../lib/registry/etcd/index.js';
import type { Registry } from '../../lib/registry/registry.js';
import { nats } from '../../lib/transport/nats/index.js';
import { buildGo, describeWith, startEtcd, startNats, type RunningServer } from '../services/index.js';

@RpcModule({ type: 'tsetcd', version: '4.5.6' })
class TsService {
  @Handler('/say/hi', { concurrent: true })
  sayHi(name: string): string {
    return `hello ${name}`;
  }
}

interface Found {
  readonly id: string;
  readonly version: string;
  readonly address: string;
  readonly metadata: Readonly<Record<string, string>>;
}

describeWith('mqant nodes that use etcd', ['nats-server', 'etcd', 'go'], () => {
  let broker: RunningServer;
  let server: RunningServer;
  let app: RpcApplication;
  let registry: Registry;
  let go: ChildProcessWithoutNullStreams;
  let lines: AsyncIterator<string>;
  let reader: Interface;
  let ready: { id: string; address: string };

  const line = async (): Promise<Record<string, unknown>> => {
    const { done, value } = await lines.next();
    assert.ok(!done, 'mqant-etcd ended');
    return JSON.parse(value) as Record<string, unknown>;
  };
  const ask = async (request: object): Promise<Record<string, unknown>> => {
    go.stdin.write(`${JSON.stringify({ id: 1, ...request })}\n`);
    return line();
  };
  const theirs = async (target: string): Promise<readonly Found[]> => (await ask({ op: 'servers', target }))['servers'] as Found[];
  const eventually = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    for (const giveUp = performance.now() + 10_000; !(await holds()); await delay(50)) assert.ok(performance.now() < giveUp, `${what} not within 10 s`);
  };
  const gateway = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${server.url}/v3/${path}`, { method: 'POST', body: JSON.stringify(body) });
    assert.ok(answer.ok, path);
    return (await answer.json()) as Record<string, unknown>;
  };
  const rawRecord = async (key: string): Promise<{ value: string; lease: string }> => {
    const { kvs } = (await gateway('kv/range', { key: Buffer.from(key).toString('base64') })) as { kvs?: [{ value: string; lease: string }] };
    assert.ok(kvs, `no ${key} in etcd`);
    return { value: Buffer.from(kvs[0].value, 'base64').toString(), lease: kvs[0].lease };
  };

  before(async () => {
    const binary = await buildGo('test/interop/mqant-etcd');
    [broker, server] = [await startNats(), await startEtcd()];
    go = spawn(binary, ['-nats', broker.url, '-etcd', `${server.host}:${server.port}`]);
    go.stderr.resume();
    reader = createInterface(go.stdout);
    lines = reader[Symbol.asyncIterator]();
    ready = (await line()) as unknown as typeof ready;
    registry = etcd({ endpoints: server.url });
    app = await RpcFactory.create({ modules: [TsService], transport: nats({ servers: broker.url }), registry, wires: ['anthill/1', 'mqant'], logger: false, flags: false, env: {} });
    await app.start({ failFast: true });
  });

  after(async () => {
    if (go !== undefined && go.exitCode === null) {
      const exited = once(go, 'exit');
      go.stdin.end();
      const impatient = setTimeout(() => go.kill('SIGKILL'), 10_000);
      await exited;
      clearTimeout(impatient);
    }
    reader?.close();
    await app?.stop();
    await broker?.stop();
    await server?.stop();
  });

  it('are found with all they have', async () => {
    // Name and process come with their second registration, milliseconds later.
    await eventually('its process id', async () => (await registry.get('goetcd')).nodes[0]?.metadata['pid'] !== undefined);
    const [node] = (await registry.get('goetcd')).nodes;
    const { id, version, address, metadata } = node!;
    assert.deepEqual({ id, version, address }, { id: 'goetcd@one', version: '1.2.3', address: ready.address });
    assert.equal(metadata['odd'], '<a & b> 名\u2028');
    assert.equal(metadata['registry'], 'etcdv3');
    assert.ok((await registry.list()).includes('goetcd'));
  });

  it('write the bytes that we would write, under a lease of the same time', async () => {
    const [node] = (await registry.get('goetcd')).nodes;
    const raw = await rawRecord('/mqant-registry/goetcd/goetcd@one');
    assert.equal(raw.value, encodeRecord(node!));
    const [own] = (await registry.get('tsetcd')).nodes;
    const ours = await rawRecord(`/mqant-registry/tsetcd/${own!.id}`);
    const time = async (lease: string) => (await gateway('lease/timetolive', { ID: lease }))['grantedTTL'];
    assert.deepEqual([await time(raw.lease), await time(ours.lease)], ['20', '20']);
  });

  it('find ours with all it has', async () => {
    const [own] = (await registry.get('tsetcd')).nodes;
    const { id, version, address, metadata } = own!;
    assert.deepEqual(await theirs('tsetcd'), [{ id, version, address, metadata }]);
  });

  it('are called, and call', async () => {
    assert.equal(await app.rpc.call('goetcd', '/say/hi', ['ts'], { timeoutMs: 3000 }), 'hi ts');
    // The reply to the first call of a mqant caller can get lost (see go/README.md).
    let answer: Record<string, unknown> = {};
    await eventually('an answer', async () => (answer = await ask({ op: 'call', target: 'tsetcd', fn: '/say/hi', name: 'go' }))['error'] === '');
    assert.equal(answer['result'], 'hello go');
  });

  it('tell and are told of changes at once', async () => {
    const ending = new AbortController();
    try {
      const watch = registry.watch('goetcd', ending.signal)[Symbol.asyncIterator]();
      await watch.next();
      await app.rpc.call('goetcd', '/metadata/set', ['state', 'forbidden'], { timeoutMs: 3000 });
      const { value } = await watch.next();
      assert.equal(value!.nodes[0]!.metadata['state'], 'forbidden');
    } finally {
      ending.abort();
    }
  });

  it('see ours go when it stops, and are missed when they stop', async () => {
    await app.stop();
    assert.deepEqual(await theirs('tsetcd'), []);
    const watching = etcd({ endpoints: server.url });
    try {
      const watch = watching.watch('goetcd', new AbortController().signal)[Symbol.asyncIterator]();
      assert.equal((await watch.next()).value!.nodes.length, 1);
      go.stdin.end();
      assert.deepEqual((await watch.next()).value!.nodes, []);
    } finally {
      await watching.close();
    }
  });
});
