import assert from 'node:assert/strict';
import { expectError, handlers, hostile, type Scenario } from './scenario.js';

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

/** What may be sent, what may not, and who is told. */
export const valueScenarios: readonly Scenario[] = [
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
];
