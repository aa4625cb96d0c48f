import type { ProtoSchema } from '../../common/value-types.js';
import { ByteReader, MalformedBytes } from '../../rpc/byte-reader.js';
import { ByteWriter } from '../../rpc/byte-writer.js';

/*
 * Messages of package go.api (mqant httpgateway/proto/api.proto), by hand: two messages and a map.
 *   Pair     1 key, 2 values
 *   Request  1 method, 2 path, 3 header, 4 get, 5 post (map<string, Pair>), 6 body, 7 url
 *   Response 1 statusCode, 2 header (map<string, Pair>), 3 body
 * `body` is a proto3 string; here it is its bytes.
 */

/** Values by name; no prototype. */
export type GoValues = Readonly<Record<string, readonly string[]>>;

export interface GoRequest {
  readonly method: string;
  readonly path: string;
  readonly header: GoValues;
  /** The query. */
  readonly get: GoValues;
  /** Fields of a form, whose text is not in `body`. */
  readonly post: GoValues;
  readonly body: Uint8Array;
  readonly url: string;
}

export interface GoResponse {
  /** 0: 200. */
  readonly statusCode: number;
  readonly header: GoValues;
  readonly body: Uint8Array;
}

/** A stranger's bytes must not become a map of any size. */
const MAX_ENTRIES = 10_000;
const NO_BYTES = new Uint8Array(0);

export const GO_REQUEST: ProtoSchema<GoRequest> = Object.freeze({
  fullName: 'go_api.Request',
  encode: (message: GoRequest) => finished((out) => {
    text(out, 1, message.method);
    text(out, 2, message.path);
    values(out, 3, message.header);
    values(out, 4, message.get);
    values(out, 5, message.post);
    bytes(out, 6, message.body);
    text(out, 7, message.url);
  }),
  decode: (given: Uint8Array): GoRequest => {
    const message = { method: '', path: '', header: empty(), get: empty(), post: empty(), body: NO_BYTES, url: '' };
    eachField(given, (field, value) => {
      if (field === 1) message.method = utf8(value);
      else if (field === 2) message.path = utf8(value);
      else if (field === 3) readPair(value, message.header);
      else if (field === 4) readPair(value, message.get);
      else if (field === 5) readPair(value, message.post);
      else if (field === 6) message.body = value.slice();
      else if (field === 7) message.url = utf8(value);
    });
    return message;
  },
});

export const GO_RESPONSE: ProtoSchema<GoResponse> = Object.freeze({
  fullName: 'go_api.Response',
  encode: (message: GoResponse) => finished((out) => {
    if (message.statusCode !== 0) {
      out.varint(1 * 8);
      out.varint(message.statusCode);
    }
    values(out, 2, message.header);
    bytes(out, 3, message.body);
  }),
  decode: (given: Uint8Array): GoResponse => {
    const message = { statusCode: 0, header: empty(), body: NO_BYTES };
    eachField(
      given,
      (field, value) => {
        if (field === 2) readPair(value, message.header);
        else if (field === 3) message.body = value.slice();
      },
      (field, value) => {
        if (field === 1) message.statusCode = value;
      },
    );
    return message;
  },
});

function empty(): Record<string, string[]> {
  return Object.create(null) as Record<string, string[]>;
}

function finished(write: (out: ByteWriter) => void): { finish(): Uint8Array } {
  const out = new ByteWriter(256);
  write(out);
  return { finish: () => out.take() };
}

/** proto3: what is empty is not written. */
function text(out: ByteWriter, field: number, value: string): void {
  bytes(out, field, Buffer.from(value, 'utf8'));
}

function bytes(out: ByteWriter, field: number, value: Uint8Array): void {
  if (value.length > 0) block(out, field, value);
}

function block(out: ByteWriter, field: number, value: Uint8Array): void {
  out.varint(field * 8 + 2);
  out.varint(value.length);
  out.raw(value);
}

function values(out: ByteWriter, field: number, map: GoValues): void {
  for (const [key, list] of Object.entries(map)) {
    const pair = new ByteWriter(64);
    text(pair, 1, key);
    for (const value of list) block(pair, 2, Buffer.from(value, 'utf8'));
    const entry = new ByteWriter(96);
    text(entry, 1, key);
    block(entry, 2, pair.take());
    block(out, field, entry.take());
  }
}

function readPair(entry: Uint8Array, into: Record<string, string[]>): void {
  let key = '';
  const list: string[] = [];
  eachField(entry, (field, value) => {
    if (field === 1) key = utf8(value);
    else if (field === 2) eachField(value, (inner, item) => void (inner === 2 && list.push(utf8(item))));
  });
  into[key] = list;
}

function eachField(given: Uint8Array, onBytes: (field: number, value: Uint8Array) => void, onNumber: (field: number, value: number) => void = () => {}): void {
  const reader = new ByteReader(given, 0, given.length);
  let count = 0;
  while (reader.remaining > 0) {
    if (++count > MAX_ENTRIES) throw new MalformedBytes('a message of go.api with too many fields');
    const tag = reader.varint();
    const type = tag & 7;
    if (type === 0) onNumber(tag >>> 3, reader.varint());
    else if (type === 1) reader.view8(8);
    else if (type === 5) reader.view8(4);
    else if (type === 2) onBytes(tag >>> 3, reader.view8(reader.varint()));
    else throw new MalformedBytes(`wire type ${type} in a message of go.api`);
  }
}

function utf8(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8');
}
