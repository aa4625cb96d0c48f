import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ByteReader, MalformedBytes } from '../../../lib/rpc/byte-reader.js';
import { double, float, int, long, mapstr, TypedValue } from '../../../lib/common/value-types.js';
import { CallIds } from '../../../lib/wire/mqant/call-ids.js';
import { isReplySubject } from '../../../lib/wire/mqant/reply-subject.js';
import { ReplyEncoder } from '../../../lib/wire/mqant/reply-encoder.js';
import { RequestEncoder, type RequestFields } from '../../../lib/wire/mqant/request-encoder.js';
import { readResultInfo, type ResultInfo } from '../../../lib/wire/mqant/result-info.js';
import { readRpcInfo } from '../../../lib/wire/mqant/rpc-info.js';
import { SerializerTable } from '../../../lib/wire/mqant/serializer.js';
import { Trace } from '../../../lib/rpc/trace.js';
import { ValueDecoder } from '../../../lib/wire/mqant/value-decoder.js';
import { ValueEncoder } from '../../../lib/wire/mqant/value-encoder.js';
import { goVectors, hex, Nameless, ResultMessage, Req, unhex, type VectorValue } from './mqant-support.js';

/** SESSION and ProtocolMarshal are of the gateway: here they are bytes with a label. */
const opaque = (name: string) => ({
  name,
  serialize: (value: unknown) => (value instanceof Uint8Array ? { type: name, bytes: value } : undefined),
  deserialize: (_type: string, bytes: Uint8Array) => bytes,
});
const table = new SerializerTable([opaque('SESSION'), opaque('ProtocolMarshal')]);
const requests = new RequestEncoder(new ValueEncoder(table));
const replies = new ReplyEncoder(new ValueEncoder(table));
const decoder = new ValueDecoder(table);
const MiB = 1024 * 1024;

const fields: RequestFields = { cid: 'c1', fn: '/say/hi', replyTo: '_INBOX.r', expired: 1_700_000_000_000, args: ['mqant', null], argTypes: undefined, caller: 'h', target: 'x@1' };

const ofReply = (info: ResultInfo, bytes: Uint8Array): string => Buffer.from(bytes.subarray(info.cidStart, info.cidEnd)).toString();

describe('mqant messages of the reference', () => {
  const request = '0a02633112072f7361792f68691a085f494e424f582e722880d095ffbc3130013a06737472696e673a046e756c6c42056d71616e7442004a0168520168';

  it('writes a request', () => {
    assert.equal(hex(requests.encode(fields, MiB)), request);
  });

  it('reads a request', () => {
    const info = readRpcInfo(unhex(request));
    assert.deepEqual(
      { cid: info.cid, fn: info.fn, replyTo: info.replyTo, expired: info.expired, reply: info.reply, types: info.types, caller: info.caller, hostname: info.hostname, args: info.argCount },
      { cid: 'c1', fn: '/say/hi', replyTo: '_INBOX.r', expired: 1_700_000_000_000, reply: true, types: ['string', 'null'], caller: 'h', hostname: 'h', args: 2 },
    );
  });

  it('writes replies', () => {
    assert.equal(hex(replies.result('c1', 'hi mqant', undefined, MiB)), '0a0263312206737472696e672a086869206d71616e74');
    assert.equal(hex(replies.error('c1', 'none')), '0a02633112046e6f6e6522046e756c6c');
  });

  it('reads replies', () => {
    const bytes = unhex('0a0263312206737472696e672a086869206d71616e74');
    const info = readResultInfo(bytes);
    assert.deepEqual([ofReply(info, bytes), info.error, info.type, Buffer.from(bytes.subarray(info.start, info.end)).toString()], ['c1', '', 'string', 'hi mqant']);
    const failed = readResultInfo(unhex('0a02633112046e6f6e6522046e756c6c'));
    assert.deepEqual([failed.error, failed.type, failed.start, failed.end], ['none', 'null', 0, 0]);
  });
});

/** What our user would pass for a value of Go, so that the same bytes leave. */
function ours({ type, hex: bytes, value }: VectorValue): unknown {
  const v = value?.v;
  const number = (text: unknown): number => (text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text));
  switch (type) {
    case 'int':
      return int(v as number);
    case 'long':
      return value ? long(BigInt(v as string)) : new TypedValue('raw', unhex(bytes));
    case 'float':
      return float(number(v));
    case 'double':
      return double(number(v));
    case 'bytes':
      return Buffer.from(v as string, 'base64');
    case 'mapstr':
      return v === null ? undefined : mapstr(v as Record<string, string>);
    case 'map':
      return v === null ? undefined : v;
    case 'null':
      return null;
    case 'trace':
      return new Trace((v as { Trace: string }).Trace, (v as { Span: string }).Span);
    case 'marshal@req':
      return new Req(v as string);
    case 'bool':
    case 'string':
      return v;
    default:
      return new TypedValue(type, unhex(bytes));
  }
}

/** NaN has two spellings; a nil map of Go's is sent as null here; Go writes `<` as an escape in JSON; bytes that Go itself cannot send. */
const NOT_THE_SAME_BYTES = /double-nan|map-nil|mapstr-nil|reply.mix|short-bytes|unknown-label/;

describe('mqant messages recorded from Go', () => {
  const vectors = goVectors();

  it('are there', () => {
    assert.ok(vectors.length >= 100);
  });

  for (const { name, hex: message, decoded } of vectors) {
    it(`reads ${name}`, () => {
      const bytes = unhex(message);
      if (decoded.kind === 'request') {
        const info = readRpcInfo(bytes);
        assert.deepEqual([info.cid, info.fn, info.replyTo, String(info.expired), info.reply, info.caller, info.hostname], [decoded.cid, decoded.fn, decoded.replyTo, decoded.expired, decoded.reply, decoded.caller, decoded.hostname]);
        assert.deepEqual(info.types, decoded.args.map((arg) => arg.type));
        decoded.args.forEach((arg, i) => assert.equal(hex(bytes.subarray(info.bounds[i * 2], info.bounds[i * 2 + 1])), arg.hex));
        return;
      }
      const info = readResultInfo(bytes);
      assert.deepEqual([ofReply(info, bytes), info.error, info.type, hex(bytes.subarray(info.start, info.end))], [decoded.cid, decoded.error, decoded.result.type, decoded.result.hex]);
    });

    if (NOT_THE_SAME_BYTES.test(name)) continue;
    it(`writes ${name} byte for byte`, () => {
      if (decoded.kind === 'request') {
        const args = decoded.args.map(ours);
        const { cid, fn, replyTo, caller } = decoded;
        assert.equal(hex(requests.encode({ cid, fn, replyTo, expired: Number(decoded.expired), args, argTypes: undefined, caller, target: '' }, MiB)), message);
      } else if (decoded.error === '') {
        assert.equal(hex(replies.result(decoded.cid, ours(decoded.result), undefined, MiB)), message);
      } else if (decoded.result.type === 'null') {
        assert.equal(hex(replies.error(decoded.cid, decoded.error)), message);
      }
    });
  }

  it('give their values', () => {
    const value = (name: string, type?: Parameters<ValueDecoder['reply']>[2]): unknown => {
      const { decoded } = vectors.find((vector) => vector.name === `reply/${name}`)!;
      return decoder.reply(decoded.result.type, new ByteReader(unhex(decoded.result.hex)), type);
    };
    assert.equal(value('bool-true'), true);
    assert.equal(value('bool-false'), false);
    assert.equal(value('int-min'), -2147483648);
    assert.equal(value('long-64'), 64);
    assert.equal(value('long-64', 'long'), 64n);
    assert.equal(value('long-unsafe'), 9007199254740993n);
    assert.equal(value('long-min'), -(2n ** 63n));
    assert.equal(value('float'), Math.fround(64.043));
    assert.equal(value('float-infinity'), -Infinity);
    assert.equal(value('double-tiny'), 5e-324);
    assert.equal(value('double-nan'), NaN);
    assert.deepEqual(value('bytes'), Uint8Array.of(0, 1, 255));
    assert.equal(value('string-unicode'), '蚂蚁 🐜');
    assert.deepEqual(value('map'), { a: 1, b: [true, null, 'x'], c: { d: 1.5 } });
    assert.equal(value('map-nil'), null);
    assert.deepEqual(value('mapstr'), { a: '1', b: '' });
    assert.equal(value('null'), null);
    assert.equal((value('trace') as Trace).trace, '00000000000000aa');
    assert.deepEqual(value('marshal'), new Uint8Array(Buffer.from('m1')));
    assert.equal((value('marshal', Req) as Req).id, 'm1');
    assert.deepEqual((value('marshal-nameless', Nameless) as Nameless).bytes, new Uint8Array(Buffer.from('m1')));
    assert.equal((value('proto', ResultMessage) as { Error: string }).Error, '你说');
    assert.equal(value('null-result-proto', ResultMessage), null);
    assert.equal((value('proto-empty', ResultMessage) as { Error: string }).Error, '');
  });
});

describe('reading mqant messages', () => {
  it('skips fields it does not know, whatever their wire type', () => {
    const unknown = '7801' + '790102030405060708' + '7a03616263' + '7d01020304' + '7b' + '0801' + '7b7c' + '7c' + '22026262';
    for (const text of [`${unknown}0a0163`, `0a0163${unknown}`]) assert.equal(readRpcInfo(unhex(text)).cid, 'c');
  });

  it('takes a known field of an unexpected wire type for unknown, as Go does', () => {
    assert.equal(readRpcInfo(unhex('08051201780a0163')).cid, 'c');
  });

  it('takes the last of a repeated single field, and any order', () => {
    const info = readRpcInfo(unhex('1201780a01610a0162'));
    assert.deepEqual([info.cid, info.fn], ['b', 'x']);
  });

  it('reads an Expired before 1970', () => {
    assert.equal(readRpcInfo(unhex('28ffffffffffffffffff01')).expired, -1);
    assert.equal(readRpcInfo(unhex('2880808080808080808001')).expired, -(2 ** 63));
    assert.equal(readRpcInfo(unhex('28ffffffffffffff7f')).expired, 2 ** 56);
  });

  for (const [what, text] of [
    ['ends inside a varint', '0a80'],
    ['ends inside a string', '0a0541'],
    ['claims more than there is', '42ffffffff0f'],
    ['claims more than 2^53', '42ffffffffffffffffff01'],
    ['has field number 0', '0200'],
    ['has wire type 6', '0e'],
    ['ends inside a group', '7b0801'],
    ['closes a group that is not open', '7c'],
    ['has a varint without end', '28ffffffffffffffffffffff'],
    ['ends inside eight bytes', '79010203'],
  ] as const) {
    it(`refuses a message that ${what}`, () => {
      assert.throws(() => readRpcInfo(unhex(text)), MalformedBytes);
    });
  }

  it('is not brought down by a million nested groups', () => {
    assert.throws(() => readResultInfo(new Uint8Array(1_000_000).fill(0x7b)), MalformedBytes);
  });
});

describe('writing mqant messages', () => {
  it('leaves out reply and its subject for calls without reply', () => {
    const info = readRpcInfo(requests.encode({ ...fields, replyTo: '' }, MiB));
    assert.deepEqual([info.replyTo, info.reply], ['', false]);
  });

  it('makes lone surrogates well-formed', () => {
    const bytes = replies.error('c1', 'bad \ud800 text');
    assert.equal(readResultInfo(bytes).error, 'bad \ufffd text');
    assert.equal(Buffer.from(bytes).toString('utf8').includes('\ufffd'), true);
  });

  it('names the argument that cannot be sent, and writes the next message as if nothing had been', () => {
    assert.throws(() => requests.encode({ ...fields, args: ['x', () => 1] }, MiB), { reason: 'UNSUPPORTED_VALUE', message: /^argument 2 of x@1 \/say\/hi: a function cannot be sent/ });
    assert.equal(readRpcInfo(requests.encode(fields, MiB)).types.length, 2);
  });

  it('refuses a value past the limit before copying it', () => {
    assert.throws(() => requests.encode({ ...fields, args: ['x'.repeat(2 * MiB)] }, MiB), { reason: 'PAYLOAD_TOO_LARGE', message: /argument 1 of x@1 .*2097152 bytes/ });
    assert.throws(() => replies.result('c', Buffer.alloc(2 * MiB), undefined, MiB), { reason: 'PAYLOAD_TOO_LARGE' });
  });

  it('survives a marshal() that sends a message itself', () => {
    let inner: Uint8Array | undefined;
    const nested = {
      marshal: () => {
        inner = requests.encode(fields, MiB);
        return Buffer.from('m1');
      },
      unmarshal() {},
    };
    const outer = requests.encode({ ...fields, args: ['before', nested, 'after'] }, MiB);
    assert.deepEqual(inner, requests.encode(fields, MiB));
    assert.deepEqual(outer, requests.encode({ ...fields, args: ['before', new TypedValue('marshal@Object', Buffer.from('m1')), 'after'] }, MiB));
  });

  it('gives each message bytes of its own', () => {
    const first = requests.encode(fields, MiB);
    const copy = hex(first);
    for (let i = 0; i < 100; i++) requests.encode({ ...fields, cid: `other${i}`, args: [i] }, MiB);
    assert.equal(hex(first), copy);
  });
});

describe('CallIds', () => {
  const ids = new CallIds('00000000000000aa');
  const read = (text: string): number | undefined => ids.read(Buffer.from(`..${text}..`), 2, 2 + text.length);

  it('reads back what it wrote', () => {
    for (const id of [1, 35, 36, 123456789, Number.MAX_SAFE_INTEGER]) assert.equal(read(ids.text(id)), id);
  });

  it('stays short', () => {
    assert.ok(ids.text(1e10).length < 24);
  });

  for (const text of ['', '00000000000000aa', '00000000000000ab1', '00000000000000aaZ', '00000000000000aa-1', '00000000000000aa111111111111', '55e4da3c-d92f-4d45-a4c7-c1063c631565']) {
    it(`does not take '${text}' for its own`, () => {
      assert.equal(read(text), undefined);
    });
  }
});

describe('isReplySubject', () => {
  for (const subject of ['_INBOX.VKJn2XvitSxDntQv1eEtBX', 'anthill.process.mqant-00000000000000aa', 'a']) {
    it(`takes ${subject}`, () => assert.equal(isReplySubject(subject), true));
  }
  for (const subject of ['', 'a b', 'a\r\nPUB x 1', 'a\tb', 'a.*', '>', 'a\u0000', '$SYS.REQ.SERVER.PING', '$JS.API.STREAM.DELETE.x', 'x'.repeat(513)]) {
    it(`refuses ${JSON.stringify(subject).slice(0, 40)}`, () => assert.equal(isReplySubject(subject), false));
  }
});
