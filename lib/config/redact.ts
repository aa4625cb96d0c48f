const SECRET_KEY = /pass(word|wd|phrase)|pass$|pwd|token|secret|credential|(api|private|access)[-_]?key/i;

/** True when a key of this name holds something that must not be shown. */
export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key);
}

/** A config value for a message: short, `***` under secret keys, addresses without their password. */
export function show(value: unknown, path: readonly (string | number)[]): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'an object';
  if (path.some((key) => typeof key === 'string' && isSecretKey(key))) return '***';
  if (typeof value !== 'string') return `${String(value)} (${typeof value})`;
  const shown = value.replace(/(:\/\/)\S*@/g, '$1***@').replace(/([?&][^=&\s]*(?:token|secret|pass|key)[^=&\s]*=)[^&\s]*/gi, '$1***');
  return `${JSON.stringify(shown.length > 60 ? `${shown.slice(0, 57)}...` : shown)} (string)`;
}
