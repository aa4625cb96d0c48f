import type { ArgTypes } from '../../common/value-types.js';
import { MessageWriter } from './message-writer.js';
import { RPC_INFO } from './rpc-info.js';
import type { ValueEncoder } from './value-encoder.js';
import { unsendable } from './value-error.js';

/** What goes into a request. */
export interface RequestFields {
  readonly cid: string;
  readonly fn: string;
  /** Empty: no reply is wanted. */
  readonly replyTo: string;
  /** Unix milliseconds, whole. */
  readonly expired: number;
  readonly args: readonly unknown[];
  readonly argTypes: ArgTypes | undefined;
  readonly caller: string;
  /** `type@id` of the callee, for messages. */
  readonly target: string;
}

/** Makes `RPCInfo` messages, fields in ascending order as Go writes them. */
export class RequestEncoder {
  private readonly out = new MessageWriter(RPC_INFO.type, RPC_INFO.arg, true);

  constructor(private readonly values: ValueEncoder) {}

  /**
   * @param limit largest message in bytes
   * @throws RpcError UNSUPPORTED_VALUE, PAYLOAD_TOO_LARGE, naming the argument
   */
  encode(request: RequestFields, limit: number): Uint8Array {
    const { out } = this;
    const { headMark, valuesMark } = out;
    const { args, argTypes, replyTo, caller } = request;
    try {
      out.limit = limit;
      out.text(RPC_INFO.cid, request.cid);
      out.text(RPC_INFO.fn, request.fn);
      out.text(RPC_INFO.replyTo, replyTo);
      out.varint(RPC_INFO.expired, request.expired);
      if (replyTo !== '') out.varint(RPC_INFO.reply, 1);
      for (let i = 0; i < args.length; i++) {
        try {
          this.values.write(args[i], argTypes?.[i], out);
        } catch (error) {
          throw unsendable(error, `argument ${i + 1} of ${request.target} ${request.fn}`);
        }
      }
      out.joinValues(valuesMark);
      out.text(RPC_INFO.caller, caller);
      out.text(RPC_INFO.hostname, caller);
      return out.take(headMark);
    } finally {
      out.rewind(headMark, valuesMark);
    }
  }
}
