import { rpcError } from '../common/error-catalog.js';
import { RpcError } from '../common/rpc-error.js';
import { kindOf, MAX_DEPTH } from './plain-value.js';

/**
 * What a codec throws for a value that it refused, or that threw while it was read (getters, `toJSON`): UNSUPPORTED_VALUE with the place.
 * The place is searched only now, so that values that are fine do not pay for it.
 */
export function encodeFailed(error: unknown, value: unknown): unknown {
  if (RpcError.is(error)) {
    if (error.reason !== 'UNSUPPORTED_VALUE' || error.metadata['at'] !== undefined) return error;
    const at = placeOf(value);
    return at === undefined || at === '' ? error : rpcError('UNSUPPORTED_VALUE', `${error.message} (at ${at})`, { metadata: { at } });
  }
  const told = error instanceof Error ? error.message : typeof error;
  return rpcError('UNSUPPORTED_VALUE', `a value cannot be read: ${told}`, { cause: error });
}

function placeOf(value: unknown): string | undefined {
  try {
    const path = search(value, 0);
    return path === undefined ? undefined : shown(path);
  } catch {
    return undefined; // a getter that threw this time
  }
}

/** The way to the first value that is refused, last step first. */
function search(value: unknown, depth: number): string[] | undefined {
  let kind: string;
  try {
    kind = depth > MAX_DEPTH ? 'refused' : kindOf(value);
  } catch {
    kind = 'refused';
  }
  if (kind === 'refused') return [];
  if (kind === 'json') return search((value as { toJSON(): unknown }).toJSON(), depth + 1);
  if (kind !== 'array' && kind !== 'object') return undefined;
  for (const key of Object.keys(value as object)) {
    const isIndex = kind === 'array';
    if (!isIndex && key === '__proto__') return [step(key)];
    const item: unknown = (value as Record<string, unknown>)[key];
    if (item === undefined) continue;
    const path = search(item, depth + 1);
    if (path === undefined) continue;
    path.push(isIndex ? `[${key}]` : step(key));
    return path;
  }
  return undefined;
}

function step(key: string): string {
  return /^[\p{L}_$][\p{L}\p{N}_$]{0,40}$/u.test(key) ? `.${key}` : `[${JSON.stringify(key.length > 40 ? `${key.slice(0, 37)}...` : key)}]`;
}

function shown(path: string[]): string {
  const steps = path.reverse();
  return steps.length > 12 ? `${steps.slice(0, 12).join('')}...` : steps.join('');
}
