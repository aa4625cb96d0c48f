import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { currentContext, RpcContext, runInContext } from '../../lib/common/call-context.js';
import { systemClock } from '../../lib/common/clock.js';
import * as grpc from '@grpc/grpc-js';
import * as loader from '@grpc/proto-loader';
import { createGrpcClient, type GrpcClientHandle } from '../../lib/grpc/client/create-grpc-client.js';
import type { GrpcClientConstructor, GrpcServiceRef } from '../../lib/grpc/client/service-ref.js';
import { GrpcClient } from '../../lib/grpc/index.js';
import { clientOf, collect, type Numbers, PlainServer, proto, SERVICE } from './grpc-client.support.js';

describe('a gRPC client of one address', () => {
  let server: PlainServer;
  let handle: GrpcClientHandle<Numbers>;

  before(async () => {
    server = await PlainServer.start('one');
    handle = await clientOf({ target: server.address });
  });
  after(() => {
    handle.close();
    server.kill();
  });

  it('calls unary methods, exact past 2^53', async () => {
    assert.deepEqual(await handle.client.add({ a: '9007199254740993', b: '9007199254740993' }), { v: '18014398509481986', err: 'one' });
  });

  it('takes streams of replies', async () => {
    const numbers = await collect(handle.client.count({ upTo: 100 }));
    assert.deepEqual(numbers.map(({ n }) => n), Array.from({ length: 100 }, (_, i) => i + 1));
  });

  it('sends streams of requests, from lists and generators', async () => {
    assert.deepEqual(await handle.client.sum([{ n: 1 }, { n: 2 }]), { n: 3 });
    const numbers = async function* () {
      for (let n = 0; n < 50; n++) yield { n };
    };
    assert.deepEqual(await handle.client.sum(numbers()), { n: 1225 });
    assert.deepEqual(await handle.client.sum([]), { n: 0 });
  });

  it('runs a stream of requests in the context of its call, also when another call made the connection', async () => {
    const { client, close } = await clientOf({ target: server.address });
    const call = (n: number): Promise<{ n: number }> => {
      const context = new RpcContext({ path: `/${n}`, nodeId: 'x@1', caller: '', deadlineAt: performance.now() + 10_000, wire: 'local' }, systemClock);
      const numbers = async function* () {
        for (let i = 0; i < 3; i++) yield { n: Number(currentContext()!.path.slice(1)) };
      };
      return runInContext(context, () => client.sum(numbers()));
    };
    assert.deepEqual(await Promise.all([call(1), call(10), call(100)]), [{ n: 3 }, { n: 30 }, { n: 300 }]);
    close();
  });

  it('streams both ways, each reply before the next request', async () => {
    const heard: number[] = [];
    let answered: () => void = () => {};
    const ask = async function* () {
      for (let n = 1; n <= 3; n++) {
        const done = new Promise<void>((resolve) => (answered = resolve));
        yield { n };
        await done;
      }
    };
    for await (const { n } of handle.client.double(ask())) {
      heard.push(n);
      answered();
    }
    assert.deepEqual(heard, [2, 4, 6]);
  });

  it('can be made of generated code: a definition, or a client class', async () => {
    const definition = loader.fromJSON(proto as never, { longs: Number })[SERVICE] as grpc.ServiceDefinition;
    const Constructor = grpc.makeGenericClientConstructor(definition, 'Numbers') as unknown as GrpcClientConstructor;
    for (const service of [definition as unknown as GrpcServiceRef, Constructor]) {
      const { client, close } = await createGrpcClient<{ add(request: { a: number; b: number }): Promise<{ v: number }> }>(service, { target: server.address });
      assert.equal((await client.add({ a: 40, b: 2 })).v, 42);
      close();
    }
  });

  it('has the messages that its options ask for', async () => {
    const { client, close } = await clientOf({ target: server.address, longs: 'number', defaults: false });
    assert.deepEqual({ ...(await client.add({ a: '40', b: '2' })) }, { v: 42, err: 'one' });
    close();
  });

  it('cannot be made of what describes no service', async () => {
    class NoService {}
    const cases: [unknown, object, string][] = [
      [NoService, {}, 'GRPC_CLIENT'],
      [undefined, {}, 'GRPC_CLIENT'],
      [{}, {}, 'GRPC_CLIENT'],
      ['numbers.Numbers', {}, 'GRPC_CLIENT'],
      ['numbers.Numbers', { proto: 'no/such.proto' }, 'GRPC_PROTO'],
      ['Numbers', { proto }, 'GRPC_SERVICE'],
      ['numbers.Numbers', { proto, timeoutMs: -1 }, 'GRPC_CLIENT_OPTIONS'],
      ['numbers.Numbers', { proto, maxMessageBytes: 'big' }, 'GRPC_CLIENT_OPTIONS'],
      ['numbers.Numbers', { proto, keepaliveMs: Infinity }, 'GRPC_CLIENT_OPTIONS'],
      ['numbers.Numbers', { proto, connectTimeoutMs: 2 ** 40 }, 'GRPC_CLIENT_OPTIONS'],
      ['numbers.Numbers', { proto, target: 'registry:///numbers' }, 'GRPC_TARGET'],
    ];
    for (const [service, options, reason] of cases) {
      await assert.rejects(createGrpcClient(service as GrpcServiceRef, { target: server.address, ...options }), { name: 'BootError', reason }, JSON.stringify(options));
    }
    assert.throws(() => GrpcClient(), { reason: 'CLIENT_IS_A_TYPE' });
  });
});
