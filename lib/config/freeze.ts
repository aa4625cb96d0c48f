/**
 * Freezes what a schema gave, all the way down, instances of classes too. What only looks frozen when it is (Date, Map, Set, buffers) stays as it is.
 */
export function freezeDeep<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (!Array.isArray(value) && Object.prototype.toString.call(value) !== '[object Object]') return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) freezeDeep(inner);
  return value;
}
