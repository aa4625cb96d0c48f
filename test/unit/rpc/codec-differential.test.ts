import { decode as theirDecode, encode as theirEncode } from '@msgpack/msgpack';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ByteReader, MalformedBytes } from '../../../lib/rpc/byte-reader.js';
import { ByteWriter } from '../../../lib/rpc/byte-writer.js';
import { json } from '../../../lib/rpc/json.codec.js';
import { msgpack } from '../../../lib/rpc/msgpack.codec.js';
import { randomValue, seeded } from './random-value.js';

const ROUNDS = 3000;
const codec = msgpack();
const encode = (value: unknown, by = codec): Uint8Array => {
  const out = new ByteWriter(8);
  by.encode(value, out);
  return new Uint8Array(out.take()); // of a Buffer they would make Buffers
};

const theirs = { useBigInt64: true } as const;

describe('msgpack against @msgpack/msgpack', () => {
  it('writes what they read', () => {
    const next = seeded(1);
    for (let i = 0; i < ROUNDS; i++) {
      const value = randomValue(next);
      assert.deepStrictEqual(theirDecode(encode(value), theirs), value, `round ${i}`);
    }
  });

  it('reads what they write', () => {
    const next = seeded(2);
    for (let i = 0; i < ROUNDS; i++) {
      const bytes = theirEncode(randomValue(next), theirs);
      // Not the value itself: they write -0 as 0.
      assert.deepStrictEqual(codec.decode(new ByteReader(bytes)), theirDecode(bytes, theirs), `round ${i}`);
    }
  });

  it('is as short as theirs, where there is a choice for texts, bytes, arrays and small integers', () => {
    for (let length = 0; length < 700; length++) {
      for (const value of ['x'.repeat(length), 'é'.repeat(length), new Uint8Array(length), new Array(length).fill(0), length * 331 - 70_000]) {
        assert.deepEqual(Buffer.from(encode(value)), Buffer.from(theirEncode(value)));
      }
    }
  });

  it('refuses or reads random bytes, and never reads them otherwise than they do', () => {
    const next = seeded(3);
    let read = 0;
    for (let i = 0; i < 20_000; i++) {
      const bytes = Uint8Array.from({ length: 1 + Math.floor(next() * 12) }, () => Math.floor(next() * 256));
      let value: unknown;
      try {
        value = codec.decode(new ByteReader(bytes));
      } catch (error) {
        assert.ok(error instanceof MalformedBytes, `${Buffer.from(bytes).toString('hex')}: ${String(error)}`);
        continue;
      }
      read++;
      assert.deepStrictEqual(value, theirDecode(bytes, theirs), Buffer.from(bytes).toString('hex'));
    }
    assert.ok(read > 500, `only ${read} were values: the test tests nothing`);
  });
});

describe('json', () => {
  it('brings random values back', () => {
    const next = seeded(4);
    const by = json();
    for (let i = 0; i < ROUNDS; i++) {
      const value = randomValue(next);
      assert.deepStrictEqual(by.decode(new ByteReader(encode(value, by))), value, `round ${i}`);
    }
  });
});
