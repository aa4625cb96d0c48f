/** Throws when a value is none of its type. `at` names the field. */
export type ScalarCheck = (value: unknown, at: string) => void;

/** @param names of an enum */
export function scalarCheck(type: string, names?: ReadonlySet<string>): ScalarCheck | undefined {
  if (type === 'TYPE_ENUM') return names && check(`one of ${[...names].slice(0, 20).join(', ')}`, (value) => (typeof value === 'string' ? names.has(value) : isWithin(value, INT32)));
  return CHECKS[type];
}

/** From, to. */
type Range = readonly [number, number];

const INT32: Range = [-(2 ** 31), 2 ** 31 - 1];
const UINT32: Range = [0, 2 ** 32 - 1];

const [int32, uint32, int64, uint64] = [
  check('an int32', (value) => isWithin(value, INT32)),
  check('a uint32', (value) => isWithin(value, UINT32)),
  check('an int64', (value) => isLong(value, true)),
  check('a uint64', (value) => isLong(value, false)),
];
const float = check('a number', isFloat);

/** Texts are left out: everything has one. */
const CHECKS: Readonly<Record<string, ScalarCheck>> = Object.freeze({
  TYPE_INT32: int32,
  TYPE_SINT32: int32,
  TYPE_SFIXED32: int32,
  TYPE_UINT32: uint32,
  TYPE_FIXED32: uint32,
  TYPE_INT64: int64,
  TYPE_SINT64: int64,
  TYPE_SFIXED64: int64,
  TYPE_UINT64: uint64,
  TYPE_FIXED64: uint64,
  TYPE_FLOAT: float,
  TYPE_DOUBLE: float,
  // Databases have 0 and 1.
  TYPE_BOOL: check('a boolean', (value) => typeof value === 'boolean' || value === 0 || value === 1),
  TYPE_BYTES: check('bytes or base64', (value) => typeof value === 'string' || (typeof value === 'object' && value !== null && typeof (value as { length?: unknown }).length === 'number')),
});

function check(what: string, isOne: (value: unknown) => boolean): ScalarCheck {
  return (value, at) => {
    if (!isOne(value)) throw new TypeError(`${at}: ${shown(value)} is not ${what}`);
  };
}

/** Numbers, bigints, and texts of either. */
function isWithin(value: unknown, [from, to]: Range): boolean {
  const number = typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : typeof value === 'string' && INTEGER.test(value) ? Number(value) : NaN;
  return Number.isInteger(number) && number >= from && number <= to;
}

const INTEGER = /^-?\d+$/;
/** Fewer digits than the largest 64-bit integers have. */
const SURELY_SHORT = 18;

function isLong(value: unknown, isSigned: boolean): boolean {
  switch (typeof value) {
    case 'string':
      if (!INTEGER.test(value)) return false;
      return value.length <= SURELY_SHORT ? isSigned || value[0] !== '-' : value.length <= 40 && fits(BigInt(value), isSigned);
    case 'number':
      return Number.isSafeInteger(value) ? isSigned || value >= 0 : Number.isInteger(value) && fits(BigInt(value), isSigned);
    case 'bigint':
      return fits(value, isSigned);
    case 'object':
      // `Long`
      return value !== null && typeof (value as { low?: unknown }).low === 'number' && typeof (value as { high?: unknown }).high === 'number';
    default:
      return false;
  }
}

function fits(value: bigint, isSigned: boolean): boolean {
  return (isSigned ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value)) === value;
}

/** NaN and the infinities are floats, and may be written as texts. */
function isFloat(value: unknown): boolean {
  if (typeof value === 'number' || typeof value === 'bigint') return true;
  return typeof value === 'string' && value.trim() !== '' && (value === 'NaN' || !Number.isNaN(Number(value)));
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : typeof value === 'object' && value !== null ? (Array.isArray(value) ? 'a list' : 'an object') : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
