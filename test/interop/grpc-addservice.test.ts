import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { consul, grpcRecord } from '../../lib/registry/consul/index.js';
import { GrpcClient, GrpcHandler, GrpcServer, GrpcService, InjectGrpcClient } from '../../lib/grpc/index.js';
import { type AppOptions, type AppPart, Ctx, RpcContext, RpcError, RpcModule, roundRobin } from '../../lib/index.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { endedByDeadline, failure, until } from '../integration/grpc-client.support.js';
import { describeWith, projectRoot, type RunningServer, startConsul } from '../services/index.js';
import { GoGrpcPeer, goTool } from './go-grpc-peer.js';

/* The article's add service (seed 3), Go's gRPC on one side and Anthill on the other, both found in a real Consul. */

interface AddRequest {
  a: string;
  b: string;
}

interface AddResponse {
  v: string;
  err: string;
}

const proto = `${projectRoot()}/proto/addservice.proto`;
const seen: { metadata: Readonly<Record<string, string>>; leftMs: number; aborted?: string }[] = [];

@GrpcService('addservice.AddService', { proto })
@RpcModule({ type: 'add' })
class AddService {
  @GrpcHandler()
  async add({ a, b }: AddRequest, @Ctx() ctx: RpcContext): Promise<AddResponse> {
    const entry: (typeof seen)[number] = { metadata: ctx.metadata, leftMs: ctx.remainingMs() };
    seen.push(entry);
    if (b === '-1') throw new RpcError({ code: 'OUT_OF_RANGE', reason: 'TOO_SMALL', message: 'too small: ünder null', metadata: { least: '0' } });
    if (a === '0') await new Promise<void>((resolve) => ctx.signal.addEventListener('abort', () => ((entry.aborted = ctx.abortError!.code), resolve())));
    return { v: String(BigInt(a) + BigInt(b)), err: ctx.nodeId };
  }
}

@RpcModule({ type: 'front' })
class Front {
  constructor(@InjectGrpcClient('addservice.AddService', { proto, target: 'registry:///add', selector: roundRobin() }) readonly go: GrpcClient<{ add(request: AddRequest): Promise<AddResponse> }>) {}
}

/** A part of the app that can fall ill. */
class Moody implements AppPart {
  readonly name = 'moody';
  readonly phase = 'resource';
  isWell = true;
  health() {
    return { status: this.isWell ? ('up' as const) : ('down' as const) };
  }
}

describeWith('plain gRPC in Go and Anthill, over Consul', ['consul', 'go'], () => {
  let agent: RunningServer;

  const options = (): Partial<AppOptions> => ({
    registry: consul({ addr: `127.0.0.1:${agent.port}`, env: {}, record: grpcRecord({ prefix: 'grpc.health.v1.', intervalMs: 500 }) }),
    grpc: { host: '127.0.0.1', port: 0 },
    advertise: { host: '127.0.0.1' },
  });
  const goServer = (name: string): Promise<GoGrpcPeer> => GoGrpcPeer.start('addserver', ['-consul', `127.0.0.1:${agent.port}`, '-name', name, '-interval', '500ms']);

  before(async () => {
    agent = await startConsul();
  });
  after(() => agent.stop());

  it('Anthill finds servers of Go, calls them in turn, and goes on without one that is killed', async () => {
    const servers = await Promise.all(['a', 'b', 'c'].map((name) => goServer(name)));
    const app = await createTestingApp({ modules: [Front], ...options() });
    try {
      const { go } = app.get(Front);
      assert.equal((await go.add({ a: '9007199254740993', b: '9007199254740993' })).v, '18014398509481986');
      const names: string[] = [];
      await Promise.all(Array.from({ length: 300 }, async () => names.push((await go.add({ a: '1', b: '2' })).err)));
      assert.deepEqual(['a', 'b', 'c'].map((name) => names.filter((one) => one === name).length), [100, 100, 100]);

      const error = await failure(go.add({ a: '1', b: '-5' }));
      assert.deepEqual([error.code, error.message, error.remote], ['FAILED_PRECONDITION', 'cannot add -5', true]);

      await servers[0]!.kill();
      // The one that is under way while its end is not heard of yet is lost, and no other.
      const answers = [];
      for (let i = 0; i < 30; i++) answers.push(await go.add({ a: '1', b: '2' }).then(({ err }) => err, ({ code }: RpcError) => code));
      assert.ok(answers.filter((answer) => answer === 'UNAVAILABLE').length <= 1 && !answers.includes('a'), answers.join());
      const d = await goServer('d');
      servers.push(d);
      await until(async () => (await go.add({ a: '1', b: '2' })).err === 'd');
    } finally {
      await app.stop();
      await Promise.all(servers.map((server) => server.stop()));
    }
  });

  it('deadline, cancellation and metadata of Anthill reach a server of Go', async () => {
    const server = await goServer('waiting');
    const app = await createTestingApp({ modules: [Front], ...options() });
    try {
      const { go } = app.get(Front);
      await go.add({ a: '1', b: '1' });
      let limitMs = 0;
      await endedByDeadline(() => server.events.length > 0, (timeoutMs) => go.add({ a: '0', b: '0' }, { timeoutMs: (limitMs = timeoutMs), metadata: { 'x-trace': 'abc', 'x-text': 'Grüße' } } as never));
      await until(() => server.events.length >= 2);
      const [waiting, gone] = server.events;
      assert.equal(waiting!['hasDeadline'], true);
      assert.ok(Number(waiting!['leftMs']) > 0 && Number(waiting!['leftMs']) <= limitMs);
      assert.deepEqual((waiting!['metadata'] as Record<string, string[]>)['x-trace'], ['abc']);
      assert.equal(gone!['event'], 'gone');
      const abort = new AbortController();
      const before = server.events.length;
      const call = failure(go.add({ a: '0', b: '0' }, { signal: abort.signal, timeoutMs: 60_000 } as never));
      await until(() => server.events.length === before + 1);
      abort.abort();
      assert.equal((await call).code, 'CANCELLED');
      await until(() => server.events.length === before + 2);
      assert.equal(server.events.at(-1)!['why'], 'context canceled');
    } finally {
      await app.stop();
      await server.stop();
    }
  });

  it('a client of Go finds servers of Anthill, with their errors, and its deadline and cancellation reach them', async () => {
    const apps = await Promise.all([1, 2].map(() => createTestingApp({ modules: [AddService], ...options() })));
    const client = await GoGrpcPeer.start('addclient', ['-consul', `127.0.0.1:${agent.port}`]);
    try {
      const big = await client.add({ a: '9007199254740993', b: '-2', metadata: { 'x-trace': 'go' } });
      assert.deepEqual([big.code, big.v], ['OK', '9007199254740991']);
      assert.equal(seen.at(-1)!.metadata['x-trace'], 'go');
      const nodes = await Promise.all(Array.from({ length: 20 }, () => client.add({ a: '1', b: '2' })));
      assert.equal(new Set(nodes.map(({ err }) => err)).size, 2);

      const wrong = await client.add({ a: '1', b: '-1' });
      assert.deepEqual([wrong.code, wrong.message], ['OutOfRange', 'too small: ünder null']);
      assert.deepEqual(wrong.details, [{ reason: 'TOO_SMALL', domain: 'anthill', metadata: { least: '0' } }]);

      // On a busy machine a call may end before it arrives: then it has more time.
      const ends = { DeadlineExceeded: (timeoutMs: number) => ({ timeoutMs }), Canceled: (cancelMs: number) => ({ timeoutMs: 60_000, cancelMs }) };
      for (const [code, options] of Object.entries(ends)) {
        const before = seen.length;
        let limitMs = 150;
        do assert.equal((await client.add({ a: '0', b: '0', ...options((limitMs *= 2)) })).code, code);
        while (seen.length === before);
        await until(() => seen.at(-1)!.aborted !== undefined);
        const { leftMs, aborted } = seen.at(-1)!;
        if (code === 'Canceled') assert.deepEqual([aborted, leftMs > limitMs], ['CANCELLED', true]);
        else assert.ok(leftMs <= limitMs, `${leftMs} ms`);
      }

      // One leaves while Go calls: nothing is lost.
      const calls = (async () => {
        const codes = new Set<string>();
        for (let i = 0; i < 150; i++) codes.add((await client.add({ a: '1', b: '2' })).code);
        return [...codes];
      })();
      await apps[0]!.stop();
      assert.deepEqual(await calls, ['OK']);
    } finally {
      await client.stop();
      await Promise.all(apps.map((app) => app.stop()));
    }
  });

  it('Consul and grpc-health-probe see readiness; grpcurl lists, describes and calls', async () => {
    const moody = new Moody();
    const app: RpcApplication = await createTestingApp({ modules: [AddService], parts: [moody], ...options() });
    try {
      const address = `127.0.0.1:${app.get(GrpcServer).port}`;
      for (const service of ['', 'add', 'addservice.AddService']) assert.match((await goTool('grpc-health-probe', ['-addr', address, '-service', service])).output, /status: SERVING/);
      assert.notEqual((await goTool('grpc-health-probe', ['-addr', address, '-service', 'nobody'])).code, 0);

      assert.match((await goTool('grpcurl', ['-plaintext', address, 'list'])).output, /^addservice\.AddService\ngrpc\.health\.v1\.Health$/m);
      assert.match((await goTool('grpcurl', ['-plaintext', address, 'describe', 'addservice.AddService'])).output, /rpc add \( \.addservice\.AddRequest \) returns \( \.addservice\.AddResponse \);/);
      assert.match((await goTool('grpcurl', ['-plaintext', '-d', '{"a": "9007199254740993", "b": 1}', address, 'addservice.AddService/add'])).output, /"v": "9007199254740994"/);
      assert.match((await goTool('grpcurl', ['-plaintext', '-d', '{"a": 1, "b": -1}', address, 'addservice.AddService/add'])).output, /OutOfRange[\s\S]*google\.rpc\.ErrorInfo/);

      const status = async (): Promise<string | undefined> => {
        const checks = (await (await fetch(`http://127.0.0.1:${agent.port}/v1/health/checks/grpc.health.v1.add`)).json()) as { ServiceID: string; Status: string }[];
        return checks.find(({ ServiceID }) => ServiceID === `add-${address.replace(':', '-')}`)?.Status;
      };
      await until(async () => (await status()) === 'passing');
      moody.isWell = false;
      await until(async () => (await status()) === 'critical');
      assert.match((await goTool('grpc-health-probe', ['-addr', address, '-service', 'add'])).output, /NOT_SERVING/);
      moody.isWell = true;
      await until(async () => (await status()) === 'passing');
    } finally {
      await app.stop();
    }
  });
});
