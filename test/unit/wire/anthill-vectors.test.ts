import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe as suite, test } from 'node:test';
import { decode } from '@msgpack/msgpack';
import { RpcCode, codeName } from '../../../lib/common/rpc-code.js';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { NODE_META, type ServiceNode } from '../../../lib/common/service-node.js';
import { type ProtoSchema, proto } from '../../../lib/common/value-types.js';
import { ByteReader } from '../../../lib/rpc/byte-reader.js';
import { ByteWriter } from '../../../lib/rpc/byte-writer.js';
import type { Codec } from '../../../lib/rpc/codec.js';
import { json } from '../../../lib/rpc/json.codec.js';
import { msgpack } from '../../../lib/rpc/msgpack.codec.js';
import { readSlots } from '../../../lib/rpc/value-slots.js';
import type { OutboundCall } from '../../../lib/rpc/wire.js';
import { readError, readHeader, readRequestHead } from '../../../lib/wire/anthill/frame-reader.js';
import { FrameWriter } from '../../../lib/wire/anthill/frame-writer.js';
import { BATCH_BYTES, ERROR_FLAG, FLAG, FRAME, MAGIC, VERSION } from '../../../lib/wire/anthill/frames.js';
import { repositoryFile } from '../config/repository.js';
import { Cluster, counts, settle } from '../rpc/support.js';
import { describe, header, RawPeer, readMessage } from './anthill-raw.js';

type Slot = { codec?: unknown; proto?: string; marshal?: string; hex?: string };
interface Frame {
  readonly frame: string;
  readonly [key: string]: unknown;
}
interface Vectors {
  readonly messages: readonly { name: string; meaning: string; hex: string; sender: string; frames: readonly Frame[] }[];
  readonly values: readonly { name: string; value: unknown; msgpack: string; json: string }[];
  readonly broken: readonly { name: string; hex: string; effect: string }[];
}

const FILE = 'test/unit/wire/vectors/anthill-1.json';
const vectors = JSON.parse(readFileSync(repositoryFile(FILE), 'utf8')) as Vectors;
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const hex = (bytes: Iterable<number>): string => Buffer.from(Uint8Array.from(bytes)).toString('hex').replace(/..(?!$)/g, '$& ');
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** A value that the wire writes as this slot. */
function valueOf(slot: Slot): unknown {
  if (slot.proto !== undefined) {
    const schema: ProtoSchema = { fullName: slot.proto.slice(1), encode: () => ({ finish: () => unhex(slot.hex!) }), decode: (bytes) => bytes };
    return proto(schema, {});
  }
  if (slot.marshal !== undefined) return { marshal: () => unhex(slot.hex!), unmarshal() {}, toString: () => slot.marshal };
  return slot.codec;
}

function callOf(frame: Frame, route: Frame): OutboundCall {
  const flags = frame['flags'] as number;
  const slots = frame['slots'] as Slot[] | undefined;
  return {
    id: frame['id'] as number,
    node: { id: route['node'] } as ServiceNode,
    path: route['path'] as string,
    caller: route['caller'] as string,
    codec: msgpack(),
    args: slots ? slots.map(valueOf) : (frame['args'] as unknown[]),
    argTypes: undefined,
    returns: undefined,
    noReply: (flags & FLAG.noReply) !== 0,
    external: (flags & FLAG.external) !== 0,
    metadata: frame['metadata'] as Record<string, string> | undefined,
    chain: ((frame['chain'] as [string, string, string][] | undefined) ?? []).map(([node, lane, path]) => ({ node, lane, path })),
    remainingMs: () => (frame['timeoutMs'] as number | undefined) ?? Infinity,
    succeed() {},
    fail() {},
  };
}

function writeByLibrary(sender: string, frames: readonly Frame[]): Uint8Array {
  const writer = new FrameWriter(sender);
  const routes = frames.filter(({ frame }) => frame === 'route');
  for (const frame of frames) {
    const id = frame['id'] as number;
    const slots = frame['slots'] as Slot[] | undefined;
    if (frame.frame === 'request') writer.request(callOf(frame, routes[frame['route'] as number]!));
    if (frame.frame === 'reply') writer.reply(id, slots ? valueOf(slots[0]!) : frame['value'], undefined, msgpack());
    if (frame.frame === 'error') {
      const { code, reason, message, metadata, details, flags } = frame as unknown as { code: number; reason: string; message: string; metadata?: Record<string, string>; details?: unknown; flags: number };
      writer.error(id, new RpcError({ code: codeName(code), reason, message, details, undelivered: (flags & ERROR_FLAG.undelivered) !== 0, ...(metadata && { metadata }) }), msgpack());
    }
    if (frame.frame === 'cancel') writer.cancel(id);
    if (frame.frame === 'ping') writer.ping();
    if (frame.frame === 'pong') writer.pong();
  }
  return writer.take();
}

function readByLibrary(bytes: Uint8Array): { sender: string; frames: Frame[] } {
  const reader = new ByteReader(bytes);
  const sender = readHeader(reader);
  const frames: Frame[] = [];
  const end = reader.end;
  while (reader.at < end) {
    const type = reader.u8();
    const size = reader.varint();
    reader.end = reader.at + size;
    frames.push(readFrame(type, reader));
    assert.equal(reader.at, reader.end);
    reader.end = end;
  }
  return { sender, frames };
}

const slotsOf = (reader: ByteReader): unknown[] => readSlots(reader, undefined, msgpack(), 'argument').map((value) => (value instanceof Uint8Array ? hex(value) : value));

function readFrame(type: number, reader: ByteReader): Frame {
  const name = Object.entries(FRAME).find(([, value]) => value === type)![0];
  switch (type) {
    case FRAME.route:
      return { frame: name, node: reader.text(), path: reader.text(), caller: reader.text(), codec: reader.text() };
    case FRAME.request: {
      const { callId: id, route, flags, timeoutMs, metadata, chain } = readRequestHead(reader);
      const values = flags & FLAG.slots ? { slots: slotsOf(reader) } : { args: msgpack().decode(reader) };
      return {
        frame: name,
        id,
        route,
        flags,
        ...(timeoutMs !== Infinity && { timeoutMs }),
        ...(metadata && { metadata: { ...metadata } }),
        ...(chain && { chain: chain.map(({ node, lane, path }) => [node, lane, path]) }),
        ...values,
      };
    }
    case FRAME.reply: {
      const [id, flags] = [reader.varint(), reader.u8()];
      return { frame: name, id, flags, ...(flags & FLAG.slots ? { slots: slotsOf(reader) } : { value: msgpack().decode(reader) }) };
    }
    case FRAME.error: {
      const id = reader.varint();
      const { code, reason, message, metadata, details, undelivered } = readError(reader, msgpack());
      const hasMetadata = Object.keys(metadata).length > 0;
      const flags = (undelivered ? 1 : 0) | (hasMetadata ? 2 : 0) | (details !== undefined ? 4 : 0);
      return { frame: name, id, code: RpcCode[code], flags, reason, message, ...(hasMetadata && { metadata: { ...metadata } }), ...(details !== undefined && { details }) };
    }
    case FRAME.cancel:
      return { frame: name, id: reader.varint() };
    default:
      return { frame: name };
  }
}

/** Slots as the library gives them to a handler without declared types. */
const bare = (frames: readonly Frame[]): unknown => plain(frames.map((frame) => ('slots' in frame ? { ...frame, slots: (frame['slots'] as Slot[]).map((slot) => slot.codec ?? hex(unhex(slot.hex!))) } : frame)));

suite('vectors of anthill/1', () => {
  for (const { name, hex: expected, sender, frames } of vectors.messages) {
    test(`${name}: the library writes these bytes and reads them`, () => {
      assert.equal(hex(writeByLibrary(sender, frames)), expected);
      const read = readByLibrary(unhex(expected));
      assert.equal(read.sender, sender);
      assert.deepEqual(plain(read.frames), bare(frames));
    });

    test(`${name}: the second implementation reads the same`, () => {
      const read = readMessage(unhex(expected));
      assert.equal(read.sender, sender);
      assert.deepEqual(plain(read.frames.map(describe)), frames);
    });
  }

  for (const { name, value, msgpack: packed, json: text } of vectors.values) {
    test(`${name}: both codecs, both ways, and another MessagePack`, () => {
      const real = decodeWith(json(), Buffer.from(JSON.stringify(value)));
      assert.equal(hex(encodeWith(msgpack(), real)), packed);
      assert.deepEqual(decodeWith(msgpack(), unhex(packed)), real);
      assert.equal(Buffer.from(encodeWith(json(), real)).toString(), text);
      assert.deepEqual(decodeWith(json(), Buffer.from(text)), real);
      assert.deepEqual(decode(unhex(packed), { useBigInt64: true }), real);
    });
  }

  test('broken messages do what is written there', async () => {
    const cluster = new Cluster();
    const process = await cluster.start();
    const raw = await RawPeer.join(cluster, 'a1');
    for (const { name, hex: bytes, effect } of vectors.broken) {
      raw.frames.length = 0;
      const seen = await counts(async () => {
        raw.post(process, unhex(bytes));
        await settle();
      });
      const said = [...seen.filter((event) => event === 'frame.dropped').map(() => 'dropped'), ...raw.frames.map(({ frame }) => frame)].join(', ');
      assert.equal(said, effect, name);
    }
    await cluster.stop();
  });
});

suite('docs/protocol.md', () => {
  const doc = readFileSync(repositoryFile('docs/protocol.md'), 'utf8');

  test('quotes every vector, and nothing else as one', () => {
    const quoted = [...doc.matchAll(/\*\*(.+?)\*\*: (.+)\n\n```hex\n([^`]+)```/g)].map(([, name, meaning, text]) => ({ name, meaning, hex: text!.trim().replaceAll('\n', ' ') }));
    const expected = [...vectors.messages.map(({ name, meaning, hex: bytes }) => ({ name, meaning, hex: bytes })), ...vectors.broken.map(({ name, effect, hex: bytes }) => ({ name, meaning: effect, hex: bytes }))];
    assert.deepEqual(quoted, expected);
    assert.equal([...doc.matchAll(/```hex/g)].length, expected.length);
    const rows = [...doc.matchAll(/^\| (.+?) \| `([0-9a-f ]+)` \| `(.+)` \|$/gm)].map(([, name, packed, text]) => ({ name, msgpack: packed, json: text }));
    assert.deepEqual(rows, vectors.values.map(({ name, msgpack: packed, json: text }) => ({ name, msgpack: packed, json: text })));
  });

  test('names every frame, flag, code and metadata key, with its number', () => {
    const byte = (value: number): string => value.toString(16).padStart(2, '0');
    for (const [name, type] of Object.entries(FRAME)) assert.match(doc, new RegExp(`^\\| \`${byte(type)}\` \\| ${name} \\|`, 'm'));
    const sections = doc.split(/^### /m);
    const flagsOf = (heading: string): string[] => [...sections.find((section) => section.startsWith(`${heading}\n`))!.matchAll(/^\| `([0-9a-f]{2})` \| (.+?) \|/gm)].map(([, value, name]) => `${value} ${name}`);
    const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    assert.deepEqual(flagsOf('Request'), Object.entries(FLAG).map(([name, value]) => `${byte(value)} ${words(name)}`));
    assert.deepEqual(flagsOf('Error'), Object.entries(ERROR_FLAG).map(([name, value]) => `${byte(value)} ${words(name)}`));
    for (const [name, code] of Object.entries(RpcCode)) assert.ok(doc.includes(`${code} ${name}`), name);
    for (const key of Object.values(NODE_META)) assert.ok(doc.includes(`| \`${key}\` |`), key);
    assert.ok(doc.includes(`0x${MAGIC.toString(16)}  version`));
    assert.ok(doc.includes(`\`version\` is ${VERSION}.`));
    assert.ok(doc.includes(`${BATCH_BYTES / 1024} KiB`));
    assert.equal(hex(header('x').bytes), 'a7 01 01 78');
  });

  test('names the capabilities that nodes publish', async () => {
    const cluster = new Cluster();
    const process = await cluster.start([{ type: 'svc', handlers: {} }]);
    const { metadata } = (await process.rpc.nodes('svc'))[0]!;
    assert.ok(doc.includes(`| \`anthill.caps\` | \`${metadata['anthill.caps']}\` |`));
    for (const word of metadata['anthill.caps']!.split(',')) assert.ok(doc.split('## Versions')[1]!.includes(`\`${word}\``));
    await cluster.stop();
  });
});

function encodeWith(codec: Codec, value: unknown): Uint8Array {
  const out = new ByteWriter();
  codec.encode(value, out);
  return out.take();
}

function decodeWith(codec: Codec, bytes: Uint8Array): unknown {
  return codec.decode(new ByteReader(bytes));
}
