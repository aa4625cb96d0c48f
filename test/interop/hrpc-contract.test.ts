import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { GrpcClient, GrpcHandler, GrpcService, InjectGrpcClient } from '../../lib/grpc/index.js';
import { Ctx, InjectServices, RpcContext, RpcModule, type Services } from '../../lib/index.js';
import { consul, hrpcRecord } from '../../lib/registry/consul/index.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { failure, until } from '../integration/grpc-client.support.js';
import { describeWith, freePort, projectRoot, type RunningServer, startConsul } from '../services/index.js';
import { GoGrpcPeer } from './go-grpc-peer.js';

/* hrpc's contract between Go and Anthill over a real Consul: registration, lookup by name and tag, the header both ways. The peer is Go, but not hrpc itself: see go-grpc/README.md. */

interface AddRequest {
  a: string;
  b: string;
}

interface AddResponse {
  v: string;
  err: string;
}

const proto = `${projectRoot()}/proto/addservice.proto`;
const seen: { caller: string; header: unknown; leftMs: number }[] = [];

/** Serves Go, and asks Go for what has a b of 100 or more. */
@GrpcService('addservice.AddService', { proto })
@RpcModule({ type: 'anthill' })
class Anthill {
  constructor(
    @InjectGrpcClient('addservice.AddService', { proto, target: 'registry:///go', hrpc: { serverName: 'anthill' } }) readonly go: GrpcClient<{ add(request: AddRequest): Promise<AddResponse> }>,
    @InjectServices() readonly services: Services,
  ) {}

  @GrpcHandler()
  async add({ a, b }: AddRequest, @Ctx() ctx: RpcContext): Promise<AddResponse> {
    const header: unknown = ctx.metadata['hrpc_md_message'] === undefined ? undefined : JSON.parse(ctx.metadata['hrpc_md_message']);
    seen.push({ caller: ctx.caller, header, leftMs: ctx.remainingMs() });
    if (Number(b) >= 100) return this.go.add({ a, b: String(Number(b) - 100) });
    return { v: String(BigInt(a) + BigInt(b)), err: 'anthill' };
  }
}

describeWith("hrpc's contract, Go and Anthill over Consul", ['consul', 'go'], () => {
  let agent: RunningServer;
  let app: RpcApplication;
  let go: GoGrpcPeer;
  const message = { server_name: 'began', trace_id: 'trace.1', request_timeout: 2_500_000_000, namespace: 'development', client_info: { ip: '10.1.2.3', ua: 'phone' } };

  before(async () => {
    agent = await startConsul();
    go = await GoGrpcPeer.start('hrpcpeer', ['-consul', `127.0.0.1:${agent.port}`, '-name', 'go', '-next', 'anthill']);
    app = await createTestingApp({
      modules: [Anthill],
      environment: 'development',
      registry: consul({ addr: `127.0.0.1:${agent.port}`, env: {}, record: hrpcRecord() }),
      health: { port: await freePort(), host: '127.0.0.1' },
      grpc: { host: '127.0.0.1', port: 0 },
      advertise: { host: '127.0.0.1' },
    });
  });
  after(async () => {
    await app.stop();
    await go.stop();
    await agent.stop();
  });
  beforeEach(() => {
    seen.length = 0;
    go.events.length = 0;
  });

  const heard = async (count: number): Promise<{ header: Record<string, unknown>; leftMs: number }[]> => {
    await until(() => go.events.length >= count);
    return go.events as unknown as { header: Record<string, unknown>; leftMs: number }[];
  };

  it('Anthill calls a server that registered itself, with the header of a chain that begins here', async () => {
    assert.deepEqual(await app.get(Anthill).go.add({ a: '40', b: '2' }, { timeoutMs: 2000 }), { v: '42', err: 'go' });
    const { header, leftMs } = (await heard(1))[0]!;
    assert.deepEqual([header['server_name'], header['namespace']], ['anthill', 'development']);
    assert.match(String(header['trace_id']), /^[0-9a-f]{64}\.\d+$/);
    const timeoutMs = Number(header['request_timeout']) / 1e6;
    assert.ok(timeoutMs > 0 && timeoutMs <= 2000, String(timeoutMs));
    assert.ok(leftMs > 0 && leftMs <= 2000, String(leftMs));
  });

  it("Go finds Anthill by name and tag, and its header is the handler's: caller, deadline, trace", async () => {
    const answer = await go.call({ target: 'anthill', a: '9007199254740993', b: '-2', message });
    assert.deepEqual([answer.code, answer.v, answer.err], ['OK', '9007199254740991', 'anthill']);
    assert.deepEqual([seen[0]!.caller, seen[0]!.header], ['began', message]);
    assert.ok(seen[0]!.leftMs > 0 && seen[0]!.leftMs <= 2500, String(seen[0]!.leftMs));
    const none = await go.call({ target: 'anthill', tag: 'production', a: '1', b: '2' });
    assert.match(none.message, /no anthill with the tag production/);
  });

  it('a chain Go, Anthill, Go, Anthill keeps name, trace and client; the time only shrinks', async () => {
    const answer = await go.call({ target: 'anthill', a: '1', b: '100', message });
    assert.deepEqual([answer.code, answer.v, answer.err], ['OK', '1', 'go']);
    const { header } = (await heard(1))[0]!;
    const { request_timeout: left, ...rest } = header;
    const { request_timeout: whole, ...began } = message;
    assert.deepEqual(rest, began);
    assert.ok(Number(left) > 0 && Number(left) <= whole, String(left));

    seen.length = 0;
    assert.deepEqual(await app.get(Anthill).go.add({ a: '1', b: '-3' }), { v: '4', err: 'anthill' });
    assert.equal(seen[0]!.caller, 'anthill');
    assert.equal((seen[0]!.header as typeof message).trace_id, (await heard(2))[1]!.header['trace_id']);
  });

  it('the timeout ends calls on both sides; one of 0 fails at once', async () => {
    const late = await failure(app.get(Anthill).go.add({ a: '0', b: '0' }, { timeoutMs: 300 }));
    assert.equal(late.code, 'DEADLINE_EXCEEDED');
    const none = await go.call({ target: 'anthill', a: '1', b: '2', message: { ...message, request_timeout: 0 } });
    assert.equal(none.code, 'DeadlineExceeded');
    assert.deepEqual(seen, []);
  });

  it('Services finds the Go peer in the environment, and one of another environment by its tag only', async () => {
    const production = await GoGrpcPeer.start('hrpcpeer', ['-consul', `127.0.0.1:${agent.port}`, '-name', 'billing', '-environment', 'production']);
    try {
      const { services } = app.get(Anthill);
      assert.equal((await services.get('go', { choose: 'largest' })).endpoint, '127.0.0.1');
      await assert.rejects(services.get('billing'), { reason: 'SERVICE_NOT_FOUND' });
      const found = await services.get('billing', { tag: 'production' });
      assert.equal(found.target('{name}.{namespace}.svc.cluster.local:{port}'), `billing.prod.svc.cluster.local:${found.port}`);
    } finally {
      await production.stop();
    }
  });
});
