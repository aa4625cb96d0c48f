import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import * as grpc from '@grpc/grpc-js';
import { GrpcClient, GrpcClientModule, InjectGrpcClient } from '../../lib/grpc/index.js';
import { AnthillModule, BootError, Ctx, Handler, memoryRegistry, RpcContext, type RpcError, RpcModule } from '../../lib/index.js';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { endedByDeadline, failure, type Numbers, PlainServer, proto, SERVICE, Town, until } from './grpc-client.support.js';

const SOMEWHERE = { proto, target: 'registry:///numbers' };

@Injectable()
class Calculator {
  constructor(@InjectGrpcClient(SERVICE, SOMEWHERE) readonly numbers: GrpcClient<Numbers>) {}
}

@RpcModule({ type: 'calc', providers: [Calculator] })
class Calc {
  constructor(
    readonly calculator: Calculator,
    @InjectGrpcClient(SERVICE, { ...SOMEWHERE, timeoutMs: 8000 }) readonly hasty: GrpcClient<Numbers>,
  ) {}

  @Handler('/add', { concurrent: true })
  async add(a: string, b: string): Promise<string> {
    return (await this.calculator.numbers.add({ a, b })).v;
  }

  @Handler('/hasty', { concurrent: true })
  async addHastily(a: string, @Ctx() ctx: RpcContext): Promise<string> {
    assert.ok(ctx.remainingMs() > 0);
    return (await this.hasty.add({ a, b: '0' })).v;
  }
}

interface Seen {
  readonly metadata: Record<string, unknown>;
  readonly leftMs: number;
  cancelled: boolean;
}

describe('@InjectGrpcClient', () => {
  const town = new Town();
  const seen: Seen[] = [];
  let server: PlainServer;
  let app: RpcApplication;

  before(async () => {
    server = await PlainServer.start('one', {
      add(call: grpc.ServerUnaryCall<{ a: string; b: string }, object>, reply: grpc.sendUnaryData<object>) {
        const entry: Seen = { metadata: call.metadata.getMap(), leftMs: (call.getDeadline() as Date).valueOf() - Date.now(), cancelled: false };
        seen.push(entry);
        call.on('cancelled', () => (entry.cancelled = true));
        // What cannot be added is never answered.
        if (call.request.a !== '0') reply(null, { v: String(BigInt(call.request.a) + BigInt(call.request.b)), err: '' });
      },
    });
    await town.put(server);
    app = await createTestingApp({ modules: [Calc], registry: memoryRegistry(town.hub) });
  });
  after(async () => {
    await app.stop();
    server.kill();
  });

  it('needs no import: the app provides it, to providers and to the module class', async () => {
    assert.equal(await app.rpc.call('calc', '/add', ['40', '2']), '42');
    assert.equal(await app.rpc.call('calc', '/hasty', ['3']), '3');
  });

  it('gives plain frozen objects: await and hooks of Nest find nothing there', async () => {
    const { numbers } = app.get(Calculator);
    assert.equal(await numbers, numbers);
    assert.ok(Object.isFrozen(numbers));
    assert.deepEqual(Object.keys(numbers).sort(), ['Count', 'Double', 'Sum', 'add', 'count', 'double', 'sum']);
  });

  it('hands on what is left of the deadline, the metadata that travel, and who calls', async () => {
    seen.length = 0;
    await app.rpc.call('calc', '/add', ['1', '1'], { timeoutMs: 9000, metadata: { 'x-trace': 'abc', other: 'stays' } });
    const { metadata, leftMs } = seen[0]!;
    assert.ok(leftMs > 0 && leftMs <= 9001, `${leftMs} ms`);
    assert.equal(metadata['x-trace'], 'abc');
    assert.equal(metadata['other'], undefined);
    assert.equal(metadata['anthill-caller'], app.modules.get('calc')!.id);
    seen.length = 0;
    await app.rpc.call('calc', '/hasty', ['1'], { timeoutMs: 9000 });
    assert.ok(seen[0]!.leftMs <= 8001, `${seen[0]!.leftMs} ms`);
    seen.length = 0;
    await app.get(Calculator).numbers.add({ a: '1', b: '1' });
    assert.ok(seen[0]!.leftMs > 0 && seen[0]!.leftMs <= 10_001, `${seen[0]!.leftMs} ms`);
  });

  it('hands on the end of a call: deadline and cancel cross two hops', async () => {
    seen.length = 0;
    await endedByDeadline(() => seen.length > 0, (timeoutMs) => app.rpc.call('calc', '/add', ['0', '1'], { timeoutMs }));
    await until(() => seen.every(({ cancelled }) => cancelled));
    seen.length = 0;
    const abort = new AbortController();
    const call = failure(app.rpc.call('calc', '/add', ['0', '1'], { signal: abort.signal, timeoutMs: 60_000 }));
    await until(() => seen.length === 1);
    abort.abort();
    assert.equal((await call).code, 'CANCELLED');
    await until(() => seen[0]!.cancelled);
  });

  it('has the interceptors of the app around its calls', async () => {
    const paths: string[] = [];
    const other = await createTestingApp({ modules: [Calc], registry: memoryRegistry(town.hub), interceptors: { client: [(call, next) => (paths.push(`${call.target}${call.path}`), next())] } });
    try {
      await other.get(Calculator).numbers.add({ a: '1', b: '1' });
      assert.deepEqual(paths, ['numbers/numbers.Numbers/add']);
    } finally {
      await other.stop();
    }
  });

  it('closes its connections with the app', async () => {
    const other = await createTestingApp({ modules: [Calc], registry: memoryRegistry(town.hub) });
    const { numbers } = other.get(Calculator);
    await numbers.add({ a: '1', b: '1' });
    await other.stop();
    const error: RpcError = await failure(numbers.add({ a: '1', b: '1' }));
    assert.equal(error.code, 'UNAVAILABLE');
  });

  it('is provided by hand to classes that a forRoot app does not see', async () => {
    @Injectable()
    class Outside {
      constructor(@InjectGrpcClient(SERVICE, SOMEWHERE) readonly numbers: GrpcClient<Numbers>) {}
    }
    @Module({ imports: [AnthillModule.forRoot({ modules: [], flags: false, env: {}, configFile: false, registry: memoryRegistry(town.hub) }), GrpcClientModule.for(Outside)], providers: [Outside] })
    class Root {}
    const context = await NestFactory.createApplicationContext(Root, { logger: false });
    try {
      assert.equal((await context.get(Outside).numbers.add({ a: '20', b: '1' })).v, '21');
    } finally {
      await context.close();
    }
  });

  it('tells all mistakes at boot, with where they are', async () => {
    @RpcModule({ type: 'wrong' })
    class Wrong {
      constructor(
        @InjectGrpcClient('numbers.Nombers', SOMEWHERE) readonly a: object,
        @InjectGrpcClient(SERVICE, { proto, target: 'http://numbers' }) readonly b: object,
        @InjectGrpcClient(SERVICE, { proto, target: 'registry:///x', keepalivMs: 1 } as object) readonly c: object,
        @InjectGrpcClient(SERVICE, { target: 'registry:///x' }) readonly d: object,
        @InjectGrpcClient(SERVICE, { proto }) readonly e: object,
        @InjectGrpcClient(SERVICE, { proto, target: 'localhost:1', tls: { ca: '/not/there.pem' } }) readonly f: object,
      ) {}
    }
    await assert.rejects(createTestingApp({ modules: [Wrong] }), (error: unknown) => {
      assert.ok(error instanceof BootError);
      assert.deepEqual(error.mistakes.map(({ reason }) => reason), ['GRPC_SERVICE', 'GRPC_TARGET', 'GRPC_CLIENT_OPTIONS', 'GRPC_CLIENT', 'GRPC_TARGET', 'GRPC_TLS'].reverse());
      for (const text of [/in Wrong/, /did you mean "numbers.Numbers"/, /did you mean "keepaliveMs"/]) assert.match(error.message, text);
      return true;
    });
  });
});
