import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { type ClientHttp2Stream, connect } from 'node:http2';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { type Type } from '@nestjs/common';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { RpcFactory } from '../../lib/bootstrap/rpc.factory.js';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { BootError } from '../../lib/common/boot-error.js';
import type { AppPart, HealthReport } from '../../lib/common/lifecycle.js';
import { NODE_META } from '../../lib/common/service-node.js';
import type { GrpcContext } from '../../lib/grpc/grpc.context.js';
import type { GrpcHandlerOptions } from '../../lib/grpc/grpc-declared.js';
import { GrpcHandler, GrpcService } from '../../lib/grpc/grpc.decorators.js';
import { GrpcModule } from '../../lib/grpc/grpc.module.js';
import { GrpcServer } from '../../lib/grpc/grpc.server.js';
import { errorOf } from '../../lib/grpc/grpc.status.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { Ctx } from '../../lib/metadata/params.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { createTestingApp, type TestingAppOptions } from '../../lib/testing/testing-app.js';
import { type Certificate, describeWith, projectRoot, selfSigned } from '../services/index.js';
import { isolated, Recorder } from './app.support.js';
import { collect, failure, metadata, Peer, portOf, type Reply, SHOP_PROTO } from './grpc.support.js';

interface Item {
  number: number;
  payload?: Uint8Array;
}

const HEALTH_PROTO = join(projectRoot(), 'proto/grpc/health/v1/health.proto');
const ANTHILL_PROTO = join(projectRoot(), 'proto/anthill.proto');

@GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })
@RpcModule({ type: 'shop' })
class Shop {
  readonly events = new Recorder();
  finish: () => void = () => {};
  produced = 0;

  @GrpcHandler()
  add({ a, b }: { a: string; b: string }, @Ctx() ctx: GrpcContext): object {
    return { value: Number(a) + Number(b), note: ctx.peerCertificate?.subject.O };
  }

  @GrpcHandler()
  async *count({ to, size }: { to: number; size: number }, @Ctx() ctx: GrpcContext): AsyncGenerator<Item> {
    this.events.note('count');
    for (this.produced = 0; this.produced < to; this.produced++) {
      if (size === 0 && this.produced === 1) await new Promise<void>((resolve) => (this.finish = resolve));
      if (ctx.aborted) return;
      yield { number: this.produced, payload: Buffer.alloc(size) };
    }
  }

  @Handler('/say', { public: true, concurrent: true })
  say(value: unknown, @Ctx() ctx: GrpcContext): unknown {
    return { value, external: ctx.external, wire: ctx.wire };
  }
  @Handler('/secret', { concurrent: true })
  secret(): string {
    return 'secret';
  }
  @Handler('/odd', { public: true, concurrent: true })
  odd(): unknown {
    return new Map();
  }
}

async function serving(t: TestContext, options: Partial<TestingAppOptions> = {}): Promise<RpcApplication> {
  const app = await createTestingApp({ modules: [Shop], ...options });
  t.after(() => app.stop());
  return app;
}

function peerOf(t: TestContext, app: RpcApplication, ...rest: ConstructorParameters<typeof Peer> extends [number, ...infer R] ? R : never): Peer {
  const peer = new Peer(portOf(app), ...rest);
  t.after(() => peer.close());
  return peer;
}

async function bootError(work: Promise<unknown>): Promise<BootError> {
  const error = await work.then((app) => (app as RpcApplication).stop().then(() => assert.fail('it started')), (caught: unknown) => caught);
  assert.ok(error instanceof BootError, String(error));
  return error;
}

/** A part whose word on its health a test decides. */
class Mood implements AppPart {
  readonly name = 'mood';
  readonly phase = 'resource';
  status: HealthReport['status'] = 'up';
  health(): HealthReport {
    return { status: this.status };
  }
}

describe('grpc.health.v1', () => {
  const check = (peer: Peer, service: string): Promise<unknown> => peer.unary('/grpc.health.v1.Health/Check', { service }).then(({ status }) => status);

  it('answers for the server, its services and its modules', async (t) => {
    const app = await serving(t);
    const peer = peerOf(t, app, HEALTH_PROTO);
    for (const service of ['', 'shop.v1.Shop', 'Shop', 'shop']) assert.equal(await check(peer, service), 'SERVING', service);
    const unknown = await failure(check(peer, 'shop.v1.Nothing'));
    assert.equal(unknown.code, grpc.status.NOT_FOUND);
    const { statuses } = await peer.unary('/grpc.health.v1.Health/List', {});
    assert.deepEqual(statuses, Object.fromEntries(['', 'shop.v1.Shop', 'Shop', 'shop'].map((name) => [name, { status: 'SERVING' }])));
  });

  it('is the readiness of the app', async (t) => {
    const mood = new Mood();
    const app = await serving(t, { parts: [mood] });
    const peer = peerOf(t, app, HEALTH_PROTO);
    const watch = peer.server('/grpc.health.v1.Health/Watch', { service: 'shop' })[Symbol.asyncIterator]() as AsyncIterator<Reply>;
    const next = async (): Promise<unknown> => (await watch.next()).value?.status;
    assert.equal(await next(), 'SERVING');
    mood.status = 'down';
    assert.equal(await check(peer, ''), 'NOT_SERVING');
    assert.equal(await next(), 'NOT_SERVING');
    mood.status = 'up';
    assert.equal(await next(), 'SERVING');
    const stopped = app.stop();
    assert.equal(await next(), 'NOT_SERVING');
    assert.equal(await next(), undefined);
    await stopped;
  });

  it('says that it does not know a service, and waits for it', async (t) => {
    const app = await serving(t);
    const watch = peerOf(t, app, HEALTH_PROTO).server('/grpc.health.v1.Health/Watch', { service: 'later' });
    watch.on('error', () => {});
    const [first] = (await once(watch, 'data')) as [Reply];
    assert.equal(first.status, 'SERVICE_UNKNOWN');
    watch.cancel();
  });
});

describe('grpc.reflection', () => {
  for (const version of ['v1', 'v1alpha']) {
    it(`lists services and shows their files (${version})`, async (t) => {
      const app = await serving(t, { grpc: { generic: 'public' } });
      const peer = peerOf(t, app, join(projectRoot(), `node_modules/@grpc/reflection/build/proto/grpc/reflection/${version}/${version}.proto`.replace(`${version}.proto`, 'reflection.proto')));
      const call = peer.bidi(`/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`);
      const answers = call[Symbol.asyncIterator]() as AsyncIterator<Reply>;
      const ask = async (request: object): Promise<Reply> => {
        call.write(request);
        return (await answers.next()).value as Reply;
      };
      const list = await ask({ listServices: '*' });
      assert.deepEqual((list.listServicesResponse as { service: { name: string }[] }).service.map(({ name }) => name), [
        'shop.v1.Shop',
        'anthill.v1.Rpc',
        'grpc.health.v1.Health',
        'grpc.reflection.v1.ServerReflection',
        'grpc.reflection.v1alpha.ServerReflection',
      ]);
      const { default: descriptor } = (await import('protobufjs/ext/descriptor.js')) as unknown as { default: { FileDescriptorProto: { decode(bytes: Uint8Array): { name: string; dependency: string[]; messageType: { name: string; field: { name: string; typeName?: string }[]; nestedType: { name: string }[] }[] } } } };
      const filesOf = (reply: Reply) => (reply.fileDescriptorResponse as { fileDescriptorProto: Uint8Array[] }).fileDescriptorProto.map((bytes) => descriptor.FileDescriptorProto.decode(bytes));
      const files = filesOf(await ask({ fileContainingSymbol: 'shop.v1.Shop' }));
      assert.deepEqual(files.map(({ dependency }) => dependency.length), [1, 0]);
      assert.equal(files[0]!.dependency[0], files[1]!.name);
      const total = files[0]!.messageType.find(({ name }) => name === 'Total')!;
      // As in the proto, and entries of maps as protoc names them.
      assert.deepEqual(total.field.map(({ name, typeName }) => [name, typeName || undefined]), [['value', undefined], ['note', undefined], ['item_names', '.shop.v1.Total.ItemNamesEntry']]);
      assert.deepEqual(total.nestedType.map(({ name }) => name), ['ItemNamesEntry']);
      assert.deepEqual(filesOf(await ask({ fileByFilename: files[1]!.name })).map(({ name }) => name), [files[1]!.name]);
      assert.equal(filesOf(await ask({ fileContainingSymbol: 'shop.v1.Shop.add' })).length, 2);
      for (const symbol of ['shop.v1.Nothing', 'constructor', '__proto__', '']) {
        assert.equal(((await ask({ fileContainingSymbol: symbol })).errorResponse as { errorCode: number }).errorCode, grpc.status.NOT_FOUND, symbol);
      }
      assert.ok((await ask({})).errorResponse);
      // Left open: the stop does not wait for it.
      await app.stop();
      assert.equal((await answers.next()).done, true);
    });
  }

  it('can be turned off', async (t) => {
    const app = await serving(t, { grpc: { reflection: false } });
    const peer = peerOf(t, app, join(projectRoot(), 'node_modules/@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto'));
    assert.equal((await failure(collect(peer.bidi('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo')))).code, grpc.status.UNIMPLEMENTED);
  });
});

describe('anthill.v1.Rpc', () => {
  const call = (peer: Peer, request: object, options = {}): Promise<Reply> => peer.unary('/anthill.v1.Rpc/Call', request, options);
  const text = (stringValue: string) => ({ kind: 'stringValue', stringValue });

  it('is off by default', async (t) => {
    const peer = peerOf(t, await serving(t), ANTHILL_PROTO);
    assert.equal((await failure(call(peer, {}))).code, grpc.status.UNIMPLEMENTED);
  });

  it('calls public handlers for strangers', async (t) => {
    const app = await serving(t, { grpc: { generic: 'public' } });
    const peer = peerOf(t, app, ANTHILL_PROTO);
    const { result } = await call(peer, { target: 'shop', path: '/say', args: { values: [text('hi')] } });
    assert.deepEqual((result as { structValue: { fields: unknown } }).structValue.fields, {
      value: { stringValue: 'hi' },
      external: { boolValue: true },
      wire: { stringValue: 'grpc' },
    });
    assert.ok(await call(peer, { target: app.modules.get('shop')!.id, path: '/say', args: { values: [text('hi')] } }));
    const reasons = async (request: object): Promise<string> => errorOf(await failure(call(peer, request)), true).reason;
    assert.equal(await reasons({ target: 'shop', path: '/secret' }), 'HANDLER_NOT_FOUND');
    assert.equal(await reasons({ target: 'shop', path: '/shop.v1.Shop/add', args: { values: [{ structValue: { fields: {} } }] } }), 'HANDLER_NOT_FOUND');
    assert.equal(await reasons({ target: 'nobody', path: '/say' }), 'SERVICE_NOT_FOUND');
    assert.equal(await reasons({ target: 'shop@other', path: '/say' }), 'NODE_NOT_FOUND');
    assert.equal(await reasons({ target: 'shop', path: '/say' }), 'ARGUMENT_COUNT');
    assert.equal(await reasons({ target: 'shop', path: '/odd' }), 'REPLY_UNENCODABLE');
    assert.equal(await reasons({ target: 'shop', path: '/say', codec: 'xml' }), 'CODEC_UNKNOWN');
    assert.equal(await reasons({ target: 'shop', path: '/say', codec: 'json', payload: Buffer.from('{') }), 'MALFORMED_PAYLOAD');
    assert.equal(await reasons({ target: 'shop', path: '/say', codec: 'json', payload: Buffer.from('{}') }), 'MALFORMED_PAYLOAD');
  });

  it('calls all handlers where config says so, and carries what JSON has no word for', async (t) => {
    const app = await serving(t, { grpc: { generic: 'all' } });
    const peer = peerOf(t, app, ANTHILL_PROTO);
    assert.deepEqual((await call(peer, { target: 'shop', path: '/secret' })).result, { stringValue: 'secret' });
    const { payload } = await call(peer, { target: 'shop', path: '/say', codec: 'json', payload: Buffer.from('[[1,null,"x"]]') });
    assert.deepEqual(JSON.parse(Buffer.from(payload as Uint8Array).toString()), { value: [1, null, 'x'], external: false, wire: 'grpc' });
    const sum = { structValue: { fields: { a: text('1'), b: text('2') } } };
    assert.equal(((await call(peer, { target: 'shop', path: '/shop.v1.Shop/add', args: { values: [sum] } })).result as { structValue: { fields: { value: { numberValue: number } } } }).structValue.fields.value.numberValue, 3);
    assert.equal(errorOf(await failure(call(peer, { target: 'shop', path: '/shop.v1.Shop/Count', args: { values: [sum] } })), true).reason, 'NOT_IMPLEMENTED');
    // The rules of external callers count for what says that it is passed on.
    const external = { metadata: metadata({ 'anthill-external': '1' }) };
    assert.equal(errorOf(await failure(call(peer, { target: 'shop', path: '/secret' }, external)), true).reason, 'HANDLER_NOT_FOUND');
  });

  it('works without any gRPC service, where GrpcModule is imported', async (t) => {
    @RpcModule({ type: 'plain', imports: [GrpcModule] })
    class Plain {
      @Handler('/hi')
      hi(name: string): string {
        return `hi ${name}`;
      }
    }
    const app = await createTestingApp({ modules: [Plain], grpc: { generic: 'all' } });
    t.after(() => app.stop());
    assert.deepEqual((await call(peerOf(t, app, ANTHILL_PROTO), { target: 'plain', path: '/hi', args: { values: [text('x')] } })).result, { stringValue: 'hi x' });
    assert.match(app.modules.get('plain')!.node!.metadata[NODE_META.grpc]!, /^127\.0\.0\.1:\d+$/);
    // What is found under this address is asked for its health by its name.
    const peer = peerOf(t, app, HEALTH_PROTO);
    assert.equal((await peer.unary('/grpc.health.v1.Health/Check', { service: 'plain' })).status, 'SERVING');
    await assert.rejects(peer.unary('/grpc.health.v1.Health/Check', { service: 'plainer' }), { code: 5 });
  });
});

describe('the gRPC server', () => {
  it('tells the registry where it is, for nodes that it serves', async (t) => {
    @RpcModule({ type: 'other' })
    class Other {
      @Handler('/x')
      x(): void {}
    }
    const app = await serving(t, { modules: [Shop, Other] });
    assert.equal(app.modules.get('shop')!.node!.metadata[NODE_META.grpc], `127.0.0.1:${portOf(app)}`);
    assert.equal(app.modules.get('other')!.node!.metadata[NODE_META.grpc], undefined);
    const open = await serving(t, { grpc: { host: '0.0.0.0' }, advertise: { host: 'shop.example' } });
    assert.equal(open.modules.get('shop')!.node!.metadata[NODE_META.grpc], `shop.example:${portOf(open)}`);
  });

  it('is not there when nothing is to be served', async (t) => {
    @RpcModule({ type: 'other' })
    class Other {}
    const app = await createTestingApp({ modules: [Other] });
    t.after(() => app.stop());
    assert.throws(() => app.get(GrpcServer));
  });

  it('does not start on a port that is taken', async (t) => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    t.after(() => holder.close());
    const { port } = holder.address() as { port: number };
    const error = await bootError(createTestingApp({ modules: [Shop], grpc: { port } }));
    assert.equal(error.reason, 'GRPC_LISTEN');
    assert.match(error.message, new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: .*EADDRINUSE.*another process has the port`, 's'));
    assert.equal((await bootError(createTestingApp({ modules: [Shop], grpc: { host: '203.0.113.1' } }))).reason, 'GRPC_LISTEN');
  });

  it('survives garbage on its port', async (t) => {
    const app = await serving(t);
    const port = portOf(app);
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(1000, 0xff), Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nno frames at all')]) {
      const { connect: dial } = await import('node:net');
      const socket = dial(port, '127.0.0.1', () => socket.end(bytes));
      socket.on('error', () => {});
      socket.resume();
      await once(socket, 'close');
    }
    assert.equal((await peerOf(t, app).unary('/shop.v1.Shop/add', { a: 1, b: 2 })).value, '3');
  });

  it('refuses what is no gRPC', async (t) => {
    const app = await serving(t);
    const session = connect(`http://127.0.0.1:${portOf(app)}`);
    t.after(() => session.destroy());
    const stream = session.request({ ':method': 'POST', ':path': '/shop.v1.Shop/add', 'content-type': 'application/json' });
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    assert.equal(headers[':status'], 415);
    stream.close();
  });

  it('takes requests as large as it is told', async (t) => {
    const app = await serving(t, { grpc: { maxMessageBytes: 1000 } });
    const peer = peerOf(t, app);
    const large = await failure(new Promise((resolve, reject) => peer.client.makeUnaryRequest('/shop.v1.Shop/add', () => Buffer.alloc(2000), (bytes) => bytes, {}, (error, reply) => (error ? reject(error) : resolve(reply)))));
    assert.equal(large.code, grpc.status.RESOURCE_EXHAUSTED);
    assert.equal((await peer.unary('/shop.v1.Shop/add', { a: 1, b: 2 })).value, '3');
  });
});

describe('back-pressure', () => {
  /** A client of HTTP/2 alone: it reads when it is told to. */
  function reader(t: TestContext, app: RpcApplication, range: { to: number; size: number }): ClientHttp2Stream {
    const session = connect(`http://127.0.0.1:${portOf(app)}`);
    session.on('error', () => {});
    t.after(() => session.destroy());
    const stream = session.request({ ':method': 'POST', ':path': '/shop.v1.Shop/Count', 'content-type': 'application/grpc', te: 'trailers' });
    stream.on('error', () => {});
    const message = loadSync(SHOP_PROTO)['shop.v1.Shop'] as unknown as { Count: { requestSerialize(value: object): Buffer } };
    const bytes = message.Count.requestSerialize(range);
    const head = Buffer.alloc(5);
    head.writeUInt32BE(bytes.length, 1);
    stream.end(Buffer.concat([head, bytes]));
    return stream;
  }

  it('of a client that reads nothing reaches the handler', async (t) => {
    const app = await serving(t);
    const shop = app.get(Shop);
    const stream = reader(t, app, { to: 100_000, size: 1000 });
    await shop.events.until('count');
    // When nothing moves for a while, everybody waits for the reader: 64 KiB of a window, and some buffers.
    let last = -1;
    while (last !== shop.produced) {
      last = shop.produced;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(shop.produced > 0 && shop.produced < 1000, `${shop.produced} items were made for a client that reads none`);
    stream.session!.destroy();
  });
});

describe('stopping', () => {
  it('finishes streams in flight and refuses new calls', async (t) => {
    const app = await createTestingApp({ modules: [Shop], killWaitMs: 5000 });
    const shop = app.get(Shop);
    const peer = peerOf(t, app);
    const call = peer.server('/shop.v1.Shop/Count', { to: 3, size: 0 });
    const items: unknown[] = [];
    call.on('data', ({ number }: Reply) => items.push(number));
    await once(call, 'data');
    const stopped = app.stop();
    let refused: grpc.ServiceError | undefined;
    // Late calls are answered for a moment; then they are refused.
    while (refused === undefined) refused = await peer.unary('/shop.v1.Shop/add', { a: 1, b: 1 }).then(() => undefined, (error: grpc.ServiceError) => error);
    const read = errorOf(refused, true);
    assert.deepEqual([read.code, read.reason, read.undelivered], ['UNAVAILABLE', 'DRAINING', true]);
    shop.finish();
    const [status] = (await once(call, 'status')) as [grpc.StatusObject];
    assert.deepEqual([status.code, items], [0, [0, 1, 2]]);
    await stopped;
    assert.equal((await failure(peer.unary('/shop.v1.Shop/add', {}, { deadlineMs: 2000 }))).code, grpc.status.UNAVAILABLE);
  });

  it('cuts off what does not end in time', async (t) => {
    const app = await createTestingApp({ modules: [Shop], killWaitMs: 300 });
    const call = peerOf(t, app).server('/shop.v1.Shop/Count', { to: 3, size: 0 });
    const outcome = failure(collect(call));
    await app.get(Shop).events.until('count');
    await assert.rejects(app.stop(), /aborted after killWaitMs: shop@\w+ \/shop\.v1\.Shop\/Count/);
    const read = errorOf(await outcome, true);
    assert.deepEqual([read.code, read.reason], ['UNAVAILABLE', 'HANDLER_ABORTED']);
  });

  it('is over in time, whatever a client does not read', async (t) => {
    const app = await createTestingApp({ modules: [Shop], killWaitMs: 200 });
    const session = connect(`http://127.0.0.1:${portOf(app)}`);
    session.on('error', () => {});
    t.after(() => session.destroy());
    const stream = session.request({ ':method': 'POST', ':path': '/shop.v1.Shop/Count', 'content-type': 'application/grpc', te: 'trailers' });
    stream.on('error', () => {});
    // Range { to: 1000, size: 1000 }
    stream.end(Buffer.from('000000000610e80718e807', 'hex'));
    await app.get(Shop).events.until('count');
    const error = (await app.stop().then(() => assert.fail('all was well'), (caught: unknown) => caught)) as AggregateError;
    assert.deepEqual(error.errors.map((one: Error) => one.message.split(':')[0]), ['finish calls']);
  });

  it('does not wait for clients that are merely connected', async (t) => {
    const app = await createTestingApp({ modules: [Shop] });
    const peer = peerOf(t, app);
    await peer.unary('/shop.v1.Shop/add', { a: 1, b: 2 });
    const session = connect(`http://127.0.0.1:${portOf(app)}`);
    session.on('error', () => {});
    await once(session, 'connect');
    const goaway = once(session, 'goaway');
    await app.stop();
    await goaway;
  });

  it('an upload that is cut off is no whole one', async (t) => {
    const got: unknown[] = [];
    const events = new Recorder();
    @GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })
    @RpcModule({ type: 'shop' })
    class Upload {
      @GrpcHandler()
      async collect(items: AsyncIterable<Item>): Promise<object> {
        try {
          for await (const { number } of items) {
            got.push(number);
            events.note('item');
          }
          got.push('whole');
        } catch (error) {
          got.push((error as { code: string }).code);
        }
        events.note('over');
        return {};
      }
    }
    const app = await serving(t, { modules: [Upload] });
    for (const cut of ['session', 'stream']) {
      events.take();
      got.length = 0;
      const session = connect(`http://127.0.0.1:${portOf(app)}`);
      session.on('error', () => {});
      const stream = session.request({ ':method': 'POST', ':path': '/shop.v1.Shop/Collect', 'content-type': 'application/grpc', te: 'trailers' });
      stream.on('error', () => {});
      // Item { number: 7 }, with the five bytes that gRPC puts before a message.
      stream.write(Buffer.from('00000000020807', 'hex'));
      await events.until('item');
      if (cut === 'session') session.destroy();
      else stream.close(8);
      await events.until('over');
      assert.deepEqual(got, [7, 'CANCELLED'], cut);
      session.destroy();
    }
  });
});

describe('mistakes', () => {
  const service = (decorate: (target: Type) => void): Type => {
    class Shop {
      add(): object {
        return {};
      }
    }
    decorate(Shop);
    return Shop;
  };
  const started = (modules: readonly Type[]): Promise<RpcApplication> => createTestingApp({ modules });
  const handler = (target: Type, given?: string | GrpcHandlerOptions): void => {
    const decorate = typeof given === 'object' ? GrpcHandler(given) : GrpcHandler(given);
    decorate(target.prototype as object, 'add', Object.getOwnPropertyDescriptor(target.prototype, 'add')!);
  };

  const cases: Record<string, { decorate: (target: Type) => void; reason: string; message: RegExp }> = {
    'a method that the proto lacks': {
      decorate: (target) => {
        handler(target, 'addd');
        GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })(target);
        RpcModule({ type: 'shop' })(target);
      },
      reason: 'GRPC_METHOD',
      message: /@GrpcHandler of Shop\.add: the service shop\.v1\.Shop has no method "addd" \(did you mean "add"\?\)/,
    },
    'a service that the proto lacks': {
      decorate: (target) => {
        handler(target);
        GrpcService('shop.Shop', { proto: SHOP_PROTO })(target);
        RpcModule({ type: 'shop' })(target);
      },
      reason: 'GRPC_SERVICE',
      message: /@GrpcService\('shop\.Shop'\) of Shop: the proto has no service "shop\.Shop".*shop\.v1\.Shop/,
    },
    'a proto that is not there': {
      decorate: (target) => {
        handler(target);
        GrpcService('shop.Shop', { proto: 'no/such.proto' })(target);
        RpcModule({ type: 'shop' })(target);
      },
      reason: 'GRPC_PROTO',
      message: /no\/such\.proto\) cannot be found/,
    },
    'no method': {
      decorate: (target) => {
        GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })(target);
        RpcModule({ type: 'shop' })(target);
      },
      reason: 'GRPC_METHOD',
      message: /no method has @GrpcHandler/,
    },
    'an option that does not exist': {
      decorate: (target) => {
        handler(target, { timeout: 5 } as object);
        GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })(target);
        RpcModule({ type: 'shop' })(target);
      },
      reason: 'HANDLER_OPTIONS',
      message: /@GrpcHandler of Shop\.add: there is no option "timeout" \(did you mean "timeoutMs"\?\)/,
    },
    'options out of range': {
      decorate: (target) => {
        handler(target, { timeoutMs: 0 });
        GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })(target);
        RpcModule({ type: 'shop' })(target);
      },
      reason: 'HANDLER_OPTIONS',
      message: /timeoutMs 0 must be/,
    },
    'a lane for a concurrent method': {
      decorate: (target) => {
        handler(target, { concurrent: true, lane: 'x' });
        GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })(target);
        RpcModule({ type: 'shop' })(target);
      },
      reason: 'HANDLER_OPTIONS',
      message: /a concurrent handler has no lane/,
    },
  };
  for (const [name, { decorate, reason, message }] of Object.entries(cases)) {
    it(name, async () => {
      const error = await bootError(started([service(decorate)]));
      assert.equal(error.reason, reason);
      assert.match(error.message, message);
    });
  }

  it('several are told together', async () => {
    @GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })
    @RpcModule({ type: 'shop' })
    class Wrong {
      @GrpcHandler('one')
      one(): void {}
      @GrpcHandler('two')
      two(): void {}
      @GrpcHandler()
      add(_a: object, _b: object): void {}
      @GrpcHandler('Ping')
      onModuleInit(): void {}
      @GrpcHandler('Ping')
      static ping(): void {}
    }
    const { mistakes } = await bootError(started([Wrong]));
    assert.deepEqual(mistakes.map(({ reason }) => reason).toSorted(), ['GRPC_METHOD', 'GRPC_METHOD', 'HANDLER_PARAM', 'HANDLER_TARGET', 'HANDLER_TARGET']);
  });

  it('two classes with the same method', async () => {
    @GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })
    @RpcModule({ type: 'second' })
    class Second {
      @GrpcHandler()
      add(): void {}
    }
    const error = await bootError(started([Shop, Second]));
    assert.equal(error.reason, 'DUPLICATE_HANDLER');
    assert.match(error.message, /two methods serve \/shop\.v1\.Shop\/add: Shop\.add and Second\.add/);
  });

  it('a class that is in no service, and methods without one', async () => {
    class Lost {
      @GrpcHandler()
      add(): void {}
    }
    @RpcModule({ type: 'shop', providers: [Lost], imports: [GrpcModule] })
    class Home {}
    assert.match((await bootError(started([Home]))).message, /Lost has @GrpcHandler on add, but no @GrpcService/);
  });

  it('are found before anything connects', async () => {
    let connected = 0;
    const parts: AppPart[] = [{ name: 'db', phase: 'resource', start: () => void connected++ }];
    const app = await RpcFactory.create({ ...isolated, modules: [service(cases['a method that the proto lacks']!.decorate)], parts });
    await assert.rejects(app.start(), BootError);
    assert.equal(connected, 0);
  });
});

describeWith('TLS of the gRPC server', ['openssl'], () => {
  let dir = '';
  let server: Certificate;
  let client: Certificate;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'anthill-grpc-tls-'));
    const folder = async (name: string): Promise<string> => {
      await mkdir(join(dir, name));
      return join(dir, name);
    };
    server = await selfSigned(await folder('server'));
    client = await selfSigned(await folder('client'));
  });
  after(() => rm(dir, { recursive: true }));

  /** A client that trusts the server, and shows a certificate or none. */
  async function secure(t: TestContext, app: RpcApplication, shows?: Certificate): Promise<Peer> {
    const [root, key, cert] = await Promise.all([readFile(server.cert), shows && readFile(shows.key), shows && readFile(shows.cert)]);
    return peerOf(t, app, SHOP_PROTO, grpc.credentials.createSsl(root, key ?? null, cert ?? null), {}, 'localhost');
  }
  const add = (peer: Peer): Promise<Reply> => peer.unary('/shop.v1.Shop/add', { a: 1, b: 2 }, { deadlineMs: 5000 });

  it('serves TLS, from files and from PEM texts, and no plain text then', async (t) => {
    const app = await serving(t, { grpc: { tls: { cert: server.cert, key: await readFile(server.key, 'utf8') } } });
    assert.equal((await add(await secure(t, app))).value, '3');
    assert.equal((await failure(add(peerOf(t, app)))).code, grpc.status.UNAVAILABLE);
  });

  it('takes only clients with a good certificate when it must, and knows them', async (t) => {
    const app = await serving(t, { grpc: { tls: { ...server, ca: client.cert, requireClientCert: true } } });
    assert.equal((await failure(add(await secure(t, app)))).code, grpc.status.UNAVAILABLE);
    assert.equal((await failure(add(await secure(t, app, server)))).code, grpc.status.UNAVAILABLE);
    assert.equal((await add(await secure(t, app, client))).note, 'test');
  });

  it('that is wrong does not start', async () => {
    const wrong: [object, RegExp][] = [
      [{ cert: server.cert }, /key is missing/],
      [{ key: server.key }, /cert is missing/],
      [{ ca: client.cert }, /cert is missing/],
      [{ ...server, requireClientCert: true }, /requireClientCert without ca/],
      [{ ...server, ca: client.cert }, /ca without requireClientCert/],
      [{ cert: server.cert, key: client.key }, /key does not belong to cert/],
      [{ cert: join(dir, 'none.pem'), key: server.key }, /cert cannot be read: ENOENT/],
      [{ cert: server.key, key: server.key }, /cert is no certificate/],
      [{ cert: server.cert, key: server.cert }, /key is no private key/],
      [{ ...server, ca: server.key, requireClientCert: true }, /cert, key and ca do not work together/],
    ];
    for (const [tls, message] of wrong) {
      const error = await bootError(createTestingApp({ modules: [Shop], grpc: { tls } }));
      assert.equal(error.reason, 'GRPC_TLS');
      assert.match(error.message, message);
    }
  });
});
