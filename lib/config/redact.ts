const SECRET_KEY = /pass(word|wd|phrase)|pass$|pwd|token|secret|credential|(api|private|access)[-_]?key/i;

/** What stands where a secret was. */
export const MASK = '***';

/** True when a key of this name holds something that must not be shown. */
export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key);
}

/** A text without passwords in addresses and tokens in queries. */
export function redactText(text: string): string {
  return text.replace(/(:\/\/)\S*@/g, `$1${MASK}@`).replace(/([?&][^=&\s]*(?:token|secret|pass|key)[^=&\s]*=)[^&\s]*/gi, `$1${MASK}`);
}

/** A config value for a message: short, `***` under secret keys, addresses without their password. */
export function show(value: unknown, path: readonly (string | number)[]): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'an object';
  if (path.some((key) => typeof key === 'string' && isSecretKey(key))) return MASK;
  if (typeof value !== 'string') return `${String(value)} (${typeof value})`;
  const shown = redactText(value);
  return `${JSON.stringify(shown.length > 60 ? `${shown.slice(0, 57)}...` : shown)} (string)`;
}
