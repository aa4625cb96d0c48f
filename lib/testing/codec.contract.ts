import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RpcError } from '../common/rpc-error.js';
import { ByteReader, MalformedBytes } from '../rpc/byte-reader.js';
import { ByteWriter } from '../rpc/byte-writer.js';
import type { Codec } from '../rpc/codec.js';

/** What goes in and comes out the same. */
const SAME: Readonly<Record<string, unknown>> = {
  null: null,
  booleans: [true, false],
  'small integers': [0, 1, -1, 31, 32, -32, -33, 127, 128, -128, -129, 255, 256, 32767, 32768, -32768, -32769, 65535, 65536],
  'large integers': [2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  fractions: [0.1, -1.5, Math.PI, Number.EPSILON, Number.MAX_VALUE, Number.MIN_VALUE, 1e21],
  'numbers JSON lacks': [-0, NaN, Infinity, -Infinity],
  bigints: [0n, 1n, -1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)],
  'short texts': ['', 'a', 'ä', '你', '😀', '\0', '"\\\n', '\ufeffbom', '\u2028', '__proto__'],
  'texts about lengths': [15, 16, 17, 31, 32, 33, 42, 43, 48, 64, 65, 85, 86, 255, 256, 21845, 21846, 65535, 65536, 70000].map((count) => 'x'.repeat(count)),
  'wide texts about lengths': [10, 11, 15, 16, 31, 32, 64, 85, 86, 255, 256, 21845, 21846].map((count) => '你'.repeat(count)),
  'mixed texts': Array.from({ length: 70 }, (_, i) => `${'x'.repeat(i)}é😀${'y'.repeat(i)}`),
  bytes: [0, 1, 255, 256, 65535, 65536].map((count) => Uint8Array.from({ length: count }, (_, i) => i)),
  dates: [0, 1, -1, 999, -999, 1732176000123, -62198755200000, 8.64e15, -8.64e15].map((ms) => new Date(ms)),
  arrays: [[], [[]], [[[1], 2], 3], Array.from({ length: 15 }, (_, i) => i), Array.from({ length: 16 }, (_, i) => i), Array.from({ length: 70000 }, (_, i) => i & 7)],
  objects: [{}, { a: 1 }, { a: { b: { c: null } } }, { '': 1, ' ': 2, 'a.b': 3, '0': 4, '-1': 5 }],
  'objects about lengths': [14, 15, 16, 17, 300, 70000].map((count) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`key${i}`, i]))),
  'names of Object.prototype as keys': [{ constructor: 1, toString: 'x', hasOwnProperty: null, valueOf: { prototype: 1 } }],
  'objects that look like tags of a codec': [
    { $date: 'x' },
    { $bigint: '1' },
    { $bytes: 'AA==' },
    { $number: 'NaN' },
    { $object: { $object: { $date: 1 } } },
    { $date: 1, other: 2 },
    { $type: 'x', $value: 1 },
  ],
  'values 100 deep': nested(99),
};

/** What goes in as one thing and comes out as another. */
const CHANGED: readonly (readonly [name: string, value: unknown, out: unknown])[] = [
  ['undefined', undefined, null],
  ['undefined in an array', [undefined, 1, , 2], [null, 1, null, 2]],
  ['undefined in an object', { a: undefined, b: 1 }, { b: 1 }],
  ['a tag left alone by undefined', { a: undefined, $date: 'x' }, { $date: 'x' }],
  ['a tag whose value is undefined', { $date: undefined }, {}],
  ['16 members of which one is undefined', { ...Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`k${i}`, i])), last: undefined }, Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`k${i}`, i]))],
  ['an invalid date', new Date(NaN), null],
  ['a Buffer', Buffer.from('abc'), Uint8Array.from([97, 98, 99])],
  ['half a character', ['\ud800', 'a\udc00b', `${'x'.repeat(50)}\ud800`], ['\ufffd', 'a\ufffdb', `${'x'.repeat(50)}\ufffd`]],
  ['an object without prototype', Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
  ['an instance of a class', new (class Point { x = 1; #y = 2; get y() { return this.#y; } })(), { x: 1 }],
  ['what has toJSON', { a: { toJSON: () => [1, { toJSON: () => 'x' }] } }, { a: [1, 'x'] }],
  ['symbols as keys', { [Symbol('s')]: 1, a: 2 }, { a: 2 }],
];

/** What is refused, and the place that the error names. */
const REFUSED: readonly (readonly [name: string, value: () => unknown, at: string])[] = [
  ['a function', () => ({ a: [0, { run() {} }] }), '.a[1].run'],
  ['a symbol', () => ({ 'a b': Symbol('x') }), '["a b"]'],
  ['a bigint past 64 bits', () => [2n ** 63n], '[0]'],
  ['a Map', () => ({ map: new Map() }), '.map'],
  ['a Set', () => [new Set()], '[0]'],
  ['a promise', () => ({ p: Promise.resolve() }), '.p'],
  ['an Error', () => ({ error: new Error('x') }), '.error'],
  ['other typed arrays', () => [new Float32Array(1)], '[0]'],
  ['a primitive in an object', () => [1, new String('x')], '[1]'],
  ['a cycle', () => cyclic(), '.self.self.self'],
  ['what is deeper than 100', () => nested(150), '[0][0][0]'],
  ['toJSON that returns itself', () => ({ a: { toJSON() { return this; } } }), '.a'], // prettier-ignore
  ['__proto__ as a key', () => ({ a: JSON.parse('{"__proto__":{"polluted":1}}') as unknown }), '.a.__proto__'],
];

/**
 * What every {@link Codec} must do, as tests of node:test. Call it at the top level of a test file.
 * @plugin
 */
export function codecContract(name: string, codec: Codec): void {
  const encode = (value: unknown): Uint8Array => {
    const out = new ByteWriter(16);
    codec.encode(value, out);
    return out.take();
  };
  const roundTrip = (value: unknown): unknown => codec.decode(new ByteReader(encode(value)));

  describe(`codec contract: ${name}`, () => {
    for (const [what, value] of Object.entries(SAME)) {
      it(`keeps ${what}`, () => assert.deepStrictEqual(roundTrip(value), value));
    }

    for (const [what, value, out] of CHANGED) {
      it(`turns ${what} into what the contract says`, () => {
        assert.deepStrictEqual(roundTrip(value), out);
        assert.deepStrictEqual(roundTrip([value]), [out]);
      });
    }

    for (const [what, value, at] of REFUSED) {
      it(`refuses ${what} and names the place`, () => {
        assert.throws(
          () => encode(value()),
          (error) => {
            assert.ok(RpcError.is(error), `not an RpcError: ${String(error)}`);
            assert.equal(error.reason, 'UNSUPPORTED_VALUE');
            assert.ok(error.message.includes(`(at ${at}`), error.message);
            return true;
          },
        );
      });
    }

    it('turns what throws while it is read into an error of its own, with the cause', () => {
      const cause = new Error('from a getter');
      for (const value of [{ get a() { throw cause; } }, { toJSON() { throw cause; } }]) { // prettier-ignore
        assert.throws(
          () => encode([value]),
          (error) => RpcError.is(error) && error.reason === 'UNSUPPORTED_VALUE' && error.cause === cause && error.message.includes('from a getter'),
        );
      }
    });

    it('writes after what is there, and leaves the rest of the writer to the next', () => {
      const out = new ByteWriter(4);
      out.u8(1);
      codec.encode({ a: 'x'.repeat(100) }, out);
      const end = out.length;
      out.u8(2);
      assert.deepEqual([out.bytes[0], out.bytes[end]], [1, 2]);
      const reader = new ByteReader(out.bytes, 1, end);
      assert.deepEqual(codec.decode(reader), { a: 'x'.repeat(100) });
    });

    it('gives out bytes that live longer than the message', () => {
      const message = encode([Uint8Array.of(1, 2, 3), 'text', { key: 'value' }]);
      const value = codec.decode(new ByteReader(message));
      message.fill(0xff);
      assert.deepEqual(value, [Uint8Array.of(1, 2, 3), 'text', { key: 'value' }]);
    });

    it('takes messages in a Buffer and in a plain Uint8Array alike', () => {
      const value = { bytes: Uint8Array.of(1, 2), text: 'twelve bytes and more', number: 1.5, big: 5n };
      const bytes = encode(value);
      assert.deepStrictEqual(codec.decode(new ByteReader(Buffer.from(bytes))), value);
      assert.deepStrictEqual(codec.decode(new ByteReader(new Uint8Array(bytes))), value);
    });

    it('refuses every message that is cut short, or goes on after the value', () => {
      const bytes = encode({ a: [1.5, 'text', Uint8Array.of(1), new Date(5), 7n], b: { c: true } });
      for (let end = 0; end < bytes.length; end++) assert.throws(() => codec.decode(new ByteReader(bytes, 0, end)), MalformedBytes, `cut at ${end}`);
      assert.throws(() => codec.decode(new ByteReader(Buffer.concat([bytes, Buffer.of(0x31)]))), MalformedBytes);
    });

    it('answers any bytes with a value or MalformedBytes', () => {
      const bytes = encode({ a: [1.5, 'text', Uint8Array.of(1, 2), new Date(5), 7n, -300, null], key: { nested: [true, 'ünïcode'] } });
      for (let at = 0; at < bytes.length; at++) {
        for (let bit = 0; bit < 256; bit++) {
          const broken = new Uint8Array(bytes);
          broken[at] = bit;
          try {
            codec.decode(new ByteReader(broken));
          } catch (error) {
            assert.ok(error instanceof MalformedBytes, `byte ${at} = ${bit}: ${String(error)}`);
          }
        }
      }
      assert.equal(({} as { a?: unknown }).a, undefined);
    });
  });
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

function cyclic(): unknown {
  const value: Record<string, unknown> = {};
  value['self'] = value;
  return value;
}
