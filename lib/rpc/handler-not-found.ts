import { rpcError } from '../common/error-catalog.js';
import type { RpcError } from '../common/rpc-error.js';
import type { NodeHost } from './wire.js';

/** The same words on every wire. */
export function handlerNotFound(host: NodeHost, path: string): RpcError {
  const known = [...host.paths()].slice(0, 20).join(', ');
  return rpcError('HANDLER_NOT_FOUND', `${host.nodeId} has no handler '${path}'; it has: ${known || 'none'}`, { metadata: { node: host.nodeId, path } });
}
