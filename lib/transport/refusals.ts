import { rpcError } from '../common/error-catalog.js';
import type { RpcError } from '../common/rpc-error.js';

/** @param remedy where the limit is set */
export function payloadTooLarge(size: number, limit: number, address: string, remedy: string): RpcError {
  return rpcError('PAYLOAD_TOO_LARGE', `a message of ${size} bytes to ${address} is over the limit of ${limit}; send less, or raise ${remedy}`, {
    undelivered: true,
    metadata: { size: String(size), limit: String(limit), address },
  });
}

export function transportClosed(name: string): RpcError {
  return rpcError('TRANSPORT_DOWN', `the ${name} transport was closed; a closed one is not opened again, make a new one`, { undelivered: true });
}
