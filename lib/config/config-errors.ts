import { rpcError } from '../common/error-catalog.js';
import { messageOf } from '../common/message-of.js';
import type { RpcError } from '../common/rpc-error.js';
import { formatPath, type KeyPath } from './config-layer.js';

export function versionConflict(source: string, path: KeyPath, ifVersion: string): RpcError {
  const what = ifVersion === '0' ? 'is there already' : `has changed since version ${ifVersion}`;
  return rpcError('CONFIG_CONFLICT', `${source}: ${formatPath(path)} ${what}; read it again and decide anew`);
}

/** @param written the write may have happened */
export function sourceUnavailable(source: string, path: KeyPath, cause: unknown, written = false): RpcError {
  return rpcError('CONFIG_UNAVAILABLE', `${source}: ${formatPath(path)}: ${messageOf(cause)}${written ? '; the value may have been written: read it again' : ''}`, { cause });
}
