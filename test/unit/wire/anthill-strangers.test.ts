import assert from 'node:assert/strict';
import { afterEach, describe as suite, test } from 'node:test';
import { msgpack } from '../../../lib/rpc/msgpack.codec.js';
import { memory } from '../../../lib/transport/memory/memory.transport.js';
import { Cluster, counts, settle, stateOf, type HandlerSpec, type TestHandler, type TestProcess } from '../rpc/support.js';
import { cancel, frame, out, RawPeer, reply, request, route } from './anthill-raw.js';

suite('anthill/1: strangers and their calls', () => {
  let cluster = new Cluster();
  afterEach(async () => {
    await cluster.stop();
    cluster = new Cluster();
  });

  const echo = { '/echo': ([value]: readonly unknown[]) => value };

  async function serve(handlers: Record<string, TestHandler | HandlerSpec> = echo): Promise<{ callee: TestProcess; raw: RawPeer }> {
    const callee = await cluster.start([{ type: 'svc', id: 'n', handlers }]);
    return { callee, raw: await RawPeer.join(cluster) };
  }

  const good = (id: number, value: unknown = id): Iterable<number> => request({ id, args: [value] });
  const to = route('svc@n', '/echo');
  const isReply = (id: number, value: unknown = id): Record<string, unknown> => ({ frame: 'reply', id, flags: 0, value });

  test('a broken route costs its own requests and keeps the numbers of the others', async () => {
    const { callee, raw } = await serve();
    raw.send(callee, to, frame(1, [5, 0x61]), to, good(1), request({ id: 2, route: 1, args: [2] }), request({ id: 3, route: 2, args: [3] }));
    await settle();
    assert.deepEqual(raw.frames, [isReply(1), isReply(3)]);
  });

  test('a codec whose decode throws something of its own costs only its frame', async () => {
    const codec = { ...msgpack(), decode: (): never => { throw new TypeError('in the codec'); } };
    const odd = { ...codec, name: 'odd' };
    const callee = await cluster.start([{ type: 'svc', id: 'n', handlers: echo }], { codecs: [msgpack(), odd] });
    const raw = await RawPeer.join(cluster);
    raw.send(callee, route('svc@n', '/echo', 'raw', 'odd'), to, good(1), request({ id: 2, route: 1, args: [2] }));
    await settle();
    assert.deepEqual(raw.frames.map(({ id, frame: type }) => [id, type]), [[1, 'error'], [2, 'reply']]);
    assert.match(raw.frames[0]!['message'] as string, /in the codec/);
  });

  test('a codec we do not have is told apart, in the default one', async () => {
    const { callee, raw } = await serve();
    raw.send(callee, route('svc@n', '/echo', 'raw', 'cbor'), good(1));
    await settle();
    const [error] = raw.frames;
    assert.deepEqual([error!['code'], error!['reason']], [12, 'CODEC_UNKNOWN']);
    assert.match(error!['message'] as string, /svc@n does not know the codec 'cbor'; it has msgpack, json/);
  });

  test('another node than those of this process is refused as undelivered', async () => {
    const { callee, raw } = await serve();
    raw.send(callee, route('svc@other', '/echo'), good(1), request({ id: 2, flags: 1 }));
    await settle();
    assert.deepEqual(raw.frames.map(({ id, code, flags, reason }) => [id, code, flags, reason]), [[1, 14, 1, 'NODE_UNREACHABLE']]);
  });

  test('flags: no reply, external, no deadline, metadata, chain', async () => {
    const seen: unknown[] = [];
    const { callee, raw } = await serve({
      '/see': {
        run: ([n], ctx) => {
          seen.push([n, ctx.external, ctx.remainingMs(), { ...ctx.metadata }, ctx.chain.map(({ node, lane, path }) => [node, lane, path]), ctx.caller]);
        },
        public: true,
        concurrent: true,
      },
      '/secret': () => 1,
    });
    const see = route('svc@n', '/see', 'me');
    raw.send(
      callee,
      see,
      request({ id: 1, flags: 0x01, args: [1], timeoutMs: 50 }),
      request({ id: 2, flags: 0x02, args: [2], timeoutMs: 50 }),
      request({ id: 3, flags: 0x20, args: [3] }),
      request({ id: 4, args: [4], metadata: { a: 'b', __proto__: 'x' } as Record<string, string>, chain: [['x@1', 'serial', '/p']], timeoutMs: 50 }),
      route('svc@n', '/secret'),
      request({ id: 5, route: 1, flags: 0x02 }),
    );
    await settle();
    assert.deepEqual(seen, [
      [1, false, 50, {}, [], 'me'],
      [2, true, 50, {}, [], 'me'],
      [3, false, Infinity, {}, [], 'me'],
      [4, false, 50, { a: 'b' }, [['x@1', 'serial', '/p']], 'me'],
    ]);
    assert.deepEqual(raw.frames.map(({ id, frame: type }) => [id, type]), [[2, 'reply'], [3, 'reply'], [4, 'reply'], [5, 'error']]);
    assert.ok(!(raw.frames[3]!['message'] as string).includes('/secret,'), 'who is outside is not told of private handlers');
  });

  test('work that arrives with its time over is refused', async () => {
    let runs = 0;
    const { callee, raw } = await serve({ '/go': () => ++runs });
    raw.send(callee, route('svc@n', '/go'), request({ id: 1, timeoutMs: 0 }));
    await settle();
    assert.deepEqual(raw.frames.map(({ id, code }) => [id, code]), [[1, 4]]);
    assert.equal(runs, 0);
  });

  test('a chain from the wire guards its lanes here', async () => {
    const { callee, raw } = await serve({ '/serial': { run: () => 1 } });
    raw.send(callee, route('svc@n', '/serial'), request({ id: 1, chain: [['svc@n', 'serial', '/first']] }), request({ id: 2, chain: [['svc@m', 'serial', '/first']] }));
    await settle();
    assert.deepEqual(raw.frames.map(({ id, reason }) => [id, reason]), [[1, 'LANE_REENTERED'], [2, undefined]]);
  });

  test('replies of strangers, repeated ones and those to calls long over are ignored and counted', async () => {
    const callee = await RawPeer.join(cluster, 'callee');
    const stranger = await RawPeer.join(cluster, 'stranger');
    callee.advertise(cluster, 'far@1');
    const caller = await cluster.start([{ type: 'svc', id: 'n', handlers: echo }]);
    const call = caller.rpc.call('far', '/x');
    await settle();
    const id = callee.frames.find(({ frame: type }) => type === 'request')!['id'] as number;
    // A stranger that our process knows: it has called us.
    stranger.send(caller, to, good(1));
    await settle();
    const seen = await counts(async () => {
      stranger.send(caller, reply(id, 'stolen'));
      stranger.send(caller, frame(4, out().varint(id).u8(13).u8(0).text('R').text('stolen')));
      await settle();
    });
    assert.deepEqual(seen, ['reply.unknown', 'reply.unknown']);
    assert.equal(await stateOf(call), 'pending');
    const more = await counts(async () => {
      callee.send(caller, reply(id + 1, 'of another'), reply(id, 'right'), reply(id, 'again'));
      await settle();
    });
    assert.equal(await call, 'right');
    assert.deepEqual(more, ['reply.unknown', 'reply.unknown']);
  });

  test("a stranger's cancel reaches nobody's call but its own", async () => {
    const aborted: unknown[] = [];
    const { callee, raw } = await serve({ '/hang': ([who], ctx) => new Promise(() => ctx.signal.addEventListener('abort', () => aborted.push(who))) });
    const other = await RawPeer.join(cluster, 'other');
    const hang = route('svc@n', '/hang');
    raw.send(callee, hang, request({ id: 1, args: ['raw'], timeoutMs: 60_000 }));
    other.send(callee, hang, request({ id: 1, args: ['other'], timeoutMs: 60_000 }));
    await settle();
    const unknown = await RawPeer.join(cluster, 'unknown');
    unknown.send(callee, cancel(1));
    other.send(callee, cancel(1));
    await settle();
    assert.deepEqual(aborted, ['other']);
    assert.deepEqual([...raw.frames, ...other.frames], []);
  });

  test('replies of the wrong shape fail their call, clearly', async () => {
    const callee = await RawPeer.join(cluster, 'callee');
    callee.advertise(cluster, 'far@1');
    const caller = await cluster.start();
    const cases: readonly (readonly [(id: number) => Iterable<number>, RegExp])[] = [
      [(id) => frame(3, out().varint(id)), /ends early/],
      [(id) => frame(3, out().varint(id).u8(0).u8(0xc1)), /the reply of far@1 \/x cannot be read/],
      [(id) => frame(3, out().varint(id).u8(0x10).varint(0)), /cannot be read/],
      [(id) => frame(3, out().varint(id).u8(0x10).varint(2).varint(2).u8(0).u8(1).varint(2).u8(0).u8(2)), /cannot be read/],
      [(id) => frame(4, out().varint(id)), /the error of far@1 \/x cannot be read/],
      [(id) => frame(4, out().varint(id).u8(13).u8(4).text('R').text('m').u8(0xc1)), /cannot be read/],
    ];
    for (const [bad, expected] of cases) {
      const call = caller.rpc.call('far', '/x');
      call.catch(() => {});
      await settle();
      callee.send(caller, bad(callee.frames.filter(({ frame: type }) => type === 'request').at(-1)!['id'] as number));
      await assert.rejects(call, (error: { reason?: string; message?: string }) => error.reason === 'REPLY_TYPE' && expected.test(error.message!));
    }
  });

  test('codes we do not know are UNKNOWN, reasons are as they came', async () => {
    const callee = await RawPeer.join(cluster, 'callee');
    callee.advertise(cluster, 'far@1');
    const caller = await cluster.start();
    const call = caller.rpc.call('far', '/x');
    call.catch(() => {});
    await settle();
    callee.send(caller, frame(4, out().varint(callee.frames[1]!['id'] as number).u8(99).u8(0).text('ODD REASON').text('')));
    await assert.rejects(call, { code: 'UNKNOWN', reason: 'ODD REASON', message: '', remote: true });
  });

  test('a ping is answered once per message, and a flood of them with little', async () => {
    const { callee, raw } = await serve();
    for (let i = 0; i < 3; i++) raw.send(callee, ...Array.from({ length: 1000 }, () => frame(6, [])));
    await settle();
    assert.ok(raw.frames.length <= 3 && raw.frames.every(({ frame: type }) => type === 'pong'));
  });

  test('a frozen process is avoided after some ticks, and used again when it is heard', async () => {
    const frozen = await RawPeer.join(cluster, 'frozen');
    frozen.advertise(cluster, 'svc@frozen', { 'anthill.caps': 'cancel,ping' });
    const caller = await cluster.start([], { selector: { name: 'frozen first', pick: (nodes) => nodes.find(({ id }) => id === 'svc@frozen') ?? nodes[0] } });
    const hanging = caller.rpc.call('svc', '/echo', [1], { timeoutMs: 60_000 });
    hanging.catch(() => {});
    await settle();
    await cluster.start([{ type: 'svc', id: 'ok', handlers: echo }]);
    await settle();
    for (let i = 0; i < 5; i++) {
      cluster.clock.advance(100);
      await settle();
    }
    assert.ok(frozen.frames.some(({ frame: type }) => type === 'ping'));
    assert.equal(await caller.rpc.call('svc', '/echo', [2]), 2);
    assert.equal(await stateOf(hanging), 'pending', 'it may still answer');
    frozen.send(caller, frame(7, []), reply(frozen.frames.find(({ frame: type }) => type === 'request')!['id'] as number, 'late'));
    await settle();
    assert.equal(await hanging, 'late');
    cluster.clock.advance(100);
    const again = caller.rpc.call('svc', '/echo', [3]);
    await settle();
    frozen.send(caller, reply(frozen.frames.filter(({ frame: type }) => type === 'request').at(-1)!['id'] as number, 'frozen again'));
    assert.equal(await again, 'frozen again');
  });

  test('the payload of messages may be reused by the transport once it was delivered', async () => {
    const kept: unknown[] = [];
    const transport = memory(cluster.hub);
    const subscribe = transport.subscribe.bind(transport);
    transport.subscribe = (address, onMessage) =>
      subscribe(address, (delivery) => {
        onMessage(delivery);
        delivery.bytes.fill(0xff);
      });
    const handlers: Record<string, TestHandler> = { '/keep': (args) => void kept.push(...args), '/slow': async (args) => (await settle(2), args) };
    const callee = await cluster.start([{ type: 'svc', id: 'n', handlers }], { transport });
    const raw = await RawPeer.join(cluster);
    const values = [Uint8Array.of(1, 2, 3), 'text', { a: ['b'] }];
    const many = Array.from({ length: 100 }, (_, i) => request({ id: i, args: values }));
    raw.send(callee, route('svc@n', '/keep'), ...many, route('svc@n', '/slow'), request({ id: 1000, route: 1, args: values }));
    raw.send(callee, route('svc@n', '/keep'), ...many);
    await settle();
    assert.equal(kept.length, 600);
    for (let i = 0; i < kept.length; i++) assert.deepEqual(kept[i], values[i % 3]);
    assert.deepEqual(raw.frames.find(({ id }) => id === 1000)!['value'], values);
  });
});
