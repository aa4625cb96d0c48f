import type { HeldLane } from '../../common/call-context.js';
import { codeName } from '../../common/rpc-code.js';
import { RpcError } from '../../common/rpc-error.js';
import { type ByteReader, MalformedBytes } from '../../rpc/byte-reader.js';
import type { Codec } from '../../rpc/codec.js';
import { ERROR_FLAG, FLAG, MAGIC, VERSION } from './frames.js';

/** An address that may be published to: what a stranger's message must not smuggle in is a wildcard, a space or a line break. */
const ADDRESS = /^[A-Za-z0-9_$%-]+(\.[A-Za-z0-9_$%-]+)*$/;

/** Reads the header; returns the sender's process address. */
export function readHeader(reader: ByteReader): string {
  if (reader.u8() !== MAGIC) throw new MalformedBytes('not an anthill message');
  const version = reader.u8();
  if (version !== VERSION) throw new MalformedBytes(`version ${version}`);
  const sender = reader.text();
  if (sender.length > 255 || !ADDRESS.test(sender)) throw new MalformedBytes('a bad sender address');
  return sender;
}

export interface RequestHead {
  callId: number;
  route: number;
  flags: number;
  /** Infinity: none. */
  timeoutMs: number;
  metadata: Readonly<Record<string, string>> | undefined;
  chain: readonly HeldLane[] | undefined;
}

export function readRequestHead(reader: ByteReader): RequestHead {
  const callId = reader.varint();
  const route = reader.varint();
  const flags = reader.u8();
  const timeoutMs = flags & FLAG.noDeadline ? Infinity : reader.varint();
  const metadata = flags & FLAG.metadata ? readPairs(reader) : undefined;
  const chain = flags & FLAG.chain ? readChain(reader) : undefined;
  return { callId, route, flags, timeoutMs, metadata, chain };
}

function readChain(reader: ByteReader): HeldLane[] {
  const count = reader.varint();
  reader.need(count * 3);
  const chain: HeldLane[] = [];
  for (let i = 0; i < count; i++) chain.push({ node: reader.text(), lane: reader.text(), path: reader.text() });
  return chain;
}

function readPairs(reader: ByteReader): Readonly<Record<string, string>> {
  const count = reader.varint();
  reader.need(count * 2);
  const pairs = Object.create(null) as Record<string, string>;
  for (let i = 0; i < count; i++) {
    const key = reader.text();
    pairs[key] = reader.text();
  }
  return pairs;
}

/** The rest of an error frame, after its call id. */
export function readError(reader: ByteReader, codec: Codec): RpcError {
  const code = codeName(reader.u8());
  const flags = reader.u8();
  const reason = reader.text();
  const message = reader.text();
  const metadata = flags & ERROR_FLAG.metadata ? readPairs(reader) : {};
  const details = flags & ERROR_FLAG.details ? codec.decode(reader) : undefined;
  return new RpcError({ code, reason, message, metadata, details, remote: true, undelivered: (flags & ERROR_FLAG.undelivered) !== 0 });
}
