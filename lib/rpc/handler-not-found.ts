import { rpcError } from '../common/error-catalog.js';
import type { RpcError } from '../common/rpc-error.js';
import type { NodeHost } from './wire.js';

const MAX_SHOWN = 20;
const MAX_PATH = 200;

/**
 * The same words on every wire.
 * @param external the call came through a gateway: who is outside learns of no handler but those that are public
 */
export function handlerNotFound(host: NodeHost, path: string, external = false): RpcError {
  const shown = path.length > MAX_PATH ? `${path.slice(0, MAX_PATH)}...` : path;
  const known: string[] = [];
  for (const other of host.paths()) {
    if (known.length === MAX_SHOWN) {
      known.push('...');
      break;
    }
    if (!external || host.lookup(other)?.public) known.push(other);
  }
  const has = known.length === 0 && external ? '' : `; it has: ${known.join(', ') || 'none'}`;
  return rpcError('HANDLER_NOT_FOUND', `${host.nodeId} has no handler '${shown}'${has}`, { metadata: { node: host.nodeId, path: shown } });
}
