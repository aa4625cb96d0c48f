import type { SessionState } from '../common/session.js';
import { ByteReader, MalformedBytes } from './byte-reader.js';

/*
 * A session as mqant writes it: message `sessionImp` of package basegate (mqant gate/base/session.proto). mqant uses field 9, Carrier, for nothing; a gate that judges
 * guests by a rule of its own says there what it found.
 */
const FIELDS = ['ip', 'network', 'userId', 'sessionId', 'serverId', 'traceId', 'spanId'] as const satisfies readonly (keyof SessionState)[];
const SETTINGS = 8;
const CARRIER = 9;
const TOPIC = 10;
const GUEST = 'guest';
const LENGTH_DELIMITED = 2;
/** A stranger's bytes must not become a map of any size. */
const MAX_SETTINGS = 10_000;
/** Of the one entry that is read. */
const MAX_CARRIER = 32;
/** Of a length below 4 GiB. */
const MAX_VARINT = 5;

export function encodeSession(session: SessionState): Uint8Array {
  const settings = Object.entries(session.settings);
  let length = sizeOf(session.topic);
  for (const field of FIELDS) length += sizeOf(session[field]);
  for (const [key, value] of settings) length += 1 + MAX_VARINT + sizeOf(key) + sizeOf(value);
  if (session.guest !== undefined) length += 1 + MAX_VARINT + sizeOf(GUEST) + sizeOf('1');
  const out = new Fields(Buffer.allocUnsafe(length));
  for (let i = 0; i < FIELDS.length; i++) out.text(i + 1, session[FIELDS[i]!]);
  for (const [key, value] of settings) out.entry(SETTINGS, key, value);
  if (session.guest !== undefined) out.entry(CARRIER, GUEST, session.guest ? '1' : '0');
  out.text(TOPIC, session.topic);
  return out.taken();
}

/** @throws MalformedBytes */
export function decodeSession(bytes: Uint8Array): SessionState {
  const text: Record<(typeof FIELDS)[number], string> = { ip: '', network: '', userId: '', sessionId: '', serverId: '', traceId: '', spanId: '' };
  const settings: Record<string, string> = Object.create(null) as Record<string, string>;
  const carrier: Record<string, string> = Object.create(null) as Record<string, string>;
  let topic = '';
  let count = 0;
  const reader = new ByteReader(bytes, 0, bytes.length);
  eachField(reader, bytes.length, (field, length) => {
    const name = FIELDS[field - 1];
    if (name !== undefined) text[name] = reader.utf8(length);
    else if (field === TOPIC) topic = reader.utf8(length);
    else if (field === SETTINGS) {
      if (++count > MAX_SETTINGS) throw new MalformedBytes('a session with too many settings');
      readSetting(reader, reader.at + length, settings);
    } else if (field === CARRIER && length < MAX_CARRIER) readSetting(reader, reader.at + length, carrier);
  });
  return { ...text, topic, settings, ...(carrier[GUEST] !== undefined && { guest: carrier[GUEST] === '1' }) };
}

function readSetting(reader: ByteReader, end: number, into: Record<string, string>): void {
  let key = '';
  let value = '';
  eachField(reader, end, (field, length) => {
    if (field === 1) key = reader.utf8(length);
    else if (field === 2) value = reader.utf8(length);
  });
  into[key] = value;
}

/** Fields up to `end` of the one wire type that a session has; others are skipped, and what `visit` leaves of one. */
function eachField(reader: ByteReader, end: number, visit: (field: number, length: number) => void): void {
  const outer = reader.end;
  reader.end = end;
  while (reader.remaining > 0) {
    const tag = reader.varint();
    const type = tag & 7;
    if (type === 0) reader.varint();
    else if (type === 1) reader.view8(8);
    else if (type === 5) reader.view8(4);
    else if (type === LENGTH_DELIMITED) {
      const length = reader.varint();
      reader.need(length);
      const next = reader.at + length;
      visit(tag >>> 3, length);
      reader.at = next;
    } else throw new MalformedBytes(`wire type ${type} in a session`);
  }
  reader.end = outer;
}

/** At most. */
function sizeOf(text: string): number {
  return 1 + MAX_VARINT + Buffer.byteLength(text);
}

/** Writes fields; one is written with each message of a client that a service gets. */
class Fields {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  /** proto3: an empty text is not written. */
  text(field: number, text: string): void {
    if (text !== '') this.put(field, text);
  }

  /** Of a map: both of its fields are written, unless empty. */
  entry(field: number, key: string, value: string): void {
    const inner = new Fields(Buffer.allocUnsafe(sizeOf(key) + sizeOf(value)));
    inner.text(1, key);
    inner.text(2, value);
    this.head(field, inner.at);
    this.at += inner.bytes.copy(this.bytes, this.at, 0, inner.at);
  }

  taken(): Uint8Array {
    return this.bytes.subarray(0, this.at);
  }

  private put(field: number, text: string): void {
    const length = Buffer.byteLength(text);
    this.head(field, length);
    this.at += this.bytes.write(text, this.at, length, 'utf8');
  }

  private head(field: number, length: number): void {
    this.bytes[this.at++] = field * 8 + LENGTH_DELIMITED;
    for (let rest = length; ; rest >>>= 7) {
      this.bytes[this.at++] = rest > 0x7f ? (rest & 0x7f) | 0x80 : rest;
      if (rest <= 0x7f) return;
    }
  }
}
