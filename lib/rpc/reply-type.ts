import { rpcError } from '../common/error-catalog.js';
import type { RpcError } from '../common/rpc-error.js';
import { isMarshalerClass, isProtoSchema, type ReplyType, type ValueType, type ArgTypes } from '../common/value-types.js';

/** Checks a decoded reply against what the caller asked for. Returns it, or throws REPLY_TYPE. */
export function checkReply(value: unknown, returns: ReplyType | undefined, where: string): unknown {
  if (returns === undefined || typeof returns === 'string') return value;
  switch (returns) {
    case String:
      return expect(typeof value === 'string', value, 'a string', where);
    case Number:
      return expect(typeof value === 'number', value, 'a number', where);
    case Boolean:
      return expect(typeof value === 'boolean', value, 'a boolean', where);
    case BigInt:
      return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : expect(typeof value === 'bigint', value, 'a bigint', where);
    case Uint8Array:
      return expect(value instanceof Uint8Array, value, 'bytes', where);
    case Array:
      return expect(Array.isArray(value), value, 'an array', where);
    case Object:
      return expect(typeof value === 'object' && value !== null && !Array.isArray(value), value, 'an object', where);
  }
  if (isMarshalerClass(returns)) return expect(value === null || value instanceof returns, value, `a ${returns.name}`, where);
  if (isProtoSchema(returns)) return expect(typeof value === 'object' && !(value instanceof Uint8Array), value, `a ${returns.name ?? 'message'}`, where);
  return value;
}

function expect(ok: boolean, value: unknown, wanted: string, where: string): unknown {
  if (ok) return value;
  throw mismatch(value, wanted, where);
}

function mismatch(value: unknown, wanted: string, where: string): RpcError {
  const got = value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value === 'object' ? `a ${value.constructor?.name ?? 'object'}` : `a ${typeof value}`;
  return rpcError('REPLY_TYPE', `${where} answered ${got} where ${wanted} was asked for; check the handler's return type or the { returns } option`, {
    metadata: { wanted, got },
  });
}

const INTEGERS: Readonly<Record<string, readonly [number, number]>> = { int: [-0x80000000, 0x7fffffff] };

/**
 * Brings an argument to its declared wire type, so that a handler sees the same whichever way the call came: `long` is always bigint,
 * `int` a 32-bit integer. Returns undefined when nothing is declared that needs it.
 */
export function compileCoercion(types: ArgTypes | undefined): ((args: readonly unknown[]) => readonly unknown[]) | undefined {
  if (types === undefined || !types.some((type) => typeof type === 'string' && (type === 'long' || type in INTEGERS))) return undefined;
  return (args) => args.map((value, i) => coerce(value, types[i], i));
}

function coerce(value: unknown, type: ValueType | undefined, index: number): unknown {
  if (type === 'long') {
    if (typeof value === 'bigint') return value;
    if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
    if (value === null) return 0n;
    throw badArgument(index, 'a 64-bit integer');
  }
  const range = typeof type === 'string' ? INTEGERS[type] : undefined;
  if (range === undefined) return value;
  const number = value === null ? 0 : typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < range[0] || number > range[1]) throw badArgument(index, 'a 32-bit integer');
  return number;
}

function badArgument(index: number, wanted: string): RpcError {
  return rpcError('ARGUMENT_TYPE', `argument ${index + 1} must be ${wanted}`);
}
