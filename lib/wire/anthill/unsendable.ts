import { rpcError } from '../../common/error-catalog.js';
import { messageOf } from '../../common/message-of.js';
import { RpcError } from '../../common/rpc-error.js';
import type { Transport } from '../../rpc/transport.js';

/** A frame that fits into no message, with the size of the message it would have made. */
export class TooLarge {
  constructor(readonly size: number) {}
}

/** Why something could not become a frame, in words for its caller. */
export function unsendable(failure: unknown, what: string, { maxMessageBytes: limit, name }: Transport): RpcError {
  if (failure instanceof TooLarge) {
    const { size } = failure;
    return rpcError('PAYLOAD_TOO_LARGE', `${what} is ${size} bytes, more than the ${limit} that ${name} carries in one message; send less, or raise the limit`, {
      metadata: { size: String(size), limit: String(limit) },
    });
  }
  if (RpcError.is(failure)) return failure;
  return rpcError('UNSUPPORTED_VALUE', `${what} cannot be encoded: ${messageOf(failure)}`, { cause: failure });
}
