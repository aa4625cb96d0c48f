import assert from 'node:assert/strict';
import type protobuf from 'protobufjs';
import { double, float, int, long, mapstr, proto, TypedValue } from '../../../lib/common/value-types.js';
import { json } from '../../../lib/rpc/json.codec.js';
import { Greeting, Point, User } from './scenario-messages.js';
import { expectError, handlers, type Scenario } from './scenario.js';

/** Messages, declared types, asked types, other codecs. */
export const typeScenarios: readonly Scenario[] = [
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
      const value = { a: [1n, new Date(0), Uint8Array.of(1), NaN, { $date: 'x' }] };
      assert.deepEqual(await rpc.call('svc', '/echo', [value], { codec: json() }), value);
    },
  },
];
