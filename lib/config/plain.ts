/** A plain object of JSON, as layers are made of. */
export type Plain = Record<string, unknown>;

/** True for `{}` and objects without prototype; false for lists and class instances. */
export function isPlain(value: unknown): value is Plain {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Sets an own key of a plain object, `__proto__` included, which assignment, the fast way for all others, would take for the prototype. */
export function setOwn(target: object, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  else (target as Plain)[key] = value;
}

/** An own key's value; inherited names such as `constructor` are not there. */
export function getOwn(source: object, key: string): unknown {
  return Object.hasOwn(source, key) ? (source as Plain)[key] : undefined;
}

/** The key in its loosest form: environment names have neither case nor `-`. */
export function foldKey(key: string): string {
  return key.toLowerCase().replace(/[_-]/g, '');
}

/** Deeper nesting than any config needs: a cycle, or an attack on the stack. */
export const MAX_DEPTH = 100;

/**
 * A deep copy of plain data; other objects (class instances, functions) stay themselves. `leaf` may replace what is no container.
 * @throws RangeError beyond MAX_DEPTH.
 */
export function copyPlain(value: unknown, leaf: (value: unknown) => unknown = (same) => same, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw new RangeError(`nested deeper than ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) return value.map((inner) => copyPlain(inner, leaf, depth + 1));
  if (!isPlain(value)) return leaf(value);
  const copy: Plain = {};
  for (const [key, inner] of Object.entries(value)) setOwn(copy, key, copyPlain(inner, leaf, depth + 1));
  return copy;
}

/** Freezes plain data all the way down; class instances stay as they are. */
export function deepFreeze<T>(value: T): T {
  if (!Array.isArray(value) && !isPlain(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
