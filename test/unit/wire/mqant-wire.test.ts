import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rpcError } from '../../../lib/common/error-catalog.js';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { int, long, TypedValue } from '../../../lib/common/value-types.js';
import { memory, memoryHub } from '../../../lib/transport/memory/index.js';
import { ReplyEncoder } from '../../../lib/wire/mqant/reply-encoder.js';
import { RequestEncoder } from '../../../lib/wire/mqant/request-encoder.js';
import { readResultInfo } from '../../../lib/wire/mqant/result-info.js';
import { readRpcInfo, type RpcInfo } from '../../../lib/wire/mqant/rpc-info.js';
import { SerializerTable } from '../../../lib/wire/mqant/serializer.js';
import { Trace } from '../../../lib/rpc/trace.js';
import { ValueEncoder } from '../../../lib/wire/mqant/value-encoder.js';
import { call, counts, failure, nodeAt, Req, ResultMessage, roundTrip, startProcess, TestCall, TestHost, unhex, type TestHandler, type TestProcess } from './mqant-support.js';

const echo: TestHandler = { run: (value) => value };
const node = nodeAt('shop@1', 'anthill.rpc.shop.1');
const encoder = new ValueEncoder(new SerializerTable());

/** A caller, and a process that serves `shop@1`. */
async function pair(handlers: Record<string, TestHandler>, maxMessageBytes = 1024 * 1024) {
  const hub = memoryHub({ maxMessageBytes });
  const caller = await startProcess(hub);
  const callee = await startProcess(hub, {}, '00000000000000bb');
  const host = new TestHost('shop@1', handlers);
  await callee.peer.serve(host, node.address);
  return { hub, caller, callee, host };
}

/** Sends bytes of any kind, and collects what comes to its own address. */
async function stranger(hub: ReturnType<typeof memoryHub>) {
  const transport = memory(hub);
  await transport.connect();
  const inbox = transport.address('process', 'stranger');
  const received: Uint8Array[] = [];
  await transport.subscribe(inbox, ({ bytes }) => void received.push(new Uint8Array(bytes)));
  const requests = new RequestEncoder(encoder);
  const ask = (fields: Partial<Parameters<RequestEncoder['encode']>[0]>): void =>
    transport.send(node.address, requests.encode({ cid: 'c1', fn: '/echo', replyTo: inbox, expired: 0, args: [], argTypes: undefined, caller: 'stranger', target: '', ...fields }, 1e6));
  const errors = (): string[] => received.map((bytes) => readResultInfo(bytes).error);
  return { transport, inbox, received, ask, errors };
}

describe('the mqant wire, calls', () => {
  it('carries values both ways', async () => {
    const { caller } = await pair({ '/echo': echo });
    for (const value of [null, true, 7, -1.5, 2n ** 60n, '蚂蚁', '', Uint8Array.of(1, 2), { a: [1, { b: null }] }, new Trace('aa', 'bb')]) {
      assert.deepEqual(await call(caller, node, '/echo', [value]), value);
    }
  });

  it('follows what handlers declare', async () => {
    const { caller } = await pair({
      '/types': { args: ['int', 'long', 'double', 'json', Req, ResultMessage], run: (...args) => ({ seen: args.slice(0, 4).map((arg) => (Array.isArray(arg) ? 'array' : typeof arg)).join(), req: (args[4] as Req).id, message: (args[5] as { Error: string }).Error }) },
      '/long': { run: () => 5, returns: 'long' },
      '/proto': { run: (message) => ({ Error: `你说: ${(message as { Error: string }).Error}` }), args: [ResultMessage], returns: ResultMessage },
      '/marshal': { run: (req) => new Req((req as Req).id), args: [Req] },
    });
    assert.deepEqual(await call(caller, node, '/types', [int(1), 2, 3, [4], new Req('m1'), new TypedValue(ResultMessage, { Error: 'x' })]), { seen: 'number,bigint,number,array', req: 'm1', message: 'x' });
    assert.equal(await call(caller, node, '/long', [], { returns: 'long' }), 5n);
    assert.equal(((await call(caller, node, '/proto', [{ Error: 'x' }], { argTypes: [ResultMessage], returns: ResultMessage })) as { Error: string }).Error, '你说: x');
    assert.equal(((await call(caller, node, '/marshal', [new Req('x')], { returns: Req })) as Req).id, 'x');
    assert.deepEqual(await call(caller, node, '/marshal', [new Req('x')]), new Uint8Array(Buffer.from('x')));
  });

  it('tells the handler who calls, and nothing that the wire does not carry', async () => {
    const { caller, host } = await pair({ '/echo': echo });
    await call(caller, node, '/echo', [1]);
    const [context] = host.contexts;
    assert.deepEqual([context!.caller, context!.path, context!.nodeId, context!.wire, context!.deadlineAt, context!.external, Object.keys(context!.metadata)], ['tester', '/echo', 'shop@1', 'mqant', Infinity, false, []]);
  });

  it('runs calls without reply and hears nothing of them', async () => {
    const seen: unknown[] = [];
    const { caller } = await pair({ '/note': { run: (text) => void seen.push(text) }, '/fail': { run: () => { throw new Error('x'); } } });
    const counted = await counts(async () => {
      caller.peer.send(new TestCall(node, '/note', ['hi'], { noReply: true }));
      caller.peer.send(new TestCall(node, '/fail', [], { noReply: true }));
      caller.peer.send(new TestCall(node, '/no/such', [], { noReply: true }));
      await roundTrip();
    });
    assert.deepEqual([seen, counted], [['hi'], []]);
  });

  it('stamps Expired by the wall clock and the rest of the deadline', async () => {
    const { hub, caller } = await pair({});
    const seen: RpcInfo[] = [];
    const spy = memory(hub);
    await spy.connect();
    await spy.subscribe('spy', ({ bytes }) => void seen.push(readRpcInfo(new Uint8Array(bytes))));
    const forever = new TestCall(nodeAt('spy@1', 'spy'), '/x');
    forever.remaining = Infinity;
    caller.peer.send(new TestCall(nodeAt('spy@1', 'spy'), '/x'));
    caller.peer.send(forever);
    await roundTrip();
    assert.deepEqual(seen.map((info) => info.expired - caller.clock.wallTime), [10_000, 24 * 3600 * 1000]);
    assert.deepEqual(seen.map((info) => [info.reply, info.replyTo, info.hostname]), Array(2).fill([true, 'anthill.process.mqant-00000000000000aa', 'tester']));
  });

  it('fails a call whose argument cannot be sent, without sending', async () => {
    const { caller, host } = await pair({ '/echo': echo });
    const error = await failure(call(caller, node, '/echo', [1, () => 1]));
    assert.deepEqual([error.reason, error.message], ['UNSUPPORTED_VALUE', 'argument 2 of shop@1 /echo: a function cannot be sent']);
    await roundTrip();
    assert.equal(host.contexts.length, 0);
  });

  it('fails an oversized call alone', async () => {
    const { caller } = await pair({ '/echo': echo }, 1000);
    const [large, many, small] = [call(caller, node, '/echo', ['x'.repeat(2000)]), call(caller, node, '/echo', Array(300).fill(1)), call(caller, node, '/echo', ['ok'])];
    assert.equal((await failure(large)).reason, 'PAYLOAD_TOO_LARGE');
    assert.equal((await failure(many)).reason, 'PAYLOAD_TOO_LARGE');
    assert.equal(await small, 'ok');
  });
});

describe('the mqant wire, errors', () => {
  it('carries the message of a handler and no more', async () => {
    const { caller } = await pair({
      '/fail': { run: () => { throw new RpcError({ code: 'NOT_FOUND', reason: 'NO_USER', message: 'no user 7', details: { id: 7 }, cause: new Error('secret') }); } },
      '/utf16': { run: () => { throw new RpcError({ code: 'INTERNAL', message: 'bad \udc00' }); } },
    });
    const error = await failure(call(caller, node, '/fail'));
    assert.deepEqual([error.code, error.reason, error.message, error.details, error.cause, error.remote], ['UNKNOWN', 'REMOTE_ERROR', 'no user 7', undefined, undefined, true]);
    assert.equal((await failure(call(caller, node, '/utf16'))).message, 'bad \ufffd');
  });

  it('answers an unknown function in the words of Go', async () => {
    const { hub, caller } = await pair({});
    const { ask, errors } = await stranger(hub);
    ask({ fn: '/no/such' });
    await roundTrip();
    assert.deepEqual(errors(), ['Remote function(/no/such) not found']);
    const error = await failure(call(caller, node, '/no/such'));
    assert.deepEqual([error.code, error.reason, error.remote], ['NOT_FOUND', 'HANDLER_NOT_FOUND', true]);
  });

  it('gives the caller a code for what the wire itself refuses', async () => {
    const { caller } = await pair({ '/int': { run: (value) => value, args: ['int'] }, '/req': { run: (value) => value, args: [ResultMessage] } });
    const mistyped = await failure(call(caller, node, '/int', ['x']));
    assert.deepEqual([mistyped.code, mistyped.reason, mistyped.message], ['INVALID_ARGUMENT', 'ARGUMENT_TYPE', 'argument 1 of shop@1 /int is string where int was declared']);
    assert.equal((await failure(call(caller, node, '/req', [new TypedValue('bytes', unhex('12ff'))]))).reason, 'MALFORMED_PAYLOAD');
  });

  it('makes an error of a result that cannot be sent', async () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const { caller } = await pair(
      {
        '/function': { run: () => () => 1 },
        '/cycle': { run: () => cycle },
        '/bigint': { run: () => 2n ** 64n },
        '/declared': { run: () => 'x', returns: 'long' },
        '/throws': { run: () => new (class extends Req { override marshal(): Uint8Array { throw new Error('not today'); } })() },
        '/large': { run: () => 'x'.repeat(50_000_000) },
        '/sum': { run: () => 'x'.repeat(9990) },
        '/echo': echo,
      },
      10_000,
    );
    for (const [path, reason, message] of [
      ['/function', 'REPLY_UNENCODABLE', /the reply of \/function: a function cannot be sent/],
      ['/cycle', 'REPLY_UNENCODABLE', /refers to itself/],
      ['/bigint', 'REPLY_UNENCODABLE', /does not fit long/],
      ['/declared', 'REPLY_UNENCODABLE', /a string cannot be sent as long/],
      ['/throws', 'REPLY_UNENCODABLE', /not today/],
      ['/large', 'PAYLOAD_TOO_LARGE', /the reply of \/large: a value of 50000000 bytes/],
      ['/sum', 'PAYLOAD_TOO_LARGE', /the reply of \/sum/],
    ] as const) {
      const error = await failure(call(caller, node, path));
      assert.deepEqual([error.reason, error.remote], [reason, true], path);
      assert.match(error.message, message);
    }
    assert.equal(await call(caller, node, '/echo', ['fine']), 'fine');
  });

  it('fails a call whose reply has another type than asked for', async () => {
    const { caller } = await pair({ '/echo': echo });
    for (const [value, returns] of [['text', Req], ['text', 'long'], [long(2n ** 60n), 'int']] as const) {
      assert.equal((await failure(call(caller, node, '/echo', [value], { returns }))).reason, 'REPLY_TYPE');
    }
  });

  it('tells callers of a draining node that they may go elsewhere', async () => {
    const { caller, host } = await pair({ '/echo': echo });
    host.refusal = rpcError('DRAINING', 'shop@1 is stopping', { undelivered: true });
    const error = await failure(call(caller, { ...node, metadata: { 'anthill.wires': 'mqant' } }, '/echo'));
    assert.deepEqual([error.code, error.reason, error.undelivered], ['UNAVAILABLE', 'DRAINING', true]);
  });

  it('answers when the host itself fails', async () => {
    const { caller, host } = await pair({ '/echo': echo });
    host.dispatch = () => { throw new Error('secret'); };
    const error = await failure(call(caller, node, '/echo'));
    assert.equal(error.message, 'shop@1 /echo failed');
  });
});

describe('the mqant wire, requests of strangers', () => {
  it('drops work that is long expired, and only that', async () => {
    const { hub, callee, host } = await pair({ '/echo': echo });
    const { ask, errors } = await stranger(hub);
    const now = callee.clock.wallTime;
    ask({ expired: now - 5001 });
    ask({ expired: now - 5000 });
    ask({ expired: now + 1e9 });
    ask({ expired: 0 });
    await roundTrip();
    assert.deepEqual([errors(), host.contexts.length], [['deadline exceeded', '', '', ''], 3]);
  });

  it('answers only where a reply is wanted and possible', async () => {
    const { hub, host } = await pair({ '/echo': echo });
    const { ask, received, transport } = await stranger(hub);
    const counted = await counts(async () => {
      for (const replyTo of ['', 'x y', 'a\r\nPUB evil 0\r\n', '$JS.API.INFO']) ask({ replyTo });
      transport.send(node.address, Buffer.concat([Buffer.from('12052f6563686f', 'hex'), Buffer.from('3001', 'hex')]));
      await roundTrip();
    });
    assert.deepEqual([host.contexts.length, received.length, counted], [5, 0, ['reply.lost', 'reply.lost', 'reply.lost']]);
  });

  it('refuses types and arguments of different number', async () => {
    const { hub } = await pair({ '/echo': echo });
    const { errors, transport, inbox } = await stranger(hub);
    const head = new RequestEncoder(encoder).encode({ cid: 'c', fn: '/echo', replyTo: inbox, expired: 0, args: [], argTypes: undefined, caller: '', target: '' }, 1e6);
    transport.send(node.address, Buffer.concat([head, Buffer.from('3a06737472696e67', 'hex')]));
    transport.send(node.address, Buffer.concat([head, Buffer.from('420178', 'hex')]));
    await roundTrip();
    assert.deepEqual(errors(), ['MALFORMED_PAYLOAD: the request for shop@1 /echo has 1 types and 0 arguments', 'MALFORMED_PAYLOAD: the request for shop@1 /echo has 0 types and 1 arguments']);
  });

  it('refuses values that are too short', async () => {
    const { hub } = await pair({ '/echo': echo });
    const { errors, transport, inbox } = await stranger(hub);
    const head = new RequestEncoder(encoder).encode({ cid: 'c', fn: '/echo', replyTo: inbox, expired: 0, args: [], argTypes: undefined, caller: '', target: '' }, 1e6);
    transport.send(node.address, Buffer.concat([head, Buffer.from('3a046c6f6e6742020001', 'hex')]));
    await roundTrip();
    assert.deepEqual(errors(), ['MALFORMED_PAYLOAD: argument 1 of shop@1 /echo, of type long, is broken: needs 4 bytes, 2 left']);
  });

  it('echoes the correlation id and answers once', async () => {
    const { hub, callee } = await pair({});
    const host = new TestHost('shop@1', { '/echo': echo });
    host.dispatch = (_entry, _args, _context, responder) => {
      responder.reply(1);
      responder.reply(2);
      responder.fail(rpcError('HANDLER_FAILED', 'x'));
    };
    await callee.peer.serve(host, node.address);
    const { ask, received } = await stranger(hub);
    ask({ cid: 'a strange id 蚂蚁' });
    await roundTrip();
    assert.equal(received.length, 1);
    const info = readResultInfo(received[0]!);
    assert.equal(Buffer.from(received[0]!.subarray(info.cidStart, info.cidEnd)).toString(), 'a strange id 蚂蚁');
  });

  it('counts broken messages', async () => {
    const { hub, caller } = await pair({ '/echo': echo });
    const { transport } = await stranger(hub);
    const counted = await counts(async () => {
      transport.send(node.address, Buffer.from([0x0a, 0xff]));
      transport.send('anthill.process.mqant-00000000000000aa', Buffer.from([0x0a, 0xff]));
      await roundTrip();
    });
    assert.deepEqual(counted, ['frame.dropped', 'frame.dropped']);
    assert.equal(await call(caller, node, '/echo', ['still here']), 'still here');
  });
});

describe('the mqant wire, replies that nobody waits for', () => {
  it('drops late and doubled ones, and those of others', async () => {
    const { hub } = await pair({});
    const caller = await startProcess(hub, {}, '00000000000000cc');
    const silent = memory(hub);
    await silent.connect();
    const asked: RpcInfo[] = [];
    await silent.subscribe('silent', ({ bytes }) => void asked.push(readRpcInfo(new Uint8Array(bytes))));
    const replies = new ReplyEncoder(encoder);
    const given = new TestCall(nodeAt('silent@1', 'silent'), '/x');
    const cancelled = new TestCall(nodeAt('silent@1', 'silent'), '/x');
    caller.peer.send(given);
    caller.peer.send(cancelled);
    caller.peer.cancel(cancelled);
    await roundTrip();
    const counted = await counts(async () => {
      for (const cid of [asked[0]!.cid, asked[0]!.cid, asked[1]!.cid, '55e4da3c-d92f-4d45-a4c7-c1063c631565']) silent.send(asked[0]!.replyTo, replies.result(cid, cid, undefined, 1e6));
      await roundTrip();
    });
    assert.equal(await given.outcome, asked[0]!.cid);
    assert.deepEqual(counted, ['reply.unknown', 'reply.unknown', 'reply.unknown']);
  });
});

describe('the mqant wire, nodes that are gone', () => {
  /** A node that takes requests and never answers, until it closes. */
  async function mute(process: { hub: ReturnType<typeof memoryHub> }) {
    const transport = memory(process.hub);
    await transport.connect();
    const subscription = await transport.subscribe(node.address, () => {});
    return () => subscription.close();
  }

  it('fails the call as undelivered and tells the picker first', async () => {
    const hub = memoryHub();
    const caller = await startProcess(hub);
    const made = new TestCall(node, '/x');
    const order: string[] = [];
    made.fail = (error) => void order.push(`${error.reason} ${error.undelivered} ${caller.unreachable.join()}`);
    caller.peer.send(made);
    await roundTrip();
    assert.deepEqual(order, ['NODE_UNREACHABLE true shop@1']);
  });

  it('fails older calls to the same address, which may have run, and no others', async () => {
    const hub = memoryHub();
    const caller = await startProcess(hub);
    const closeNode = await mute({ hub });
    const other = memory(hub);
    await other.connect();
    await other.subscribe('other', () => {});
    const older = new TestCall(node, '/older');
    const elsewhere = new TestCall(nodeAt('other@1', 'other'), '/elsewhere');
    caller.peer.send(older);
    caller.peer.send(elsewhere);
    await roundTrip();
    closeNode();
    const last = await failure(call(caller, node, '/last'));
    // A reply may have been overtaken by the news that nobody listens: older calls wait a moment longer.
    assert.equal(await Promise.race([older.outcome, roundTrip().then(() => 'pending')]), 'pending');
    caller.clock.ring();
    const errors = [await failure(older.outcome), last];
    assert.deepEqual(errors.map((error) => [error.code, error.reason, error.undelivered]), [
      ['UNAVAILABLE', 'NODE_UNREACHABLE', false],
      ['UNAVAILABLE', 'NODE_UNREACHABLE', true],
    ]);
    const state = await Promise.race([elsewhere.outcome, roundTrip().then(() => 'pending')]);
    assert.equal(state, 'pending');
  });

  it('may send the call again from within fail, to the same address too', async () => {
    const hub = memoryHub();
    const caller = await startProcess(hub);
    const retried = new TestCall(node, '/x');
    let failures = 0;
    const done = new Promise<void>((resolve) => {
      retried.fail = () => {
        if (++failures === 3) resolve();
        else caller.peer.send(retried);
      };
    });
    caller.peer.send(retried);
    await done;
    assert.equal(failures, 3);
  });

  it('tells the picker of calls without reply too', async () => {
    const caller = await startProcess();
    for (let i = 0; i < 300; i++) caller.peer.send(new TestCall(node, '/note', [], { noReply: true }));
    await roundTrip();
    assert.ok(caller.unreachable.length >= 256, `${caller.unreachable.length}`);
  });

  it('knows its own tokens', async () => {
    const { peer } = await startProcess();
    assert.deepEqual([1, 3, 2, 0, -2, 1.5, NaN].map((token) => peer.undeliverable(token)), [true, true, false, false, false, false, false]);
  });
});

describe('the mqant wire, link and end', () => {
  it('fails calls at once while the link is down, and leaves those in flight to their deadline', async () => {
    const { hub, caller } = await pair({ '/echo': echo });
    const inFlight = new TestCall(node, '/echo', ['late']);
    caller.peer.send(inFlight);
    hub.cut(caller.transport);
    const refused = await failure(call(caller, node, '/echo'));
    assert.deepEqual([refused.reason, refused.undelivered], ['TRANSPORT_DOWN', true]);
    assert.equal(await Promise.race([inFlight.outcome, roundTrip().then(() => 'pending')]), 'pending');
    hub.restore(caller.transport);
    assert.equal(await call(caller, node, '/echo', ['again']), 'again');
  });

  it('counts replies that the link cannot take', async () => {
    const { hub, caller, callee, host } = await pair({ '/echo': echo });
    host.dispatch = (_entry, _args, _context, responder) => {
      hub.cut(callee.transport);
      responder.reply('x');
    };
    const counted = await counts(async () => {
      caller.peer.send(new TestCall(node, '/echo'));
      await roundTrip();
    });
    assert.deepEqual(counted, ['reply.lost']);
  });

  it('stops listening for a node, and still answers what it has', async () => {
    const { caller, callee, host } = await pair({ '/echo': echo });
    let answer: (() => void) | undefined;
    host.dispatch = (_entry, _args, _context, responder) => void (answer = () => responder.reply('late'));
    const made = new TestCall(node, '/echo');
    caller.peer.send(made);
    await roundTrip();
    callee.peer.unserve('shop@1');
    callee.peer.unserve('never@1');
    answer!();
    assert.equal(await made.outcome, 'late');
    assert.equal((await failure(call(caller, node, '/echo'))).reason, 'NODE_UNREACHABLE');
  });

  it('fails what is pending when it closes', async () => {
    const { caller } = await pair({ '/echo': { run: echo.run } });
    const made = new TestCall(node, '/echo');
    caller.peer.send(made);
    caller.peer.close();
    assert.equal((await failure(made.outcome)).reason, 'APP_STOPPED');
  });

  it('advertises nothing: a node that says nothing speaks mqant', async () => {
    const process: TestProcess = await startProcess();
    assert.deepEqual(process.peer.advertisement, {});
    process.peer.flush();
    process.peer.link(false);
  });
});

describe('serializers on the mqant wire', () => {
  class Session {
    constructor(readonly id: string) {}
  }
  const serializers = [{ name: 'TICKET', serialize: (value: unknown) => (value instanceof Session ? { type: 'TICKET', bytes: Buffer.from(value.id) } : undefined), deserialize: (_type: string, bytes: Uint8Array) => new Session(Buffer.from(bytes).toString()) }];

  it('carry their types both ways', async () => {
    const hub = memoryHub();
    const [caller, callee] = [await startProcess(hub, { serializers }), await startProcess(hub, { serializers }, '00000000000000bb')];
    await callee.peer.serve(new TestHost('shop@1', { '/echo': { run: (session) => new Session(`${(session as Session).id}!`), args: ['TICKET'] } }), node.address);
    assert.deepEqual(await call(caller, node, '/echo', [new Session('a')]), new Session('a!'));
  });

  it('are missed by name where they are not registered', async () => {
    const hub = memoryHub();
    const [caller, callee] = [await startProcess(hub, { serializers }), await startProcess(hub, {}, '00000000000000bb')];
    await callee.peer.serve(new TestHost('shop@1', { '/echo': echo }), node.address);
    const error = await failure(call(caller, node, '/echo', [new Session('a')]));
    assert.match(error.message, /argument 1 of shop@1 \/echo is the type 'TICKET', which is not known here; register it/);
  });
});
