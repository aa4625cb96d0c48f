import { ByteReader } from '../../rpc/byte-reader.js';
import { readInt64, skipField } from './protobuf.js';

/** Tags of the fields of `rpcpb.RPCInfo` that are used; 4 (`track`) never is. */
export const RPC_INFO = { cid: 0x0a, fn: 0x12, replyTo: 0x1a, expired: 0x28, reply: 0x30, type: 0x3a, arg: 0x42, caller: 0x4a, hostname: 0x52 } as const;

/** A request. Arguments stay in the message as pairs of offsets until the handler's types are known. */
export class RpcInfo {
  cid = '';
  fn = '';
  replyTo = '';
  /** Unix milliseconds; 0 when absent. */
  expired = 0;
  reply = false;
  caller = '';
  hostname = '';
  readonly types: string[] = [];
  /** Start and end of each argument in the message. */
  readonly bounds: number[] = [];

  constructor(readonly reader: ByteReader) {}

  get argCount(): number {
    return this.bounds.length / 2;
  }
}

/** @throws MalformedBytes */
export function readRpcInfo(bytes: Uint8Array): RpcInfo {
  const reader = new ByteReader(bytes);
  const info = new RpcInfo(reader);
  while (reader.at < reader.end) {
    const tag = reader.varint();
    switch (tag) {
      case RPC_INFO.cid:
        info.cid = reader.text();
        break;
      case RPC_INFO.fn:
        info.fn = reader.text();
        break;
      case RPC_INFO.replyTo:
        info.replyTo = reader.text();
        break;
      case RPC_INFO.expired:
        info.expired = readInt64(reader);
        break;
      case RPC_INFO.reply:
        info.reply = readInt64(reader) !== 0;
        break;
      case RPC_INFO.type:
        info.types.push(reader.text());
        break;
      case RPC_INFO.arg: {
        const length = reader.varint();
        reader.need(length);
        info.bounds.push(reader.at, (reader.at += length));
        break;
      }
      case RPC_INFO.caller:
        info.caller = reader.text();
        break;
      case RPC_INFO.hostname:
        info.hostname = reader.text();
        break;
      default:
        skipField(reader, tag);
    }
  }
  return info;
}
