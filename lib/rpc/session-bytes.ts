import type { SessionState } from '../common/session.js';
import { ByteReader, MalformedBytes } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';

/*
 * A session as mqant writes it: message `sessionImp` of package basegate (mqant gate/base/session.proto). Field 9, Carrier, is used by nobody.
 */
const FIELDS = ['ip', 'network', 'userId', 'sessionId', 'serverId', 'traceId', 'spanId'] as const satisfies readonly (keyof SessionState)[];
const SETTINGS = 8;
const TOPIC = 10;
const LENGTH_DELIMITED = 2;
/** A stranger's bytes must not become a map of any size. */
const MAX_SETTINGS = 10_000;

export function encodeSession(session: SessionState): Uint8Array {
  const out = new ByteWriter(256);
  FIELDS.forEach((field, i) => writeText(out, i + 1, session[field]));
  for (const [key, value] of Object.entries(session.settings)) {
    const entry = new ByteWriter(64);
    writeText(entry, 1, key);
    writeText(entry, 2, value);
    writeBytes(out, SETTINGS, entry.take());
  }
  writeText(out, TOPIC, session.topic);
  return out.take();
}

/** @throws MalformedBytes */
export function decodeSession(bytes: Uint8Array): SessionState {
  const text: Record<(typeof FIELDS)[number], string> = { ip: '', network: '', userId: '', sessionId: '', serverId: '', traceId: '', spanId: '' };
  const settings: Record<string, string> = Object.create(null) as Record<string, string>;
  let topic = '';
  let count = 0;
  eachField(bytes, (field, value) => {
    const name = FIELDS[field - 1];
    if (name !== undefined) text[name] = value.utf8(value.remaining);
    else if (field === TOPIC) topic = value.utf8(value.remaining);
    else if (field === SETTINGS) {
      if (++count > MAX_SETTINGS) throw new MalformedBytes('a session with too many settings');
      readSetting(value, settings);
    }
  });
  return { ...text, topic, settings };
}

function readSetting(reader: ByteReader, into: Record<string, string>): void {
  let key = '';
  let value = '';
  eachField(reader.view8(reader.remaining), (field, entry) => {
    if (field === 1) key = entry.utf8(entry.remaining);
    else if (field === 2) value = entry.utf8(entry.remaining);
  });
  into[key] = value;
}

/** Fields of the one wire type that a session has; others are skipped. */
function eachField(bytes: Uint8Array, visit: (field: number, value: ByteReader) => void): void {
  const reader = new ByteReader(bytes, 0, bytes.length);
  while (reader.remaining > 0) {
    const tag = reader.varint();
    const type = tag & 7;
    if (type === 0) reader.varint();
    else if (type === 1) reader.view8(8);
    else if (type === 5) reader.view8(4);
    else if (type === LENGTH_DELIMITED) {
      const value = reader.view8(reader.varint());
      visit(tag >>> 3, new ByteReader(value, 0, value.length));
    } else throw new MalformedBytes(`wire type ${type} in a session`);
  }
}

/** proto3: an empty text is not written, but both fields of a map entry are. */
function writeText(out: ByteWriter, field: number, text: string): void {
  if (text !== '') writeBytes(out, field, Buffer.from(text, 'utf8'));
}

function writeBytes(out: ByteWriter, field: number, bytes: Uint8Array): void {
  out.varint(field * 8 + LENGTH_DELIMITED);
  out.varint(bytes.length);
  out.raw(bytes);
}
