import { RpcError } from '../common/rpc-error.js';
import type { ByteWriter } from './byte-writer.js';
import type { Codec } from './codec.js';
import { travelled } from './travelled.js';
import { isolate } from './value-slots.js';

/** An error of a node of this process as a reply would have brought it: no stack or cause of the callee's, details of its own. */
export function asReceived(error: RpcError, codec: Codec, scratch: ByteWriter): RpcError {
  const { code, reason, message, undelivered } = error;
  let details: unknown;
  let metadata: Readonly<Record<string, string>> = {};
  try {
    details = isolate(error.details, undefined, undefined, codec, scratch, 'reply') ?? undefined;
    metadata = travelled(error.metadata);
  } catch {
    // What cannot be carried is left out, as on a wire: the rest says enough.
    details = undefined;
  }
  return new RpcError({ code, reason, message, metadata, details, undelivered, remote: true });
}
