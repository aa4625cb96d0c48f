import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BootError } from '../../../lib/common/boot-error.js';
import { ByteReader, MalformedBytes } from '../../../lib/rpc/byte-reader.js';
import { double, float, int, long, mapstr, proto, TypedValue, type ProtoSchema, type ReplyType, type ValueType } from '../../../lib/common/value-types.js';
import { mqantWire } from '../../../lib/wire/mqant/mqant.wire.js';
import { RequestEncoder } from '../../../lib/wire/mqant/request-encoder.js';
import { readRpcInfo } from '../../../lib/wire/mqant/rpc-info.js';
import { SerializerTable } from '../../../lib/wire/mqant/serializer.js';
import type { ValueSerializer } from '../../../lib/rpc/value-serializer.js';
import { Trace } from '../../../lib/rpc/trace.js';
import { TypeMismatch, ValueDecoder } from '../../../lib/wire/mqant/value-decoder.js';
import { ValueEncoder } from '../../../lib/wire/mqant/value-encoder.js';
import { hex, Nameless, Req, ResultMessage, unhex, utf8 } from './mqant-support.js';

class Money {
  constructor(readonly cents: number) {}
}

const moneySerializer: ValueSerializer = {
  name: 'MONEY',
  types: ['MONEY', 'OLD_MONEY'],
  serialize: (value) => (value instanceof Money ? { type: 'MONEY', bytes: utf8(String(value.cents)) } : undefined),
  deserialize: (_type, bytes) => {
    const cents = Number(Buffer.from(bytes).toString());
    if (Number.isNaN(cents)) throw new Error('no money');
    return new Money(cents);
  },
};

const strict: ProtoSchema = {
  fullName: '.pkg.Strict',
  encode: () => {
    throw new Error('missing required');
  },
  decode: () => ({}),
};

const table = new SerializerTable([moneySerializer]);
const requests = new RequestEncoder(new ValueEncoder(table));
const decoder = new ValueDecoder(table);

/** Label and bytes of one argument. */
function encode(value: unknown, type?: ValueType): [string, Uint8Array] {
  const bytes = requests.encode({ cid: 'c', fn: 'f', replyTo: '', expired: 0, args: [value], argTypes: type && [type], caller: '', target: 't' }, 1e6);
  const info = readRpcInfo(bytes);
  assert.equal(info.argCount, 1);
  return [info.types[0]!, new Uint8Array(bytes.subarray(info.bounds[0], info.bounds[1]))];
}

const text = (value: unknown, type?: ValueType): string => {
  const [label, bytes] = encode(value, type);
  return `${label} ${Buffer.from(bytes).toString()}`;
};
const inHex = (value: unknown, type?: ValueType): string => {
  const [label, bytes] = encode(value, type);
  return `${label} ${hex(bytes)}`.trim();
};

const argument = (label: string, bytes: Uint8Array, type?: ValueType): unknown => decoder.argument(label, new ByteReader(bytes), type);
const reply = (label: string, bytes: Uint8Array, type?: ReplyType): unknown => decoder.reply(label, new ByteReader(bytes), type);

describe('mqant values without a declared type', () => {
  for (const [value, wanted] of [
    [0, 'long 0000000000000000'],
    [64, 'long 0000000000000040'],
    [-2, 'long fffffffffffffffe'],
    [Number.MAX_SAFE_INTEGER, 'long 001fffffffffffff'],
    [Number.MIN_SAFE_INTEGER, 'long ffe0000000000001'],
    [5n, 'long 0000000000000005'],
    [2n ** 63n - 1n, 'long 7fffffffffffffff'],
    [-(2n ** 63n), 'long 8000000000000000'],
    [64.043, 'double 986e1283c0025040'],
    [1e20, 'double 408cb5781daf1544'],
    [Infinity, 'double 000000000000f07f'],
    [true, 'bool 01'],
    [false, 'bool 00'],
    [null, 'null'],
    [undefined, 'null'],
    ['', 'string'],
    ['蚂', 'string e89a82'],
    [Uint8Array.of(0, 255), 'bytes 00ff'],
    [Buffer.from([1]), 'bytes 01'],
    [new Uint8Array(0), 'bytes'],
  ] as const) {
    it(`sends ${typeof value} ${String(value).slice(0, 30)} as ${wanted}`, () => assert.equal(inHex(value), wanted));
  }

  for (const [what, value, wanted] of [
    ['a plain object', { a: 1, b: [true] }, 'map {"a":1,"b":[true]}'],
    ['an instance of a class of data', new (class Dto { x = 1; })(), 'map {"x":1}'],
    ['an object without prototype', Object.assign(Object.create(null) as object, { a: 1 }), 'map {"a":1}'],
    ['an array', [1, 'x', null, undefined], 'bytes [1,"x",null,null]'],
    ['a date, as JSON has it', new Date(0), 'string 1970-01-01T00:00:00.000Z'],
    ['what has toJSON, as it says', { toJSON: () => ({ a: 1 }) }, 'map {"a":1}'],
    ['what has toJSON and says a number', { toJSON: () => 7.5 }, 'double \u0000\u0000\u0000\u0000\u0000\u0000\u001e@'],
    ['a Marshaler by its name', new Req('m1'), 'marshal@req m1'],
    ['a Marshaler without a name by its class', new Nameless(), 'marshal@Nameless '],
    ['a custom type', new Money(5), 'MONEY 5'],
    ['a trace', new Trace('aa', 'bb'), 'trace {"Trace":"aa","Span":"bb"}'],
  ] as const) {
    it(`sends ${what}`, () => assert.equal(text(value), wanted));
  }

  it('sends a protobuf message that knows its type', () => {
    const message = ResultMessage.decode(unhex('120178'));
    assert.equal(inHex(message), 'proto@*rpcpb.ResultInfo 120178');
  });

  it('keeps bytes and exact bigints inside JSON as Go reads them', () => {
    assert.equal(text({ b: Buffer.from([0, 1, 255]), u: Uint8Array.of(1), n: 5n, t: long(7n), d: new Date(0), gone: undefined }), 'map {"b":"AAH/","u":"AQ==","n":5,"t":7,"d":"1970-01-01T00:00:00.000Z"}');
  });

  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  for (const [what, value, message] of [
    ['a function', () => 1, /a function cannot be sent/],
    ['a symbol', Symbol('x'), /a symbol cannot be sent/],
    ['a bigint past 64 bits', 2n ** 63n, /does not fit long/],
    ['a Map', new Map(), /a Map cannot be sent/],
    ['a promise', Promise.resolve(1), /a promise cannot be sent/],
    ['a cycle', cycle, /nested deeper|refers to itself/],
    ['a function inside', { a: [() => 1] }, /a function cannot be sent/],
    ['NaN inside', { a: NaN }, /NaN has no form in JSON/],
    ['an inexact bigint inside', [2n ** 60n], /not exact in JSON/],
    ['a Set inside', { a: new Set() }, /a Set cannot be sent/],
    ['a toJSON that throws', { toJSON: () => { throw new Error('not today'); } }, /not today/],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => encode(value), (error: Error) => (error as unknown as { reason: string }).reason === 'UNSUPPORTED_VALUE' && /^argument 1 of t f/.test(error.message) && message.test(error.message)));
  }
});

describe('mqant values with a declared type', () => {
  for (const [value, type, wanted] of [
    [64, 'int', 'int 00000040'],
    [-2, 'int', 'int fffffffe'],
    [5n, 'int', 'int 00000005'],
    [5, 'long', 'long 0000000000000005'],
    [3, 'double', 'double 0000000000000840'],
    [3n, 'double', 'double 0000000000000840'],
    [64.043, 'float', 'float 04168042'],
    [Infinity, 'float', 'float 0000807f'],
    [1e-46, 'float', 'float 00000000'],
    [true, 'bool', 'bool 01'],
    ['x', 'string', 'string 78'],
    [Uint8Array.of(1), 'bytes', 'bytes 01'],
    [{ a: 1 }, 'bytes', 'bytes 7b2261223a317d'],
    ['x', 'json', 'bytes 227822'],
    [[1], 'json', 'bytes 5b315d'],
    [{ a: 1 }, 'map', 'map 7b2261223a317d'],
    [{ a: '1' }, 'mapstr', 'mapstr 7b2261223a2231227d'],
    [null, 'int', 'null'],
    [undefined, ResultMessage, 'null'],
    [7, 'null', 'null'],
    [new Money(7), 'MONEY', 'MONEY 37'],
    [{ Error: 'x' }, ResultMessage, 'proto@*rpcpb.ResultInfo 120178'],
    [unhex('120178'), ResultMessage, 'proto@*rpcpb.ResultInfo 120178'],
    [unhex('120178'), 'proto@*go_api.Request', 'proto@*go_api.Request 120178'],
    [new Req('m1'), Req, 'marshal@req 6d31'],
    [utf8('m1'), Req, 'marshal@Req 6d31'],
  ] as [unknown, ValueType, string][]) {
    it(`sends ${typeof value} as ${typeof type === 'string' ? type : type.name}: ${wanted}`, () => assert.equal(inHex(value, type), wanted));
  }

  it('takes wrappers before declarations', () => {
    assert.deepEqual([int(1), long(1), float(1), double(1), mapstr({}), proto(ResultMessage, {})].map((value) => encode(value, 'string')[0]), ['int', 'long', 'float', 'double', 'mapstr', 'proto@*rpcpb.ResultInfo']);
  });

  for (const [value, type, message] of [
    [2147483648, 'int', /2147483648 does not fit int.*long\(\)/],
    [-2147483649, 'int', /does not fit int/],
    [1.5, 'int', /a whole number/],
    ['1', 'int', /a string cannot be sent as int/],
    [NaN, 'long', /a whole number/],
    [2 ** 60, 'long', /give long\(\) a bigint/],
    [2n ** 64n, 'long', /does not fit long/],
    ['1', 'double', /a string cannot be sent as double/],
    [2n ** 60n + 1n, 'double', /not exact/],
    [1e39, 'float', /does not fit float.*double\(\)/],
    [1, 'bool', /a number cannot be sent as bool/],
    [1, 'string', /a number cannot be sent as string/],
    ['x', 'bytes', /Buffer\.from\(text\)/],
    [[1], 'map', /an array cannot be sent as map/],
    ['x', 'map', /a string cannot be sent as map/],
    [{ a: 1 }, 'mapstr', /the value of 'a' is a number: mapstr holds strings only/],
    [[], 'mapstr', /an object of strings/],
    [{ Trace: 'x' }, 'trace', /it takes a Trace/],
    [new Money(1), 'SESSION', /no wire type is named 'SESSION'; register it with mqantWire/],
    [{}, 'MONEY', /what the serializer 'MONEY' takes/],
    [{}, Req, /cannot be sent as marshal@Req/],
    [5, ResultMessage, /a number cannot be sent as proto@\*rpcpb\.ResultInfo/],
    [{}, strict, /the message \*pkg\.Strict cannot be encoded: missing required/],
    [{ marshal: () => 'text', unmarshal() {} }, Req, /a string cannot be sent as marshal@/],
  ] as [unknown, ValueType, RegExp][]) {
    it(`refuses ${typeof value} as ${typeof type === 'string' ? type : type.name}: ${message.source}`, () => {
      assert.throws(() => encode(value, type), (error: Error) => (error as unknown as { reason: string }).reason === 'UNSUPPORTED_VALUE' && message.test(error.message));
    });
  }
});

describe('mqant arguments for a handler', () => {
  const one = unhex('0000000000000001');
  for (const [label, bytes, type, wanted] of [
    ['long', one, undefined, 1],
    ['long', one, 'long', 1n],
    ['long', one, 'int', 1],
    ['long', one, 'double', 1],
    ['long', unhex('7fffffffffffffff'), undefined, 2n ** 63n - 1n],
    ['long', unhex('ffe0000000000000'), undefined, -(2n ** 53n)],
    ['int', unhex('80000000'), undefined, -2147483648],
    ['int', unhex('00000040'), 'long', 64n],
    ['double', unhex('0000000000000840'), 'long', 3n],
    ['double', unhex('0000000000000840'), 'int', 3],
    ['float', unhex('0000404000'), 'float', 3],
    ['bool', unhex('02'), 'bool', true],
    ['string', utf8('\ufeffx'), undefined, '\ufeffx'],
    ['string', Uint8Array.of(0xff), 'bytes', Uint8Array.of(0xff)],
    ['map', utf8('{"a":1}'), 'map', { a: 1 }],
    ['bytes', utf8('{"a":1}'), 'map', { a: 1 }],
    ['bytes', utf8('[1]'), 'json', [1]],
    ['map', utf8('{"a":1}'), 'json', { a: 1 }],
    ['string', utf8('x'), 'json', 'x'],
    ['bytes', utf8('[1]'), undefined, utf8('[1]')],
    ['map', utf8('{"a":1}'), 'bytes', utf8('{"a":1}')],
    ['string', utf8('x'), 'bytes', utf8('x')],
    ['mapstr', utf8('{"a":"1"}'), 'mapstr', { a: '1' }],
    ['mapstr', utf8('null'), undefined, null],
    ['null', new Uint8Array(0), 'long', null],
    ['null', utf8('rubbish'), undefined, null],
    ['proto@*x.Y', utf8('x'), undefined, utf8('x')],
    ['marshal@x', utf8('x'), undefined, utf8('x')],
    ['trace', utf8('{"Trace":"aa"}'), 'trace', new Trace('aa', '')],
    ['MONEY', utf8('5'), undefined, new Money(5)],
    ['OLD_MONEY', utf8('5'), 'MONEY', new Money(5)],
    ['marshal@anything', utf8('m1'), Req, new Req('m1')],
    ['map', utf8('{}'), Req, new Req('{}')],
    ['null', new Uint8Array(0), Req, new Req('')],
  ] as [string, Uint8Array, ValueType | undefined, unknown][]) {
    it(`reads ${label} ${hex(bytes).slice(0, 20)} for ${typeof type === 'function' ? type.name : String(type)}`, () => assert.deepEqual(argument(label, bytes, type), wanted));
  }

  it('reads protobuf whatever the label, and null as the empty message', () => {
    assert.equal((argument('bytes', unhex('120178'), ResultMessage) as { Error: string }).Error, 'x');
    assert.equal((argument('null', new Uint8Array(0), ResultMessage) as { Error: string }).Error, '');
  });

  it('gives copies: the message is gone after the callback', () => {
    const message = Buffer.from('abc');
    const given = [argument('bytes', message), argument('proto@x', message), argument('marshal@x', message)] as Uint8Array[];
    message.fill(0);
    for (const bytes of given) assert.deepEqual(bytes, utf8('abc'));
  });

  for (const [label, bytes, type] of [
    ['string', utf8('1'), 'int'],
    ['string', utf8('1'), 'bool'],
    ['long', one, 'string'],
    ['long', one, 'bytes'],
    ['long', one, 'bool'],
    ['long', unhex('7fffffffffffffff'), 'int'],
    ['long', unhex('7fffffffffffffff'), 'double'],
    ['double', unhex('000000000000f83f'), 'long'],
    ['double', unhex('000000000000f87f'), 'int'],
    ['string', utf8('{}'), 'map'],
    ['map', utf8('{}'), 'mapstr'],
    ['map', utf8('{}'), 'MONEY'],
    ['UNKNOWN', utf8('x'), undefined],
    ['UNKNOWN', utf8('x'), 'UNKNOWN'],
    ['', utf8('x'), undefined],
  ] as [string, Uint8Array, ValueType | undefined][]) {
    it(`refuses '${label}' for ${String(type)}`, () => assert.throws(() => argument(label, bytes, type), TypeMismatch));
  }

  for (const [label, bytes] of [
    ['string', 'ff'],
    ['bool', ''],
    ['int', '000000'],
    ['long', '00000000000000'],
    ['float', '000000'],
    ['double', '00000000000000'],
    ['map', ''],
    ['map', '5b5d'],
    ['map', '7b'],
    ['mapstr', hex(utf8('{"a":1}'))],
    ['trace', hex(utf8('{"Trace":1}'))],
    ['map', hex(utf8('{"__proto__":{"admin":true}}'))],
    ['map', hex(utf8('{"a":[{"\\u005f_proto__":{"admin":true}}]}'))],
    ['map', hex(utf8(`${'{"\\u0061":'.repeat(100_000)}1${'}'.repeat(100_000)}`))],
  ] as const) {
    it(`refuses a broken ${label} ${bytes.slice(0, 30)}`, () => assert.throws(() => argument(label, unhex(bytes)), MalformedBytes));
  }
});

describe('mqant replies for a caller', () => {
  for (const [label, bytes, type, wanted] of [
    ['string', utf8('x'), undefined, 'x'],
    ['long', unhex('0000000000000001'), 'long', 1n],
    ['long', unhex('0000000000000001'), 'int', 1],
    ['bytes', utf8('[1]'), Array, [1]],
    ['bytes', utf8('{"a":1}'), Object, { a: 1 }],
    ['map', utf8('{"a":1}'), Object, { a: 1 }],
    ['bytes', utf8('[1]'), Uint8Array, utf8('[1]')],
    ['proto@*x.Y', utf8('x'), undefined, utf8('x')],
    ['null', new Uint8Array(0), Req, null],
    ['bytes', utf8('m1'), Req, new Req('m1')],
    ['marshal@rsp', utf8('m1'), Req, new Req('m1')],
  ] as [string, Uint8Array, ReplyType | undefined, unknown][]) {
    it(`reads ${label} for ${typeof type === 'function' ? type.name : String(type)}`, () => assert.deepEqual(reply(label, bytes, type), wanted));
  }

  for (const [label, type] of [
    ['string', Req],
    ['long', ResultMessage],
    ['string', 'int'],
  ] as [string, ReplyType][]) {
    it(`refuses ${label} for ${typeof type === 'string' ? type : type.name}`, () => assert.throws(() => reply(label, utf8('12345678'), type), TypeMismatch));
  }
});

describe('serializers of the mqant wire', () => {
  const named = (name: string, types?: string[]): ValueSerializer => ({ name, ...(types && { types }), serialize: () => undefined, deserialize: () => null });
  for (const [list, reason] of [
    [[named('A'), named('A')], 'DUPLICATE_SERIALIZER'],
    [[named('A', ['X']), named('B', ['X'])], 'DUPLICATE_SERIALIZER'],
    [[named('protoX')], 'SERIALIZER_NAME'],
    [[named('marshal@x')], 'SERIALIZER_NAME'],
    [[named('A', ['string'])], 'SERIALIZER_NAME'],
    [[named('')], 'SERIALIZER_NAME'],
  ] as const) {
    it(`refuses ${list.map((s) => `${s.name}[${s.types?.join() ?? ''}]`).join(' and ')}`, () => {
      assert.throws(() => mqantWire({ serializers: list }), (error) => error instanceof BootError && error.reason === reason);
    });
  }

  it('take a type listed twice by one of them', () => {
    assert.equal(mqantWire({ serializers: [named('A', ['A', 'A'])] }).name, 'mqant');
  });

  it('may refuse bytes in words of their own', () => {
    assert.throws(() => argument('MONEY', utf8('much')), /no money/);
  });

  it('see no bytes, arrays and primitives', () => {
    const seen: unknown[] = [];
    const spy = new RequestEncoder(new ValueEncoder(new SerializerTable([{ name: 'SPY', serialize: (value) => void seen.push(value), deserialize: () => null }])));
    const object = { a: 1 };
    spy.encode({ cid: 'c', fn: 'f', replyTo: '', expired: 0, args: [1, 'x', [1], new Uint8Array(1), null, true, new TypedValue('map', {}), object], argTypes: undefined, caller: '', target: '' }, 1e6);
    assert.deepEqual(seen, [object]);
  });
});
