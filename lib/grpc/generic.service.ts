import type { Server } from '@grpc/grpc-js';
import { rpcError } from '../common/error-catalog.js';
import { messageOf } from '../common/message-of.js';
import { parseTarget } from '../common/service-node.js';
import { ByteReader, MalformedBytes } from '../rpc/byte-reader.js';
import { ByteWriter } from '../rpc/byte-writer.js';
import type { Codec } from '../rpc/codec.js';
import type { HandlerEntry } from '../rpc/handler-entry.js';
import { handlerNotFound } from '../rpc/handler-not-found.js';
import { json } from '../rpc/json.codec.js';
import { msgpack } from '../rpc/msgpack.codec.js';
import type { ServiceHost } from '../rpc/service-host.js';
import type { NodeHost } from '../rpc/wire.js';
import { type CallShared, type CallTarget, openAnyCall } from './grpc.calls.js';
import { eachField, messageBytes, putBytes, putMessage, restBytes, restText } from './proto-fields.js';
import { readList, writeValue } from './proto-value.js';

/** As in proto/anthill.proto. */
export const GENERIC_SERVICE = 'anthill.v1.Rpc';

/** CallRequest. */
interface CallRequest {
  readonly target: string;
  readonly path: string;
  readonly args: readonly unknown[];
  readonly payload: Uint8Array;
  readonly codec: string;
}

/** Brings calls of `anthill.v1.Rpc/Call` to the handlers of this process's nodes. */
export class GenericService {
  private readonly codecs: ReadonlyMap<string, Codec> = new Map([msgpack(), json()].map((codec) => [codec.name, codec]));

  /** @param isExternal callers are strangers: they reach only handlers that are `public` */
  constructor(
    private readonly host: ServiceHost,
    private readonly isExternal: boolean,
  ) {}

  addTo(server: Server, shared: CallShared): void {
    const open = openAnyCall((request: CallRequest) => this.find(request), shared, this.isExternal);
    server.register(`/${GENERIC_SERVICE}/Call`, open, (bytes: Buffer) => bytes, readRequest, 'unary');
  }

  /** @throws RpcError */
  private find({ target, path, args, payload, codec }: CallRequest): { target: CallTarget; args: readonly unknown[] } {
    const { type, nodeId } = parseTarget(target);
    const host = this.host.hostOf(type);
    if (host === undefined) throw rpcError('SERVICE_NOT_FOUND', `the process behind this gRPC server does not run '${target.slice(0, 200)}'`, { metadata: { target: target.slice(0, 200) } });
    if (nodeId !== undefined && nodeId !== host.nodeId) throw rpcError('NODE_NOT_FOUND', `the process behind this gRPC server runs ${host.nodeId}, not ${target.slice(0, 200)}`, { metadata: { target: target.slice(0, 200) } });
    const entry = this.entryOf(host, path);
    const base = { kind: 'unary', host, entry, timeoutMs: undefined } as const;
    if (codec === '') return { target: { ...base, encode: (value) => encodeValue(path, value) }, args };
    const chosen = this.codecs.get(codec);
    if (chosen === undefined) throw rpcError('CODEC_UNKNOWN', `there is no codec '${codec.slice(0, 50)}'; there are ${[...this.codecs.keys()].join(' and ')}`);
    return { target: { ...base, encode: (value) => encodeWith(chosen, path, value) }, args: decodeArgs(chosen, payload, path) };
  }

  private entryOf(host: NodeHost, path: string): HandlerEntry {
    const entry = host.lookup(path);
    if (entry === undefined || (this.isExternal && !entry.public)) throw handlerNotFound(host, path, this.isExternal);
    return entry;
  }
}

function decodeArgs(codec: Codec, payload: Uint8Array, path: string): readonly unknown[] {
  let args: unknown;
  try {
    args = codec.decode(new ByteReader(payload));
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    throw rpcError('MALFORMED_PAYLOAD', `the payload of the call to ${path} is no ${codec.name}: ${error.message}`);
  }
  if (!Array.isArray(args)) throw rpcError('MALFORMED_PAYLOAD', `the payload of the call to ${path} must be an array: the positional arguments`);
  return args;
}

function encodeValue(path: string, value: unknown): Buffer {
  return encoded(path, () => messageBytes((reply) => putMessage(reply, 1, (inner) => writeValue(inner, value))));
}

function encodeWith(codec: Codec, path: string, value: unknown): Buffer {
  return encoded(path, () => {
    const writer = new ByteWriter(256);
    codec.encode(value, writer);
    return messageBytes((reply) => putBytes(reply, 2, writer.bytes.subarray(0, writer.length)));
  });
}

/** @throws RpcError REPLY_UNENCODABLE */
function encoded(path: string, encode: () => Buffer): Buffer {
  try {
    return encode();
  } catch (cause) {
    throw rpcError('REPLY_UNENCODABLE', `the handler of ${path} returned what cannot be sent: ${messageOf(cause)}`, { cause });
  }
}

/** @throws MalformedBytes */
function readRequest(bytes: Buffer): CallRequest {
  const request = { target: '', path: '', args: [] as readonly unknown[], payload: new Uint8Array() as Uint8Array, codec: '' };
  eachField(new ByteReader(bytes), (field, _type, value) => {
    if (field === 1) request.target = restText(value);
    else if (field === 2) request.path = restText(value);
    else if (field === 3) request.args = readList(value);
    else if (field === 4) request.payload = restBytes(value);
    else if (field === 5) request.codec = restText(value);
  });
  return request;
}
