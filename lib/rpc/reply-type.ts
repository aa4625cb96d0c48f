import { rpcError } from '../common/error-catalog.js';
import type { RpcError } from '../common/rpc-error.js';
import { isMarshalerClass, isProtoSchema, type ReplyType, type ValueType, type ArgTypes } from '../common/value-types.js';

/** Checks a decoded reply against what the caller asked for. Returns it, or throws REPLY_TYPE. */
export function checkReply(value: unknown, returns: ReplyType | undefined, where: string): unknown {
  if (returns === undefined) return value;
  if (typeof returns === 'string') return checkNamed(value, returns, where);
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

/** By mqant's type names. null is every type's nothing there; names of users' own types are for the wire to read. */
function checkNamed(value: unknown, returns: string, where: string): unknown {
  if (value === null) return value;
  switch (returns) {
    case 'long':
      return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : expect(typeof value === 'bigint', value, 'a 64-bit integer', where);
    case 'int':
      return expect(Number.isInteger(value), value, 'an integer', where);
    case 'float':
    case 'double':
      return expect(typeof value === 'number', value, 'a number', where);
    case 'string':
      return expect(typeof value === 'string', value, 'a string', where);
    case 'bool':
      return expect(typeof value === 'boolean', value, 'a boolean', where);
    case 'bytes':
      return expect(value instanceof Uint8Array, value, 'bytes', where);
    case 'map':
    case 'mapstr':
      return expect(typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array), value, 'an object', where);
    default:
      return value;
  }
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

const INT_MIN = -0x80000000;
const INT_MAX = 0x7fffffff;

/**
 * Brings an argument to its declared wire type, so that a handler sees the same whichever way the call came: `long` is always bigint,
 * `int` a 32-bit integer. Returns undefined when nothing is declared that needs it.
 */
export function compileCoercion(types: ArgTypes | undefined): ((args: readonly unknown[]) => readonly unknown[]) | undefined {
  if (types === undefined || !types.some((type) => type === 'long' || type === 'int')) return undefined;
  return (args) => args.map((value, i) => coerce(value, types[i], i));
}

function coerce(value: unknown, type: ValueType | undefined, index: number): unknown {
  if (type === 'long') {
    if (typeof value === 'bigint') return value;
    if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
    if (value === null) return 0n;
    throw badArgument(index, 'a 64-bit integer');
  }
  if (type !== 'int') return value;
  const number = value === null ? 0 : typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < INT_MIN || number > INT_MAX) throw badArgument(index, 'a 32-bit integer');
  return number;
}

function badArgument(index: number, wanted: string): RpcError {
  return rpcError('ARGUMENT_TYPE', `argument ${index + 1} must be ${wanted}`, { metadata: { argument: `${index + 1}`, wanted } });
}
