import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http2 from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import { after, describe, it } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import type { RpcError } from '../../lib/common/rpc-error.js';
import type { GrpcClientHandle, StandaloneGrpcClientOptions } from '../../lib/grpc/client/create-grpc-client.js';
import { leastInFlight } from '../../lib/selector/least-in-flight.selector.js';
import { weighted } from '../../lib/selector/weighted.selector.js';
import { freePort } from '../services/index.js';
import { clientOf, collect, failure, type Numbers, PlainServer, Town, until } from './grpc-client.support.js';

/** Closes at the end what a test opened. */
const opened: (() => void)[] = [];
after(() => {
  for (const close of opened) close();
});

async function server(name: string, ...rest: [grpc.UntypedServiceImplementation?, number?, grpc.ServerOptions?]): Promise<PlainServer> {
  const started = await PlainServer.start(name, ...rest);
  opened.push(() => started.kill());
  return started;
}

async function client(options: Partial<StandaloneGrpcClientOptions> & Pick<StandaloneGrpcClientOptions, 'target'>): Promise<GrpcClientHandle<Numbers>> {
  const handle = await clientOf(options);
  opened.push(() => handle.close());
  return handle;
}

/** A server that speaks HTTP/2 and no gRPC. */
async function http2Server(onStream: (stream: http2.ServerHttp2Stream) => void): Promise<Pick<PlainServer, 'address' | 'node'>> {
  const sessions: http2.ServerHttp2Session[] = [];
  const started = http2.createServer().on('session', (session) => void sessions.push(session)).on('stream', (stream) => onStream(stream.on('error', () => {})));
  started.listen(0, '127.0.0.1');
  await once(started, 'listening');
  opened.push(() => {
    started.close();
    for (const session of sessions) session.destroy();
  });
  const address = `127.0.0.1:${(started.address() as { port: number }).port}`;
  return { address, node: { id: 'numbers@http2', type: 'numbers', version: '1.0.0', address, metadata: { zone: 'http2' } } };
}

const PAIR = { a: '1', b: '2' };

describe('errors of a gRPC client', () => {
  it('of the callee have its code and message, and say that they are its', async () => {
    const { address } = await server('refusing', {
      add: (_call: unknown, reply: grpc.sendUnaryData<object>) => reply({ code: grpc.status.FAILED_PRECONDITION, details: 'not today' }),
      async Count(call: grpc.ServerWritableStream<object, object>) {
        call.write({ n: 1 });
        call.emit('error', { code: grpc.status.RESOURCE_EXHAUSTED, details: 'no more numbers' });
      },
    });
    const { client: numbers } = await client({ target: address });
    const error = await failure(numbers.add(PAIR));
    assert.deepEqual([error.code, error.message, error.remote, error.undelivered], ['FAILED_PRECONDITION', 'not today', true, false]);
    const streamed = await failure(collect(numbers.count({ upTo: 3 })));
    assert.deepEqual([streamed.code, streamed.message, streamed.remote], ['RESOURCE_EXHAUSTED', 'no more numbers', true]);
  });

  it('of a method that the callee lacks are UNIMPLEMENTED', async () => {
    const bare = new grpc.Server();
    const port = await new Promise<number>((resolve, reject) => bare.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))));
    opened.push(() => bare.forceShutdown());
    const { client: numbers } = await client({ target: `127.0.0.1:${port}` });
    assert.deepEqual([(await failure(numbers.add(PAIR))).code, (await failure(collect(numbers.count({ upTo: 1 })))).code], ['UNIMPLEMENTED', 'UNIMPLEMENTED']);
  });

  it('of a port where nobody listens are UNAVAILABLE, undelivered, with the reason', async () => {
    const { client: numbers } = await client({ target: `127.0.0.1:${await freePort()}` });
    for (const error of [await failure(numbers.add(PAIR)), await failure(numbers.add(PAIR)), await failure(numbers.sum([{ n: 1 }]))]) {
      assert.deepEqual([error.code, error.reason, error.remote], ['UNAVAILABLE', 'NODE_UNREACHABLE', false]);
      assert.match(error.message, /ECONNREFUSED/);
    }
    assert.equal((await failure(numbers.add(PAIR))).undelivered, true);
  });

  it('of a server that accepts and says nothing come after connectTimeoutMs', async () => {
    const sockets: Socket[] = [];
    const silent: Server = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    opened.push(() => {
      silent.close();
      for (const socket of sockets) socket.destroy();
    });
    const { port } = silent.address() as { port: number };
    const { client: numbers } = await client({ target: `127.0.0.1:${port}`, connectTimeoutMs: 100 });
    const error = await failure(numbers.add(PAIR));
    assert.deepEqual([error.reason, error.undelivered], ['NODE_UNREACHABLE', true]);
    assert.match(error.message, /connectTimeoutMs/);
  });

  it('of a connection that breaks in the middle do not say that the call is safe to repeat', async () => {
    const held: grpc.ServerUnaryCall<unknown, unknown>[] = [];
    const { address } = await server('holding', { add: (call: grpc.ServerUnaryCall<unknown, unknown>) => void held.push(call) });
    const { client: numbers } = await client({ target: address });
    const call = failure(numbers.add(PAIR));
    await until(() => held.length > 0);
    opened[opened.length - 2]!();
    const error = await call;
    assert.deepEqual([error.code, error.undelivered], ['UNAVAILABLE', false]);
    assert.equal(held.length, 1);
  });

  it('of messages that cannot be sent or read name what is wrong', async () => {
    const { address } = await server('large', { add: (_call: unknown, reply: grpc.sendUnaryData<object>) => reply(null, { err: 'x'.repeat(5000) }) });
    const { client: numbers } = await client({ target: address, maxMessageBytes: 1000 });
    const received = await failure(numbers.add(PAIR));
    assert.deepEqual([received.code, received.reason], ['RESOURCE_EXHAUSTED', 'PAYLOAD_TOO_LARGE']);
    const wrong = await failure(numbers.add(null as never));
    assert.deepEqual([wrong.code, wrong.reason, wrong.remote], ['INVALID_ARGUMENT', 'UNSUPPORTED_VALUE', false]);
    for (const call of [numbers.add({ a: '12x', b: '1' }), numbers.sum([{ n: 1 }, { n: 2 ** 40 }]), collect(numbers.double([{ n: NaN }])), collect(numbers.count({ upTo: 'all' as never }))]) {
      const error = await failure(call);
      assert.deepEqual([error.code, error.reason, error.remote], ['INVALID_ARGUMENT', 'UNSUPPORTED_VALUE', false]);
      assert.match(error.message, /the request of \/numbers\.Numbers\/\w+ cannot be sent: (a|n|upTo): .* is not an int(32|64)/);
    }
  });

  it('of a stream of requests that throws reach the caller, and the callee hears of it', async () => {
    let cancelled = false;
    const { address } = await server('summing', { Sum: (call: grpc.ServerReadableStream<object, object>) => void call.on('data', () => {}).on('cancelled', () => (cancelled = true)) });
    const { client: numbers } = await client({ target: address });
    const broken = async function* () {
      yield { n: 1 };
      throw new Error('no more ideas');
    };
    const error = await failure(numbers.sum(broken()));
    assert.equal(error.code, 'CANCELLED');
    assert.match(error.message, /no more ideas/);
    await until(() => cancelled);
  });
});

describe('the end of a call over gRPC', () => {
  it('at its deadline reaches the callee, who knew of it', async () => {
    const deadlines: number[] = [];
    let cancelled = 0;
    const { address } = await server('slow', {
      add(call: grpc.ServerUnaryCall<unknown, unknown>) {
        deadlines.push((call.getDeadline() as Date).valueOf() - Date.now());
        call.on('cancelled', () => cancelled++);
      },
    });
    const { client: numbers } = await client({ target: address });
    await failure(numbers.add(PAIR, { timeoutMs: 1 }));
    // On a busy machine a deadline may be over before the call arrives: then a longer one is tried.
    for (let timeoutMs = 150; ; timeoutMs *= 2) {
      deadlines.length = cancelled = 0;
      // Either side's clock may be the first to ring.
      assert.equal((await failure(numbers.add(PAIR, { timeoutMs }))).code, 'DEADLINE_EXCEEDED');
      if (!deadlines.some((ms) => ms > 0) && timeoutMs < 10_000) continue;
      await until(() => cancelled > 0);
      assert.ok(deadlines.every((ms) => ms <= timeoutMs + 1) && deadlines.some((ms) => ms > 0), `${deadlines.join()} of ${timeoutMs} ms`);
      break;
    }
  });

  it('by the caller reaches the callee', async () => {
    let cancelled = 0;
    const calls: unknown[] = [];
    const { address } = await server('patient', {
      add(call: grpc.ServerUnaryCall<unknown, unknown>) {
        calls.push(call);
        call.on('cancelled', () => cancelled++);
      },
    });
    const { client: numbers } = await client({ target: address });
    const abort = new AbortController();
    const call = failure(numbers.add(PAIR, { signal: abort.signal }));
    await until(() => calls.length === 1);
    abort.abort();
    assert.equal((await call).code, 'CANCELLED');
    await until(() => cancelled === 1);
    assert.equal((await failure(numbers.add(PAIR, { signal: abort.signal }))).code, 'CANCELLED');
    assert.equal(calls.length, 1);
  });

  it('by who takes no more replies reaches the callee', async () => {
    let cancelled = false;
    const { address } = await server('counting', {
      Count(call: grpc.ServerWritableStream<object, object>) {
        call.write({ n: 1 });
        call.on('cancelled', () => (cancelled = true));
      },
    });
    const { client: numbers } = await client({ target: address });
    for await (const { n } of numbers.count({ upTo: 5 })) {
      assert.equal(n, 1);
      break;
    }
    await until(() => cancelled);
  });

  it('comes with the client: what is in flight ends with CANCELLED', async () => {
    const calls: unknown[] = [];
    const { address } = await server('endless', { add: (call: unknown) => void calls.push(call), Count: (call: unknown) => void calls.push(call) });
    const handle = await client({ target: address });
    const ends = [failure(handle.client.add(PAIR)), failure(collect(handle.client.count({ upTo: 1 })))];
    await until(() => calls.length === 2);
    handle.close();
    assert.deepEqual((await Promise.all(ends)).map(({ code }) => code), ['CANCELLED', 'CANCELLED']);
    assert.ok(await failure(handle.client.add(PAIR)));
  });

  it('holds back a callee whose replies are not taken', async () => {
    let written = 0;
    let isHeld = false;
    const { address } = await server('eager', {
      Count(call: grpc.ServerWritableStream<object, object>) {
        const more = (): void => {
          while (written < 100_000) {
            written++;
            if (!call.write({ n: written })) {
              isHeld = true;
              return void call.once('drain', more);
            }
          }
          call.end();
        };
        more();
      },
    });
    const { client: numbers } = await client({ target: address });
    const replies = numbers.count({ upTo: 1 });
    await replies.next();
    await until(() => isHeld);
    assert.ok(written < 100_000);
    const before = written;
    // How much is on its way differs between releases of Node.
    for (let i = 0; i < 50_000 && written === before; i++) await replies.next();
    assert.ok(written > before);
    await replies.return!();
  });
});

describe('nodes of a registry, called over gRPC', () => {
  it('share calls evenly by round robin, and a new one gets some at once', async () => {
    const town = new Town();
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => server(name)));
    await town.put(a!, b!, c!);
    const { client: numbers } = await client({ target: 'registry:///numbers', registry: town.registry });
    await Promise.all(Array.from({ length: 300 }, () => numbers.add(PAIR)));
    assert.deepEqual([a, b, c].map((one) => one!.seen.calls), [100, 100, 100]);

    const d = await server('d');
    await town.put(d);
    await until(async () => {
      await numbers.add(PAIR);
      return d.seen.calls > 0;
    });
    await town.take(a!);
    await until(async () => {
      const before = a!.seen.calls;
      for (let i = 0; i < 8; i++) await numbers.add(PAIR);
      return a!.seen.calls === before;
    });
  });

  it('that died cost the call in flight at most: the next ones are for others', async () => {
    const town = new Town();
    const [a, b] = await Promise.all(['a', 'b'].map((name) => server(name)));
    await town.put(a!, b!);
    const { client: numbers } = await client({ target: 'registry:///numbers', registry: town.registry });
    for (let i = 0; i < 4; i++) await numbers.add(PAIR);
    a!.kill();
    // The one that is under way while its end is not heard of yet is lost, and no other.
    const answers = [];
    for (let i = 0; i < 20; i++) answers.push(await numbers.add(PAIR).then(({ err }) => err, ({ code }: RpcError) => code));
    assert.ok(answers.filter((answer) => answer === 'UNAVAILABLE').length <= 1 && !answers.includes('a'), answers.join());
    b!.kill();
    await failure(numbers.add(PAIR));
    const error = await failure(numbers.add(PAIR));
    assert.deepEqual([error.code, error.undelivered], ['UNAVAILABLE', true]);
  });

  it('that came back at the same address are used again', async () => {
    const town = new Town();
    const first = await server('a');
    await town.put(first);
    const { client: numbers } = await client({ target: 'registry:///numbers', registry: town.registry });
    await numbers.add(PAIR);
    first.kill();
    await failure(numbers.add(PAIR));
    await server('a', {}, first.port);
    const { err } = await numbers.add(PAIR, { waitForReady: true });
    assert.equal(err, 'a');
  });

  it('are waited for where the caller says so', async () => {
    const town = new Town();
    const { client: numbers } = await client({ target: 'registry:///numbers', registry: town.registry, waitForReady: true });
    assert.equal((await failure(numbers.add(PAIR, { waitForReady: false }))).reason, 'SERVICE_NOT_FOUND');
    const waiting = numbers.add(PAIR);
    const streaming = collect(numbers.count({ upTo: 2 }));
    const late = await server('late');
    await town.put(late);
    assert.equal((await waiting).err, 'late');
    assert.deepEqual(await streaming, [{ n: 1 }, { n: 2 }]);
    const gone = await client({ target: 'registry:///nobody', registry: town.registry, waitForReady: true });
    const error = await failure(gone.client.add(PAIR, { timeoutMs: 120 }));
    assert.equal(error.code, 'DEADLINE_EXCEEDED');
    assert.match(error.message, /no node of service/);
  });

  it('are chosen by selectors and filters, those without an endpoint never', async () => {
    const town = new Town();
    const [a, b] = await Promise.all(['a', 'b'].map((name) => server(name)));
    await town.put(a!, b!);
    await town.registry.register({ id: 'numbers@other', type: 'numbers', version: '1.0.0', address: 'numbers.other', metadata: {} }, { ttlMs: 60_000, intervalMs: 30_000 });
    const onlyB = await client({ target: 'registry:///numbers', registry: town.registry, filters: [(node) => node.metadata['zone'] === 'b'] });
    const last = await client({ target: 'registry:///numbers', registry: town.registry, selector: { name: 'last', pick: (nodes) => nodes.at(-1) } });
    for (let i = 0; i < 5; i++) {
      assert.equal((await onlyB.client.add(PAIR)).err, 'b');
      assert.equal((await last.client.add(PAIR)).err, 'b');
    }
    const named = await client({ target: 'registry:///numbers@a', registry: town.registry });
    assert.equal((await named.client.add(PAIR)).err, 'a');
  });

  it('get calls by weight, or as few at a time as they can do', async () => {
    const town = new Town();
    const held: (() => void)[] = [];
    const [a, b, slow] = await Promise.all([server('a'), server('b'), server('slow', { add: (_call: unknown, reply: grpc.sendUnaryData<object>) => void held.push(() => reply(null, { err: 'slow' })) })]);
    for (const [{ node }, weight] of [[a!, '3'], [b!, '1'], [slow!, '0']] as const) await town.put({ node: { ...node, metadata: { ...node.metadata, weight } } });
    const byWeight = await client({ target: 'registry:///numbers', registry: town.registry, selector: weighted() });
    for (let i = 0; i < 200; i++) await byWeight.client.add(PAIR);
    assert.equal(a!.seen.calls + b!.seen.calls, 200);
    assert.ok(a!.seen.calls > b!.seen.calls, `${a!.seen.calls} to ${b!.seen.calls}`);

    const busy = await client({ target: 'registry:///numbers', registry: town.registry, selector: leastInFlight(), timeoutMs: 60_000 });
    let waiting: Promise<unknown> | undefined;
    while (held.length === 0) {
      let isOver = false;
      waiting = busy.client.add(PAIR).finally(() => (isOver = true));
      await until(() => isOver || held.length > 0);
    }
    // While it holds a call, it is never the less busy one of two.
    for (let i = 0; i < 50; i++) await busy.client.add(PAIR);
    assert.equal(held.length, 1);
    held[0]!();
    await waiting;
  });

  it('get nothing twice, unless the call is idempotent', async () => {
    const town = new Town();
    let tries = 0;
    const failing = { add: (_call: unknown, reply: grpc.sendUnaryData<object>) => (tries++, reply({ code: grpc.status.UNAVAILABLE, details: 'too busy' })) };
    const [a, b] = await Promise.all(['a', 'b'].map((name) => server(name, failing)));
    await town.put(a!, b!);
    const { client: numbers } = await client({ target: 'registry:///numbers', registry: town.registry });
    assert.equal((await failure(numbers.add(PAIR))).message, 'too busy');
    assert.equal(tries, 1);
    assert.equal((await failure(numbers.add(PAIR, { idempotent: true }))).message, 'too busy');
    assert.equal(tries, 3);
  });

  it('that refuse a stream cost no call: it provably reached no handler', async () => {
    const town = new Town();
    const [a, refusing] = await Promise.all([server('a'), http2Server((stream) => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM))]);
    await town.put(a!, refusing);
    const { client: numbers } = await client({ target: 'registry:///numbers', registry: town.registry });
    for (let i = 0; i < 6; i++) assert.equal((await numbers.add(PAIR)).err, 'a');
    const alone = await client({ target: refusing.address });
    const error = await failure(alone.client.add(PAIR));
    assert.deepEqual([error.reason, error.undelivered, error.remote], ['NODE_UNREACHABLE', true, false]);
    // A stream of requests was begun, and cannot be begun again for another node.
    assert.equal((await failure(alone.client.sum([{ n: 1 }]))).undelivered, false);
  });

  it('that drain cost no call, while others are there', async () => {
    const town = new Town();
    const [a, leaving] = await Promise.all([server('a'), server('leaving')]);
    await town.put(a!, leaving!);
    const { client: numbers } = await client({ target: 'registry:///numbers', registry: town.registry });
    const names: string[] = [];
    const load = Array.from({ length: 8 }, async () => {
      for (let i = 0; i < 50; i++) names.push((await numbers.add(PAIR)).err);
    });
    await until(() => names.length > 40);
    const drained = new Promise<void>((resolve) => leaving!.server.tryShutdown(() => resolve()));
    await Promise.all([...load, drained]);
    assert.equal(names.length, 400);
    assert.ok(names.includes('leaving'));
    assert.equal((await numbers.add(PAIR)).err, 'a');
  });

  it('may be addresses that are given', async () => {
    const [a, b] = await Promise.all(['a', 'b'].map((name) => server(name)));
    const { client: numbers } = await client({ target: [a!.address, b!.address] });
    for (let i = 0; i < 10; i++) await numbers.add(PAIR);
    assert.deepEqual([a!.seen.calls, b!.seen.calls], [5, 5]);
    a!.kill();
    for (let i = 0; i < 10; i++) assert.equal((await numbers.add(PAIR, { idempotent: true })).err, 'b');
  });
});
