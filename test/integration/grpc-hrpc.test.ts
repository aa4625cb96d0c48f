import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { join } from 'node:path';
import { GrpcClient, GrpcHandler, GrpcService, InjectGrpcClient } from '../../lib/grpc/index.js';
import { Ctx, Handler, InjectRpc, memoryRegistry, Rpc, RpcContext, RpcModule } from '../../lib/index.js';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { projectRoot } from '../services/index.js';
import { clientOf, type Numbers, PlainServer, proto, SERVICE, Town } from './grpc-client.support.js';
import { metadata, Peer, portOf } from './grpc.support.js';

const ADD_PROTO = join(projectRoot(), 'test/e2e/fixture/add.proto');

interface Header {
  server_name: string;
  trace_id: string;
  request_timeout: number;
  namespace: string;
  client_info: { ip: string; ua: string };
}

/** Called over the native wire, calls an hrpc service. */
@RpcModule({ type: 'calc' })
class Calc {
  constructor(@InjectGrpcClient(SERVICE, { proto, target: 'registry:///numbers', hrpc: true }) readonly numbers: GrpcClient<Numbers>) {}

  @Handler('/add', { concurrent: true })
  async add(a: string, b: string, @Ctx() ctx: RpcContext): Promise<string> {
    const { v } = await this.numbers.add({ a, b });
    return `${v} ${ctx.metadata['x-trace-id'] ?? 'no trace'}`;
  }
}

/** Called by an hrpc service. */
@GrpcService('addservice.AddService', { proto: ADD_PROTO })
@RpcModule({ type: 'front' })
class Front {
  constructor(
    @InjectRpc() private readonly rpc: Rpc,
    @InjectGrpcClient(SERVICE, { proto, target: 'registry:///numbers', hrpc: { serverName: 'other' } }) private readonly numbers: GrpcClient<Numbers>,
  ) {}

  @GrpcHandler()
  async add({ a, b }: { a: string; b: string }): Promise<{ v: string; err: string }> {
    await this.numbers.add({ a, b });
    return { v: '0', err: await this.rpc.call<string>('calc', '/add', [String(a), String(b)]) };
  }
}

describe('the header of hrpc', () => {
  const town = new Town();
  const seen: (Header | undefined)[] = [];
  let server: PlainServer;
  let app: RpcApplication;
  let peer: Peer;

  before(async () => {
    server = await PlainServer.start('one', {
      add(call: grpc.ServerUnaryCall<{ a: string; b: string }, object>, reply: grpc.sendUnaryData<object>) {
        const [json] = call.metadata.get('hrpc_md_message');
        seen.push(json === undefined ? undefined : (JSON.parse(json as string) as Header));
        reply(null, { v: '1', err: '' });
      },
    });
    await town.put(server);
    app = await createTestingApp({ modules: [Calc, Front], registry: memoryRegistry(town.hub), environment: 'production', grpc: { port: 0, host: '127.0.0.1' } });
    peer = new Peer(portOf(app), ADD_PROTO);
  });
  after(async () => {
    peer.close();
    await app.stop();
    server.kill();
  });

  it('is made where a chain begins: the service that calls, a trace id in the form of hrpc, the environment, what is left of the time', async () => {
    seen.length = 0;
    await app.rpc.call('calc', '/add', ['1', '2'], { timeoutMs: 4000 });
    await app.rpc.call('calc', '/add', ['1', '2']);
    const [first, second] = seen as [Header, Header];
    assert.deepEqual([first.server_name, first.namespace, first.client_info], ['calc', 'production', { ip: '', ua: '' }]);
    assert.match(first.trace_id, /^[0-9a-f]{64}\.\d+$/);
    assert.notEqual(first.trace_id, second.trace_id);
    assert.ok(Number.isInteger(first.request_timeout) && first.request_timeout > 0 && first.request_timeout <= 4000e6, `${first.request_timeout} ns`);
    assert.ok(second.request_timeout > 4000e6 && second.request_timeout <= 10_000e6);
  });

  it('goes on as it came, through calls of ours, with the time that is left', async () => {
    seen.length = 0;
    const came = { server_name: 'größe', trace_id: 'abc.1', request_timeout: 2_000_000_000, namespace: 'staging', client_info: { ip: '10.0.0.9', ua: 'app/1' } };
    const header = JSON.stringify(came).replace(/[^ -~]/g, (unit) => `\\u00${unit.charCodeAt(0).toString(16)}`);
    const reply = await peer.unary('/addservice.AddService/add', { a: 1, b: 2 }, { metadata: metadata({ hrpc_md_message: header }), deadlineMs: 5000 });
    assert.equal(reply.err, '1 abc.1', 'handlers find the trace id, across the native wire too');
    const [direct, across] = seen as [Header, Header];
    assert.deepEqual({ ...direct, request_timeout: 0 }, { ...came, request_timeout: 0 });
    assert.ok(direct.request_timeout > 0 && direct.request_timeout < 2_000_000_000);
    // A native call passes the trace on, not the header: there its own module begins.
    assert.deepEqual([across.trace_id, across.server_name], ['abc.1', 'calc']);
  });

  it('names another service where that is said, and is not there unless it is asked for', async () => {
    seen.length = 0;
    await peer.unary('/addservice.AddService/add', { a: 1, b: 2 }, { deadlineMs: 5000 });
    assert.deepEqual(seen.map((header) => header?.server_name), ['other', 'calc']);
    const plain = await clientOf({ target: server.address });
    await plain.client.add({ a: '1', b: '2' });
    assert.equal(seen.at(-1), undefined);
    plain.close();
    const alone = await clientOf({ target: server.address, hrpc: { namespace: 'development' }, caller: 'script' });
    await alone.client.add({ a: '1', b: '2' }, { timeoutMs: Infinity });
    assert.deepEqual([seen.at(-1)!.server_name, seen.at(-1)!.namespace], ['script', 'development']);
    assert.ok(seen.at(-1)!.request_timeout > 0);
    alone.close();
  });
});
