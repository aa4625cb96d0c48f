import { rpcError } from '../common/error-catalog.js';
import type { RpcError } from '../common/rpc-error.js';

/** Values nest at most this deep: past it they are cycles or attacks. */
export const MAX_DEPTH = 100;

export const INT64_MIN = -(2n ** 63n);
export const INT64_MAX = 2n ** 63n - 1n;

/** What a value is to every codec, so that they refuse the same things in the same words. */
export type PlainKind = 'nil' | 'boolean' | 'number' | 'bigint' | 'string' | 'bytes' | 'date' | 'array' | 'object' | 'json';

export function kindOf(value: unknown): PlainKind {
  switch (typeof value) {
    case 'undefined':
      return 'nil';
    case 'boolean':
    case 'number':
    case 'string':
      return typeof value as PlainKind;
    case 'bigint':
      if (value < INT64_MIN || value > INT64_MAX) throw unsupported(`the bigint ${shorten(String(value))} is outside the 64-bit range`);
      return 'bigint';
    case 'object':
      return value === null ? 'nil' : objectKind(value);
    default:
      throw unsupported(`a ${typeof value} cannot be sent`);
  }
}

function objectKind(value: object): PlainKind {
  const proto: unknown = Object.getPrototypeOf(value);
  if (proto === Object.prototype || proto === null) return typeof (value as { toJSON?: unknown }).toJSON === 'function' ? 'json' : 'object';
  if (Array.isArray(value)) return 'array';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Date) return 'date';
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return 'json';
  if (value instanceof Map || value instanceof Set) throw unsupported(`a ${value.constructor.name} cannot be sent; send an object or an array made of it`);
  if (value instanceof Promise || typeof (value as { then?: unknown }).then === 'function') throw unsupported('a promise cannot be sent; await it first');
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof RegExp || value instanceof WeakMap || value instanceof Error || isBoxed(value)) {
    throw unsupported(`a ${value.constructor.name} cannot be sent; send plain data made of it`);
  }
  return 'object';
}

/** `new String('x')` looks like a text and would arrive as an object. */
function isBoxed(value: object): boolean {
  return value instanceof String || value instanceof Number || value instanceof Boolean || value instanceof BigInt || value instanceof Symbol;
}

export function unsupported(message: string): RpcError {
  return rpcError('UNSUPPORTED_VALUE', message);
}

export function tooDeep(): RpcError {
  return unsupported(`the value is nested deeper than ${MAX_DEPTH} levels, or refers to itself`);
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}

/** A value that needs no copy to be isolated. */
export function isImmutable(value: unknown): boolean {
  return value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol' && typeof value !== 'bigint');
}
