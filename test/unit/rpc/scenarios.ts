import assert from 'node:assert/strict';
import protobuf from 'protobufjs';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { double, float, int, long, mapstr, type Marshaler, proto, TypedValue } from '../../../lib/common/value-types.js';
import type { Rpc } from '../../../lib/rpc/rpc.client.js';
import { failure, type HandlerSpec, type TestHandler } from './support.js';

/** One thing that must be the same whether the node is in this process or in another one. */
export interface Scenario {
  readonly name: string;
  readonly handlers: Readonly<Record<string, TestHandler | HandlerSpec>>;
  run(rpc: Rpc): Promise<void>;
}

/** A message class as pbjs generates it: static encode and decode. */
export class Greeting {
  constructor(
    public text = '',
    public count = 0,
  ) {}
  static encode(message: Greeting): { finish(): Uint8Array } {
    return { finish: () => Buffer.from(`${message.count}|${message.text}`) };
  }
  static decode(bytes: Uint8Array): Greeting {
    if (bytes.length === 0) return new Greeting();
    const [count = '', text = ''] = Buffer.from(bytes).toString().split('|');
    if (!/^\d+$/.test(count)) throw new Error('not a Greeting');
    return new Greeting(text, Number(count));
  }
}

/** A protobufjs type. */
export const User = new protobuf.Type('User').add(new protobuf.Field('name', 1, 'string')).add(new protobuf.Field('age', 2, 'uint32'));
new protobuf.Root().define('test').add(User);

/** mqant's Marshaler. */
export class Point implements Marshaler {
  constructor(
    public x = 0,
    public y = 0,
  ) {}
  marshal(): Uint8Array {
    return Uint8Array.of(this.x, this.y);
  }
  unmarshal(bytes: Uint8Array): void {
    if (bytes.length !== 2 && bytes.length !== 0) throw new Error('a Point takes two bytes');
    this.x = bytes[0] ?? 0;
    this.y = bytes[1] ?? 0;
  }
  toString(): string {
    return 'point';
  }
}

const echo: TestHandler = ([value]) => value;
const handlers = { '/echo': echo };
const expectError = async (call: Promise<unknown>, expected: Partial<RpcError>, message?: RegExp): Promise<RpcError> => {
  const error = await failure(call);
  for (const [key, value] of Object.entries(expected)) assert.deepEqual((error as unknown as Record<string, unknown>)[key], value, key);
  if (message) assert.match(error.message, message);
  return error;
};

const roundTrips: readonly (readonly [string, unknown, unknown?])[] = [
  ['a string', 'ö𝄞\u0000x'],
  ['an empty string', ''],
  ['numbers', [0, -0, 1.5, -1, 2 ** 31, -(2 ** 31), 2 ** 53 - 1, 1e308, NaN, Infinity, -Infinity]],
  ['NaN', NaN],
  ['-0', -0],
  ['true', true],
  ['null', null],
  ['undefined', undefined, null],
  ['bigints', [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)]],
  ['bytes', Uint8Array.of(0, 255, 1)],
  ['a Buffer', Buffer.from('abc'), Uint8Array.from(Buffer.from('abc'))],
  ['a Date', new Date(-1.5e12)],
  ['an invalid Date', new Date(NaN), null],
  ['nesting', { a: [{ b: { c: [] } }], d: {} }],
  ['undefined in an object and in an array', { a: undefined, b: [undefined] }, { b: [null] }],
  ['an object without prototype', Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
  ['a class instance', new (class Thing { a = 1; })(), { a: 1 }],
  ['toJSON', { toJSON: () => ({ b: 2 }) }, { b: 2 }],
  ['keys of the prototype', { constructor: 1, toString: 2, hasOwnProperty: 3 }],
];

const refused: readonly (readonly [string, () => unknown, RegExp])[] = [
  ['a cycle', () => { const a: Record<string, unknown> = {}; a['a'] = a; return a; }, /nested deeper than 100 levels, or refers to itself/],
  ['a function', () => () => 1, /a function cannot be sent/],
  ['a function inside', () => ({ a: [() => 1] }), /a function cannot be sent/],
  ['a symbol', () => Symbol('s'), /a symbol cannot be sent/],
  ['a bigint out of range', () => 2n ** 64n, /outside the 64-bit range/],
  ['a Map', () => new Map([[1, 2]]), /a Map cannot be sent/],
  ['a promise inside', () => ({ a: Promise.resolve(1) }), /a promise cannot be sent; await it first/],
  ['an Error inside', () => [new Error('x')], /cannot be sent/],
  ['a toJSON that throws', () => ({ toJSON() { throw new Error('no json'); } }), /no json/],
  ['a toJSON that throws null', () => ({ toJSON() { throw null; } }), /null|cannot/],
  ['a getter that throws', () => ({ get a() { throw new Error('no getter'); } }), /no getter/],
  ['a hostile Proxy inside', () => ({ a: hostile() }), /cannot/],
];

/** Throws whatever is asked of it. */
export function hostile(): object {
  const no = (): never => {
    throw new Error('hands off');
  };
  return new Proxy({}, { get: no, has: no, ownKeys: no, getPrototypeOf: no, getOwnPropertyDescriptor: no, set: no });
}

export const scenarios: readonly Scenario[] = [
  ...roundTrips.map(([what, value, expected = value]): Scenario => ({
    name: `${what} goes there and back`,
    handlers,
    async run(rpc) {
      const back = await rpc.call('svc', '/echo', [value]);
      assert.deepEqual(back, what === 'undefined' ? null : expected);
      if (back instanceof Uint8Array) assert.equal(Buffer.isBuffer(back), false);
    },
  })),
  ...refused.map(([what, make, message]): Scenario => ({
    name: `${what} as an argument is the caller's mistake`,
    handlers: { ...handlers, '/count': () => assert.fail('the handler ran') },
    async run(rpc) {
      await expectError(rpc.call('svc', '/count', [make()]), { code: 'INVALID_ARGUMENT', reason: 'UNSUPPORTED_VALUE', remote: false }, message);
      assert.equal(await rpc.call('svc', '/echo', ['fine']), 'fine');
    },
  })),
  ...refused.map(([what, make, message]): Scenario => ({
    name: `${what} as a result is the callee's mistake, and nobody else notices`,
    handlers: { ...handlers, '/make': () => make(), '/later': async () => make() },
    async run(rpc) {
      for (const path of ['/make', '/later']) {
        const neighbours = ['a', 'b'].map((text) => rpc.call('svc', '/echo', [text]));
        const error = await expectError(rpc.call('svc', path), { code: 'INTERNAL', reason: 'REPLY_UNENCODABLE', remote: true, undelivered: false }, message);
        assert.match(error.message, new RegExp(`the result of svc@\\w+ ${path} cannot be sent`));
        assert.deepEqual(await Promise.all(neighbours), ['a', 'b']);
      }
    },
  })),
  {
    name: 'a result that is itself hostile fails as an error of the handler',
    handlers: { ...handlers, '/make': () => hostile(), '/then': () => ({ get then() { throw new Error('x'); } }), '/throws': () => ({ then() { throw new Error('y'); } }) },
    async run(rpc) {
      for (const path of ['/make', '/then', '/throws']) await expectError(rpc.call('svc', path), { code: 'INTERNAL', reason: 'HANDLER_FAILED' });
      assert.equal(await rpc.call('svc', '/echo', [1]), 1);
    },
  },
  {
    name: 'a thenable is awaited; one that settles twice counts once',
    handlers: { '/then': () => ({ then: (ok: (value: unknown) => void, no: (error: unknown) => void) => (ok(1), ok(2), no(new Error('late'))) }) },
    run: async (rpc) => assert.equal(await rpc.call('svc', '/then'), 1),
  },
  {
    name: 'neither arguments nor results are shared',
    handlers: {
      '/mutate': ([value, bytes]) => {
        (value as { list: number[] }).list.push(99);
        (bytes as Uint8Array)[0] = 99;
        return value;
      },
      '/kept': (() => {
        const kept = { list: [1] };
        return () => kept;
      })(),
    },
    async run(rpc) {
      const value = { list: [1] };
      const bytes = Uint8Array.of(1);
      const back = await rpc.call<{ list: number[] }>('svc', '/mutate', [value, bytes]);
      assert.deepEqual([value, [...bytes], back], [{ list: [1] }, [1], { list: [1, 99] }]);
      (await rpc.call<{ list: number[] }>('svc', '/kept')).list.push(5);
      assert.deepEqual(await rpc.call('svc', '/kept'), { list: [1] });
    },
  },
  {
    name: 'unknown handler, and what it has instead',
    handlers: { '/a': echo, '/b': echo },
    run: async (rpc) => void (await expectError(rpc.call('svc', '/c'), { code: 'NOT_FOUND', reason: 'HANDLER_NOT_FOUND', remote: true }, /svc@\w+ has no handler '\/c'; it has: \/a, \/b/)),
  },
  ...['__proto__', 'constructor', 'toString', 'then', '../a', '\u0000', '', ' ', 'x'.repeat(64 * 1024)].map((path): Scenario => ({
    name: `a handler named ${JSON.stringify(path.slice(0, 20))} does not exist`,
    handlers: { '/a': echo },
    async run(rpc) {
      const error = await expectError(rpc.call('svc', path, [1]), { code: 'NOT_FOUND' });
      assert.ok(error.message.length < 400);
    },
  })),
  {
    name: 'from outside only public handlers exist, and only they are named',
    handlers: { '/secret': echo, '/open': { run: echo, public: true, concurrent: true } },
    async run(rpc) {
      assert.equal(await rpc.call('svc', '/open', [1], { external: true }), 1);
      assert.equal(await rpc.call('svc', '/secret', [1]), 1);
      for (const path of ['/secret', '/nothing']) {
        const error = await expectError(rpc.call('svc', path, [1], { external: true }), { code: 'NOT_FOUND' });
        assert.match(error.message, /it has: \/open$/);
      }
    },
  },
  {
    name: 'too few and too many arguments',
    handlers: { '/two': { run: (args) => args.length, arity: { min: 1, max: 2 } }, '/none': { run: () => 0, arity: { min: 0, max: 0 } } },
    async run(rpc) {
      assert.equal(await rpc.call('svc', '/two', [1]), 1);
      assert.equal(await rpc.call('svc', '/two', [1, 2]), 2);
      await expectError(rpc.call('svc', '/two', []), { code: 'INVALID_ARGUMENT', reason: 'ARGUMENT_COUNT' }, /\/two takes 1 to 2 argument\(s\), got 0/);
      await expectError(rpc.call('svc', '/two', [1, 2, 3]), { reason: 'ARGUMENT_COUNT' }, /got 3/);
      await expectError(rpc.call('svc', '/none', [1]), { reason: 'ARGUMENT_COUNT' }, /takes 0 argument/);
    },
  },
  {
    name: 'metadata, caller and path arrive; metadata has no prototype and is a copy',
    handlers: {
      '/see': (_args, ctx) => {
        assert.equal(Object.getPrototypeOf(ctx.metadata), null);
        if ('a' in ctx.metadata) (ctx.metadata as Record<string, string>)['added'] = 'x';
        return { ...ctx.metadata, caller: ctx.caller, path: ctx.path, node: ctx.nodeId };
      },
      '/none': (_args, ctx) => [Object.getPrototypeOf(ctx.metadata) === null, Object.keys(ctx.metadata).length],
    },
    async run(rpc) {
      const metadata = Object.freeze({ a: '1', constructor: 'c', toString: 't', n: 5 as unknown as string });
      const seen = await rpc.call<Record<string, string>>('svc', '/see', [], { metadata, caller: 'me' });
      assert.match(seen['node']!, /^svc@/);
      delete seen['node'];
      assert.deepEqual(seen, { a: '1', constructor: 'c', toString: 't', n: '5', added: 'x', caller: 'me', path: '/see' });
      assert.equal(((await rpc.call<Record<string, string>>('svc', '/see')))['caller'], 'tester');
      assert.deepEqual(await rpc.call('svc', '/none'), [true, 0]);
      assert.equal(({} as Record<string, unknown>)['added'], undefined);
    },
  },
  {
    name: 'an own key __proto__ in metadata pollutes nothing',
    handlers: { '/see': (_args, ctx) => [Object.keys(ctx.metadata), (ctx.metadata as Record<string, unknown>)['polluted'] === undefined] },
    async run(rpc) {
      const metadata = JSON.parse('{"__proto__":"x","a":"1"}') as Record<string, string>;
      assert.deepEqual(await rpc.call('svc', '/see', [], { metadata }), [['__proto__', 'a'], true]);
      assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
    },
  },
  {
    name: 'an RpcError arrives whole, without stack and cause',
    handlers: {
      '/fail': () => {
        throw new RpcError({ code: 'ALREADY_EXISTS', reason: 'TAKEN', message: 'the name is täken', metadata: { name: 'x', constructor: 'y' }, details: { at: [1, 2n, new Date(5)] }, cause: new Error('secret') });
      },
    },
    async run(rpc) {
      const error = await expectError(
        rpc.call('svc', '/fail'),
        { code: 'ALREADY_EXISTS', reason: 'TAKEN', message: 'the name is täken', details: { at: [1, 2n, new Date(5)] }, remote: true, undelivered: false },
      );
      assert.deepEqual({ ...error.metadata }, { name: 'x', constructor: 'y' });
      assert.equal(error.cause, undefined);
      assert.ok(error instanceof RpcError);
    },
  },
  {
    name: 'details of an error are a copy; what cannot be carried is left out',
    handlers: (() => {
      const details = { list: [1] };
      const fail = (given: unknown) => () => {
        throw new RpcError({ code: 'ABORTED', message: 'm', metadata: { a: '1' }, details: given });
      };
      return { '/shared': fail(details), '/function': fail(() => 1), '/none': fail(null) };
    })(),
    async run(rpc) {
      ((await failure(rpc.call('svc', '/shared'))).details as { list: number[] }).list.push(2);
      assert.deepEqual((await failure(rpc.call('svc', '/shared'))).details, { list: [1] });
      await expectError(rpc.call('svc', '/function'), { code: 'ABORTED', reason: 'ABORTED', message: 'm', details: undefined });
      await expectError(rpc.call('svc', '/none'), { details: undefined });
    },
  },
  {
    name: 'an error that only looks like one of ours is an unknown one',
    handlers: {
      '/code': () => { throw Object.assign(new RpcError({ code: 'ABORTED', message: 'm' }), { code: 'NO_SUCH' }); },
      '/reason': () => { throw Object.assign(new RpcError({ code: 'ABORTED', message: 'm' }), { reason: 5 }); },
      '/metadata': () => { throw Object.assign(new RpcError({ code: 'ABORTED', message: 'm' }), { metadata: null }); },
    },
    async run(rpc) {
      for (const path of ['/code', '/reason', '/metadata']) await expectError(rpc.call('svc', path), { code: 'INTERNAL', reason: 'HANDLER_FAILED', remote: true });
    },
  },
  ...([
    ['an Error', () => new Error('secret password')],
    ['a string', () => 'secret password'],
    ['null', () => null],
    ['undefined', () => undefined],
    ['a number', () => 0],
    ['a frozen object', () => Object.freeze({ a: 1 })],
    ['an error with throwing getters', () => Object.defineProperty(new Error('x'), 'message', { get() { throw new Error('in a getter'); } })],
    ['a hostile Proxy', () => hostile()],
    ['a hostile Proxy of an Error', () => new Proxy(new Error('x'), { get() { throw new Error('in a trap'); }, getPrototypeOf() { throw new Error('in a trap'); } })],
    ['an object without prototype', () => Object.create(null) as object],
  ] as const).flatMap(([what, make]) =>
    (['at once', 'later'] as const).map((when): Scenario => ({
      name: `${what} thrown ${when} is one INTERNAL error with a correlation id`,
      handlers: { ...handlers, '/fail': when === 'at once' ? () => { throw make(); } : () => Promise.reject(make() as Error) },
      async run(rpc) {
        const error = await expectError(rpc.call('svc', '/fail'), { code: 'INTERNAL', reason: 'HANDLER_FAILED', remote: true, details: undefined });
        const id = error.metadata['correlationId']!;
        assert.match(id, /^[0-9a-f]{16}$/);
        assert.match(error.message, new RegExp(`^svc@\\w+ /fail failed; its log has the cause under ${id}$`));
        assert.equal(await rpc.call('svc', '/echo', [1]), 1);
      },
    })),
  ),
  {
    name: 'a nested failure that reached nobody says nothing of this call',
    handlers: {
      '/fail': () => {
        throw new RpcError({ code: 'UNAVAILABLE', reason: 'NODE_UNREACHABLE', message: 'the other one', undelivered: true, metadata: { a: 'b' } });
      },
    },
    async run(rpc) {
      const error = await expectError(rpc.call('svc', '/fail'), { code: 'UNAVAILABLE', reason: 'NODE_UNREACHABLE', message: 'the other one', undelivered: false, remote: true });
      assert.deepEqual({ ...error.metadata }, { a: 'b' });
    },
  },
  {
    name: 'protobuf and Marshaler arguments and results, by declaration and by class',
    handlers: {
      '/user': { run: ([user]) => ({ name: `${(user as { name: string }).name}!`, age: (user as { age: number }).age + 1 }), args: [User], returns: User, concurrent: true },
      '/greet': { run: ([greeting]) => (assert.ok(greeting instanceof Greeting), new Greeting(`re: ${greeting.text}`, greeting.count + 1)), args: [Greeting], concurrent: true },
      '/point': { run: ([point]) => (assert.ok(point instanceof Point), new Point(point.y, point.x)), args: [Point], returns: Point, concurrent: true },
      '/raw': ([bytes]) => (assert.ok(bytes instanceof Uint8Array), bytes),
    },
    async run(rpc) {
      const user = await rpc.call('svc', '/user', [{ name: 'a', age: 1 }], { args: [User], returns: User });
      assert.deepEqual(User.toObject(user as protobuf.Message), { name: 'a!', age: 2 });
      assert.deepEqual(User.toObject((await rpc.call('svc', '/user', [User.create({ name: 'b', age: 2 })], { returns: User })) as protobuf.Message), { name: 'b!', age: 3 });
      assert.deepEqual(User.toObject((await rpc.call('svc', '/user', [proto(User, { name: 'c', age: 3 } as never)], { returns: User })) as protobuf.Message), { name: 'c!', age: 4 });
      assert.deepEqual(await rpc.call('svc', '/greet', [new Greeting('hi', 1)], { returns: Greeting }), new Greeting('re: hi', 2));
      assert.deepEqual(await rpc.call('svc', '/point', [new Point(1, 2)], { returns: Point }), new Point(2, 1));
      // Without a declared type: bytes, as mqant has it.
      assert.deepEqual(await rpc.call('svc', '/greet', [new Greeting('hi', 1)]), Uint8Array.from(Buffer.from('2|re: hi')));
      assert.deepEqual(await rpc.call('svc', '/point', [new Point(1, 2)]), Uint8Array.of(2, 1));
      assert.deepEqual(await rpc.call('svc', '/raw', [new Point(7, 8)]), Uint8Array.of(7, 8));
    },
  },
  {
    name: 'null for a message is the empty message as an argument, and null as a result',
    handlers: {
      '/arg': { run: ([greeting, point]) => [greeting instanceof Greeting, point instanceof Point], args: [Greeting, Point], concurrent: true },
      '/result': { run: () => null, returns: Greeting, concurrent: true },
    },
    async run(rpc) {
      assert.deepEqual(await rpc.call('svc', '/arg', [null, undefined]), [true, true]);
      assert.deepEqual(await rpc.call('svc', '/arg', [null, new Point()]), [true, true]);
      assert.equal(await rpc.call('svc', '/result', [], { returns: Greeting }), null);
    },
  },
  {
    name: 'bytes that are not the declared message: the right side is told',
    handlers: { '/greet': { run: () => 1, args: [Greeting], concurrent: true }, '/point': () => new Point(1, 2), '/odd': () => ({ marshal: () => Uint8Array.of(1, 2, 3), unmarshal() {} }) },
    async run(rpc) {
      await expectError(rpc.call('svc', '/greet', [new Point(1, 2)]), { code: 'INVALID_ARGUMENT', reason: 'MALFORMED_PAYLOAD', remote: true }, /the arguments of svc@\w+ \/greet cannot be read: not a Greeting/);
      await expectError(rpc.call('svc', '/point', [], { returns: Greeting }), { code: 'INTERNAL', reason: 'REPLY_TYPE', remote: false }, /not a Greeting/);
      await expectError(rpc.call('svc', '/odd', [], { returns: Point }), { reason: 'REPLY_TYPE' }, /a Point takes two bytes/);
    },
  },
  {
    name: 'a message that cannot be encoded',
    handlers: { ...handlers, '/bad': () => ({ marshal() { throw new Error('no bytes'); }, unmarshal() {} }) },
    async run(rpc) {
      await expectError(rpc.call('svc', '/echo', [{ marshal() { throw new Error('no bytes'); }, unmarshal() {} }]), { reason: 'UNSUPPORTED_VALUE' }, /no bytes/);
      await expectError(rpc.call('svc', '/bad'), { reason: 'REPLY_UNENCODABLE' }, /no bytes/);
    },
  },
  {
    name: 'wrappers say the type aloud and arrive as plain values; declared long is bigint, declared int is checked',
    handlers: {
      ...handlers,
      '/typed': { run: (args) => args.map((arg) => `${typeof arg} ${String(arg)}`), args: ['long', 'int'], concurrent: true },
      '/wrapped': () => long(5n),
    },
    async run(rpc) {
      for (const [wrapped, plain] of [[int(5), 5], [long(5n), 5], [long(2n ** 60n), 2n ** 60n], [float(1.5), 1.5], [double(2), 2]] as const) assert.equal(await rpc.call('svc', '/echo', [wrapped]), plain);
      assert.deepEqual(await rpc.call('svc', '/echo', [mapstr({ a: 'b' })]), { a: 'b' });
      assert.deepEqual(await rpc.call('svc', '/echo', [new TypedValue('own-type', { a: 1 })]), { a: 1 });
      assert.equal(await rpc.call('svc', '/wrapped'), 5);
      assert.deepEqual(await rpc.call('svc', '/typed', [1, 2]), ['bigint 1', 'number 2']);
      assert.deepEqual(await rpc.call('svc', '/typed', [1n, 2n]), ['bigint 1', 'number 2']);
      assert.deepEqual(await rpc.call('svc', '/typed', [null, null]), ['bigint 0', 'number 0']);
      for (const args of [[1.5, 1], ['1', 1], [1, 2 ** 31], [1, 'x'], [1, 1.5], [true, 1]]) await expectError(rpc.call('svc', '/typed', args), { code: 'INVALID_ARGUMENT', reason: 'ARGUMENT_TYPE' }, /argument [12] must be/);
    },
  },
  ...([
    [String, 'text', 5], [Number, 5, 'x'], [Boolean, true, 1], [BigInt, 5n, 1.5], [Uint8Array, Uint8Array.of(1), [1]], [Array, [1], { 0: 1 }], [Object, { a: 1 }, [1]],
    ['string', 'x', 1], ['int', 5, 1.5], ['long', 5n, 'x'], ['double', 1.5, 'x'], ['bool', false, 0], ['bytes', Uint8Array.of(1), 'x'], ['map', { a: 1 }, [1]],
  ] as const).map(([returns, good, bad]): Scenario => ({
    name: `returns: ${typeof returns === 'string' ? `'${returns}'` : returns.name} lets nothing else through`,
    handlers,
    async run(rpc) {
      assert.deepEqual(await rpc.call('svc', '/echo', [good], { returns: returns as StringConstructor }), good);
      await expectError(rpc.call('svc', '/echo', [bad], { returns: returns as StringConstructor }), { code: 'INTERNAL', reason: 'REPLY_TYPE', remote: false }, /svc@\w+ \/echo answered .* where .* was asked for/);
    },
  })),
  {
    name: 'returns: a safe long is a bigint where it was asked for',
    handlers,
    async run(rpc) {
      assert.equal(await rpc.call('svc', '/echo', [5], { returns: 'long' }), 5n);
      assert.equal(await rpc.call('svc', '/echo', [5], { returns: BigInt }), 5n);
      await expectError(rpc.call('svc', '/echo', [null], { returns: String }), { reason: 'REPLY_TYPE' }, /answered null where a string/);
    },
  },
  {
    name: 'another codec per call',
    handlers,
    async run(rpc) {
      const { json } = await import('../../../lib/rpc/json.codec.js');
      const value = { a: [1n, new Date(0), Uint8Array.of(1), NaN, { $date: 'x' }] };
      assert.deepEqual(await rpc.call('svc', '/echo', [value], { codec: json() }), value);
    },
  },
];
