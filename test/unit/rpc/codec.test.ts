import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ByteReader, MalformedBytes } from '../../../lib/rpc/byte-reader.js';
import { ByteWriter } from '../../../lib/rpc/byte-writer.js';
import { json } from '../../../lib/rpc/json.codec.js';
import { msgpack } from '../../../lib/rpc/msgpack.codec.js';
import { codecContract } from '../../../lib/testing/codec.contract.js';

codecContract('msgpack', msgpack());
codecContract('json', json());

const malformed = (name: string, codec: { decode(reader: ByteReader): unknown }, bytes: Uint8Array): void => {
  it(`refuses ${name}`, () => {
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
    assert.throws(() => codec.decode(new ByteReader(bytes)), MalformedBytes);
    const grown = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed - before;
    assert.ok(grown < 64 * 1024 * 1024, `${grown} bytes were allocated for it`);
  });
};
const bytesOf = (...parts: (number | string)[]): Uint8Array => Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part))));

describe('msgpack against hostile bytes', () => {
  const codec = msgpack();
  malformed('nothing', codec, new Uint8Array(0));
  malformed('the unused tag', codec, bytesOf(0xc1));
  malformed('depth 200,000', codec, Buffer.alloc(200_000, 0x91));
  malformed('maps at depth 200,000', codec, Buffer.alloc(400_000, Buffer.from([0x81, 0xa1])));
  malformed('an array of 2^32 - 1 in 5 bytes', codec, bytesOf(0xdd, 0xff, 0xff, 0xff, 0xff));
  malformed('a map of 10^7 in 5 bytes', codec, bytesOf(0xdf, 0x00, 0x98, 0x96, 0x80));
  malformed('a text of 4 GiB', codec, bytesOf(0xdb, 0xff, 0xff, 0xff, 0xff, 'abc'));
  malformed('bytes of 4 GiB', codec, bytesOf(0xc6, 0xff, 0xff, 0xff, 0xff, 'abc'));
  // Each of 90 levels claims all that is left of the message.
  malformed('nested claims', codec, Buffer.concat([Buffer.alloc(450, Buffer.from([0xdd, 0x00, 0x0f, 0x00, 0x00])), Buffer.alloc(0x0f0000 + 10, 0xc1)]));
  for (const tag of [0xd4, 0xd5, 0xd6, 0xd7, 0xd8]) malformed(`extension 0x${tag.toString(16)} of type 5`, codec, bytesOf(tag, 0x05, '0123456789abcdef'));
  malformed('an extension of a length of its own', codec, bytesOf(0xc7, 0x03, 0x05, 'abc'));
  malformed('a timestamp of 3 bytes', codec, bytesOf(0xc7, 0x03, 0xff, 'abc'));
  malformed('a timestamp past the end of time', codec, bytesOf(0xc7, 12, 0xff, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff));
  malformed('a timestamp with 2^32 - 1 nanoseconds', codec, bytesOf(0xc7, 12, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1));
  malformed('a number as a key', codec, bytesOf(0x81, 0x01, 0x01));
  malformed('a key twice', codec, bytesOf(0x82, 0xa1, 'a', 0x01, 0xa1, 'a', 0x02));
  malformed('a key twice, once null', codec, bytesOf(0x82, 0xa1, 'a', 0xc0, 0xa1, 'a', 0x02));
  malformed('an inherited name twice', codec, bytesOf(0x82, 0xa8, 'toString', 0x01, 0xa8, 'toString', 0x02));
  malformed('__proto__ as a key', codec, bytesOf(0x81, 0xa9, '__proto__', 0x81, 0xa1, 'x', 0x01));
  malformed('a short text that is not UTF-8', codec, bytesOf(0xa2, 0xc3, 0x28));
  malformed('half a character in UTF-8', codec, bytesOf(0xa3, 0xed, 0xa0, 0x80));
  malformed('a long text that is not UTF-8', codec, Buffer.concat([bytesOf(0xd9, 100), Buffer.alloc(99, 0x61), bytesOf(0xff)]));
  malformed('a key that is not UTF-8', codec, bytesOf(0x81, 0xa1, 0xff, 0x01));

  it('pollutes nothing with constructor.prototype', () => {
    const value = codec.decode(new ByteReader(bytesOf(0x81, 0xab, 'constructor', 0x81, 0xa9, 'prototype', 0x81, 0xa1, 'x', 0x01)));
    assert.deepEqual(value, { constructor: { prototype: { x: 1 } } });
    assert.equal(({} as { x?: unknown }).x, undefined);
  });

  it('keeps keys apart that share a place in the cache', () => {
    const one = msgpack();
    const names = Array.from({ length: 3000 }, (_, i) => `k${i.toString(36)}`);
    for (const round of [0, 1]) {
      for (const name of names) {
        const out = new ByteWriter();
        one.encode({ [name]: round }, out);
        assert.deepEqual(one.decode(new ByteReader(out.take())), { [name]: round });
      }
    }
  });
});

describe('json against hostile bytes', () => {
  const codec = json();
  const text = (name: string, body: string): void => malformed(name, codec, Buffer.from(body));
  text('nothing', '');
  text('what is not JSON', '{a:1}');
  text('depth 200,000', '['.repeat(200_000) + ']'.repeat(200_000));
  text('__proto__ as a key', '{"a":{"__proto__":{"x":1}}}');
  text('a broken $date', '{"$date":"yesterday"}');
  text('a $date that is no text', '{"$date":5}');
  text('a $bigint past 64 bits', '{"$bigint":"9223372036854775808"}');
  text('a $bigint of 10^6 digits', `{"$bigint":"${'9'.repeat(1_000_000)}"}`);
  text('a $number that is one', '{"$number":"5"}');
  text('a $object that is none', '{"$object":[1]}');
  malformed('what is not UTF-8', codec, bytesOf('"', 0xc3, 0x28, '"'));

  it('reads half a character as U+FFFD, in keys too', () => {
    assert.deepEqual(codec.decode(new ByteReader(Buffer.from('{"\\ud800":"\\udc00x","e":"😀"}'))), { '\ufffd': '\ufffdx', e: '😀' });
  });

  it('is readable', () => {
    const out = new ByteWriter();
    codec.encode({ id: 7n, at: new Date(0), raw: Uint8Array.of(1), nan: NaN, like: { $date: 'x' } }, out);
    assert.equal(
      Buffer.from(out.take()).toString(),
      '{"id":{"$bigint":"7"},"at":{"$date":"1970-01-01T00:00:00.000Z"},"raw":{"$bytes":"AQ=="},"nan":{"$number":"NaN"},"like":{"$object":{"$date":"x"}}}',
    );
  });
});
