import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Type } from '@nestjs/common';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { RpcFactory } from '../../lib/bootstrap/rpc.factory.js';
import { consul } from '../../lib/registry/consul/index.js';
import { nats } from '../../lib/transport/nats/index.js';
import { mqantWire } from '../../lib/wire/mqant/mqant.wire.js';
import { describeWith, startConsul, startNats } from '../services/index.js';
import { opaqueTypes } from './beans.js';
import { EchoOne, EchoTwo } from './echo-service.js';
import { type GoAnswer, type GoCaller, GoPeer, type GoRequest, type Tagged, type World } from './go-peer.js';

describeWith('being called by real mqant', ['nats-server', 'consul', 'go'], () => {
  let world: World;
  let one: RpcApplication;
  let two: RpcApplication;
  let go: GoCaller;
  let service: GoPeer;

  const start = async (module: Type): Promise<RpcApplication> => {
    const app = await RpcFactory.create({
      modules: [module],
      transport: nats({ servers: world.nats.url }),
      registry: consul({ addr: world.consul.url }),
      wires: ['anthill/1', mqantWire({ serializers: opaqueTypes })],
      logger: false,
      flags: false,
      env: {},
    });
    return app.start({ failFast: true });
  };

  before(async () => {
    world = { nats: await startNats(), consul: await startConsul() };
    [one, two] = [await start(EchoOne), await start(EchoTwo)];
    go = await GoPeer.caller(world);
    service = await GoPeer.service(world, '-id', 'one');
    await eventually(async () => (await go.ask({ op: 'servers', target: 'tssvc' })).servers?.length === 2);
  });

  after(async () => {
    await Promise.all([go?.stop(), service?.stop()]);
    await Promise.all([one?.stop(), two?.stop()]);
    await Promise.all([world?.nats.stop(), world?.consul.stop()]);
  });

  const ask = (fn: string, args: readonly Tagged[] = [], more: Partial<GoRequest> = {}): Promise<GoAnswer> => go.ask({ target: 'tssvc', fn, args, ...more });
  const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');
  const eventually = async (check: () => Promise<boolean>): Promise<void> => {
    for (let tries = 0; !(await check()); tries++) {
      assert.ok(tries < 100, 'not within 10 s');
      await delay(100);
    }
  };

  const session = { IP: '1.2.3.4', Network: 'tcp', UserId: 'u1', SessionId: '00000000000000aa', ServerId: 'Gate@00000000000000bb', TraceId: '00000000000000cc', SpanId: '00000000000000dd', Topic: '', Settings: { k: 'v' } };
  const trace = { Trace: '00000000000000aa', Span: '00000000000000bb' };

  const described: readonly (readonly [name: string, sent: Tagged, seen: string | RegExp])[] = [
    ['bool', { t: 'bool', v: true }, 'boolean:true'],
    ['int', { t: 'int', v: -2 }, 'number:-2'],
    ['int', { t: 'int', v: 2147483647 }, 'number:2147483647'],
    ['long', { t: 'long', v: '64' }, 'bigint:64'],
    ['long', { t: 'long', v: '-9223372036854775808' }, 'bigint:-9223372036854775808'],
    ['any', { t: 'long', v: '64' }, 'number:64'],
    ['any', { t: 'long', v: '9007199254740993' }, 'bigint:9007199254740993'],
    ['float', { t: 'float', v: 64.043 }, `number:${Math.fround(64.043)}`],
    ['double', { t: 'double', v: 64.043 }, 'number:64.043'],
    ['double', { t: 'double', v: 'NaN' }, 'number:NaN'],
    ['double', { t: 'double', v: '-Inf' }, 'number:-Infinity'],
    ['double', { t: 'int', v: 3 }, 'number:3'],
    ['long', { t: 'int', v: 3 }, 'bigint:3'],
    ['bytes', { t: 'bytes', v: base64('0001ff') }, 'bytes:0001ff'],
    ['bytes', { t: 'bytes', v: '' }, 'bytes:'],
    ['string', { t: 'string', v: '蚂蚁 🐜' }, 'string:蚂蚁 🐜'],
    ['string', { t: 'string', v: '' }, 'string:'],
    ['map', { t: 'map', v: { a: 1, b: [true, null, 'x'] } }, 'object:{"a":1,"b":[true,null,"x"]}'],
    ['map', { t: 'map', v: null }, 'null'],
    ['map', { t: 'bytes', v: Buffer.from('{"a":1}').toString('base64') }, 'object:{"a":1}'],
    ['json', { t: 'bytes', v: Buffer.from('["a"]').toString('base64') }, 'object:["a"]'],
    ['mapstr', { t: 'mapstr', v: { a: '1' } }, 'object:{"a":"1"}'],
    ['string', { t: 'null' }, 'null'],
    ['proto', { t: 'proto', v: { error: '你说' } }, 'object:{"Error":"你说"}'],
    ['proto', { t: 'null' }, 'object:{}'],
    ['marshal', { t: 'marshal', v: 'm1' }, 'Req:m1'],
    ['marshal', { t: 'null' }, 'Req:'],
    ['trace', { t: 'trace', v: trace }, `Trace:${trace.Trace},${trace.Span}`],
    ['session', { t: 'session', v: session }, /^SESSION:0a07312e322e332e34/],
    ['pmarshal', { t: 'pmarshal', v: base64('0001') }, 'ProtocolMarshal:0001'],
  ];
  for (const [name, sent, seen] of described) {
    it(`is given ${sent.t} ${JSON.stringify(sent.v)?.slice(0, 40) ?? ''} for ${name}`, async () => {
      const { result, error } = await ask(`/describe/${name}`, [sent]);
      assert.equal(error, '');
      if (typeof seen === 'string') assert.equal(result!.v, seen);
      else assert.match(result!.v as string, seen);
    });
  }

  const echoed: readonly (readonly [name: string, sent: Tagged, got?: Tagged])[] = [
    ['bool', { t: 'bool', v: false }],
    ['int', { t: 'int', v: -2147483648 }],
    ['long', { t: 'long', v: '9223372036854775807' }],
    ['float', { t: 'float', v: 64.043 }],
    ['double', { t: 'double', v: 3 }],
    ['any', { t: 'double', v: 0.5 }],
    ['any', { t: 'int', v: 5 }, { t: 'long', v: '5' }],
    ['bytes', { t: 'bytes', v: base64('0001ff') }],
    ['string', { t: 'string', v: '蚂蚁 🐜' }],
    ['map', { t: 'map', v: { a: 1, b: [true, null, 'x'], c: { d: 1.5 } } }],
    ['mapstr', { t: 'mapstr', v: { a: '1' } }],
    ['json', { t: 'map', v: { a: 1 } }, { t: 'bytes', v: Buffer.from('{"a":1}').toString('base64') }],
    ['any', { t: 'null' }],
    ['proto', { t: 'proto', v: { error: 'x' } }, { t: 'bytes', v: base64('120178') }],
    ['marshal', { t: 'marshal', v: 'm1' }, { t: 'bytes', v: Buffer.from('m1').toString('base64') }],
    ['pmarshal', { t: 'pmarshal', v: base64('0001') }],
  ];
  for (const [name, sent, got = sent] of echoed) {
    it(`gives ${sent.t} back from ${name} as Go's ${got.t}`, async () => {
      const { result, error } = await ask(`/echo/${name}`, [sent]);
      assert.deepEqual([error, result], ['', got]);
    });
  }

  it('gives traces and sessions back, whose span Go makes anew', async () => {
    const back = (await ask('/echo/trace', [{ t: 'trace', v: trace }])).result!;
    assert.deepEqual([back.t, (back.v as typeof trace).Trace], ['trace', trace.Trace]);
    const { result } = await ask('/echo/session', [{ t: 'session', v: session }]);
    assert.deepEqual({ ...(result!.v as typeof session), SpanId: session.SpanId }, session);
  });

  it("satisfies mqant's reply helpers", async () => {
    for (const [as, fn, args, wanted] of [
      ['Int64', '/echo/long', [{ t: 'long', v: '7' }], { t: 'long', v: '7' }],
      ['Float64', '/echo/double', [{ t: 'double', v: 1.5 }], { t: 'double', v: 1.5 }],
      ['String', '/say/hi', [{ t: 'string', v: 'mqant' }], { t: 'string', v: 'hi mqant' }],
      ['Bool', '/echo/bool', [{ t: 'bool', v: true }], { t: 'bool', v: true }],
      ['Bytes', '/echo/bytes', [{ t: 'bytes', v: base64('00') }], { t: 'bytes', v: base64('00') }],
      ['StringMap', '/echo/mapstr', [{ t: 'mapstr', v: { a: '1' } }], { t: 'mapstr', v: { a: '1' } }],
      ['InterfaceMap', '/echo/map', [{ t: 'map', v: { a: 1 } }], { t: 'map', v: { a: 1 } }],
      ['Proto', '/test/proto', [{ t: 'proto', v: { error: 'x' } }], { t: 'proto', v: { error: '你说: x' } }],
      ['Marshal', '/test/marshal', [{ t: 'marshal', v: 'x' }], { t: 'marshal', v: 'x' }],
    ] as [string, string, Tagged[], Tagged][]) {
      const { result, error } = await ask(fn, args, { as });
      assert.deepEqual([as, error, result], [as, '', wanted]);
    }
  });

  it('takes all types in one call', async () => {
    const sent: Tagged[] = [
      { t: 'bool', v: true }, { t: 'int', v: 1 }, { t: 'long', v: '2' }, { t: 'float', v: 0.5 }, { t: 'double', v: 1.5 }, { t: 'bytes', v: base64('03') }, { t: 'string', v: 's' },
      { t: 'map', v: { a: 1 } }, { t: 'mapstr', v: { b: '2' } }, { t: 'null' }, { t: 'proto', v: {} }, { t: 'marshal', v: 'r' }, { t: 'trace', v: trace },
    ];
    const { result, error } = await ask('/mix', sent);
    assert.equal(error, '');
    assert.deepEqual(JSON.parse(Buffer.from(result!.v as string, 'base64').toString()), [
      'boolean:true', 'number:1', 'bigint:2', 'number:0.5', 'number:1.5', 'bytes:03', 'string:s', 'object:{"a":1}', 'object:{"b":"2"}', 'null', 'object:{}', 'Req:r', `Trace:${trace.Trace},${trace.Span}`,
    ]);
  });

  it('answers null for a handler that returns nothing', async () => {
    assert.deepEqual((await ask('/undefined')).result, { t: 'null' });
  });

  const text: Tagged = { t: 'string', v: 'x' };
  const failing: readonly (readonly [what: string, fn: string, args: readonly Tagged[], error: string | RegExp, op?: 'callArgs'])[] = [
    ['the message of a handler, to the letter', '/fail', [{ t: 'string', v: '没有 %d' }], '没有 %d'],
    ['no word of an unexpected error', '/crash', [], /^tssvc@(one|two) \/crash failed; its log has the cause under [0-9a-f]{16}$/],
    ["mqant's own words for an unknown function", '/no/such', [], 'Remote function(/no/such) not found'],
    ['the number of arguments', '/say/hi', [], /^ARGUMENT_COUNT: tssvc@(one|two) \/say\/hi takes 1 argument\(s\), got 0$/],
    ['the number of arguments', '/say/hi', [text, text], /^ARGUMENT_COUNT: .* got 2$/],
    ['the type of an argument', '/echo/int', [text], /^ARGUMENT_TYPE: argument 1 of tssvc@(one|two) \/echo\/int is string where int was declared$/],
    ['an argument that is too short', '/echo/long', [{ t: 'long', v: base64('0001') }], /^MALFORMED_PAYLOAD: argument 1 .*long, is broken/, 'callArgs'],
    ['an argument of an unknown type', '/echo/any', [{ t: 'custom', v: base64('0001') }], /^ARGUMENT_TYPE: argument 1 .*'custom', which is not known here/, 'callArgs'],
    ['a map that is no JSON', '/echo/map', [{ t: 'map', v: base64('00') }], /^MALFORMED_PAYLOAD: argument 1 .*not JSON/, 'callArgs'],
    ['a protobuf message that is none', '/echo/proto', [{ t: 'proto@x', v: base64('12ff') }], /^MALFORMED_PAYLOAD: argument 1 .*cannot be decoded/, 'callArgs'],
    ['a result that is a function', '/unsendable', [{ t: 'string', v: 'function' }], /^REPLY_UNENCODABLE: the reply of \/unsendable: a function cannot be sent/],
    ['a result that is a cycle', '/unsendable', [{ t: 'string', v: 'cycle' }], /^REPLY_UNENCODABLE: .*refers to itself/],
    ['a result past 64 bits', '/unsendable', [{ t: 'string', v: 'bigint' }], /^REPLY_UNENCODABLE: .*does not fit long/],
    ['a result past the payload limit', '/unsendable', [{ t: 'string', v: 'large' }], /^PAYLOAD_TOO_LARGE: the reply of \/unsendable: a value of 2000000 bytes/],
  ];
  for (const [what, fn, args, wanted, op] of failing) {
    it(`tells Go ${what}`, async () => {
      const { error } = await ask(fn, args, { ...(op && { op }) });
      if (typeof wanted === 'string') assert.equal(error, wanted);
      else assert.match(error, wanted);
    });
  }

  it('takes calls without reply', async () => {
    for (let i = 0; i < 3; i++) await ask('/note', [{ t: 'string', v: `note ${i}` }], { op: 'callNR', target: 'tssvc@one' });
    assert.deepEqual((await ask('/notes', [], { target: 'tssvc@one' })).result, { t: 'map', v: { notes: ['note 0', 'note 1', 'note 2'] } });
  });

  it('knows who calls', async () => {
    assert.equal((await ask('/caller', [], { caller: 'gopher' })).result!.v, 'gopher over mqant');
  });

  it('is chosen by label, by version and by id', async () => {
    for (let i = 0; i < 5; i++) {
      assert.equal((await ask('/whoami', [], { filter: { label: ['region', 'eu'] } })).result!.v, 'tssvc@one');
      assert.equal((await ask('/whoami', [], { filter: { version: '2.0.0' } })).result!.v, 'tssvc@two');
      assert.equal((await ask('/whoami', [], { target: 'tssvc@two' })).result!.v, 'tssvc@two');
    }
    assert.equal((await ask('/whoami', [], { filter: { label: ['region', 'mars'] } })).error, 'none available');
    assert.equal((await ask('/whoami', [], { target: 'tssvc@three' })).error, 'nofound tssvc@three');
  });

  it('is seen by mqant as one of its own', async () => {
    const { servers } = await go.ask({ op: 'servers', target: 'tssvc' });
    const seen = [...servers!].sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ id, address, version, metadata }) => [id, address, version, metadata['region'], metadata['pid']]);
    assert.deepEqual(seen, [
      ['tssvc@one', 'anthill.rpc.tssvc.one', '1.0.0', 'eu', String(process.pid)],
      ['tssvc@two', 'anthill.rpc.tssvc.two', '2.0.0', 'us', String(process.pid)],
    ]);
  });

  it('changes its metadata while it runs, and Go sees it', async () => {
    await one.modules.get('tssvc')!.setMetadata({ colour: 'red' });
    await eventually(async () => (await ask('/whoami', [], { filter: { label: ['colour', 'red'] } })).result?.v === 'tssvc@one');
  });

  it('is called from within a Go handler that it called itself', async () => {
    // A session of a Go handler loses its first reply now and then, see test/interop/go/README.md: the peer waits for it.
    assert.equal(await one.rpc.call('gosvc', '/relay', ['tssvc@two', '/say/hi', 'mqant']), 'hi mqant');
    await assert.rejects(one.rpc.call('gosvc', '/relay', ['tssvc@two', '/fail', 'no luck']), { code: 'UNKNOWN', reason: 'REMOTE_ERROR', message: 'no luck', remote: true });
    await assert.rejects(one.rpc.call('gosvc', '/relay', ['tssvc@two', '/no/such', '']), { reason: 'HANDLER_NOT_FOUND' });
  });

  it('keeps hundreds of calls in flight apart', async () => {
    const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => ask('/say/hi', [{ t: 'string', v: `${i}` }])));
    assert.deepEqual(answers.map(({ result, error }) => error || result!.v), Array.from({ length: 500 }, (_, i) => `hi ${i}`));
  });

  it('leaves, and all that Go sends from then on is answered', async () => {
    const state = { stopped: false };
    const stopping = two.stop().then(() => (state.stopped = true));
    const outcomes = new Map<string, number>();
    for (let after = 0; after < 50; ) {
      const { result, error } = await ask('/whoami', [], { timeoutMs: 2000 });
      const outcome = error || String(result!.v);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (state.stopped) after++;
    }
    await stopping;
    const errors = [...outcomes].filter(([outcome]) => !outcome.startsWith('tssvc@'));
    // mqant itself throws away what is in flight to a node when it learns that the node left the registry (nats_client.go:67); that is one call here.
    assert.ok(errors.every(([error, times]) => error === 'client closed' && times === 1), JSON.stringify(errors));
    assert.ok(outcomes.get('tssvc@one')! >= 50);
  });
});
