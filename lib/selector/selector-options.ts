import { BootError } from '../common/boot-error.js';
import { didYouMean } from '../common/did-you-mean.js';

/**
 * Options come from config as well, where nobody checks types.
 * @param of whose they are, as the message begins
 * @throws BootError SELECTOR_OPTIONS for one that does not exist
 */
export function checkOptions(of: string, given: object, known: readonly string[]): void {
  for (const key of Object.keys(given)) {
    if (!known.includes(key)) throw wrongOption(of, `unknown option "${key}"${didYouMean(key, known)}; there are ${known.join(', ')}`);
  }
}

/** @throws BootError SELECTOR_OPTIONS */
export function numberOf(of: string, key: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !(value >= min && value <= max)) throw wrongOption(of, `${key} must be a number ${range(min, max)}, got ${String(value)}`);
  return value;
}

/** @throws BootError SELECTOR_OPTIONS */
export function integerOf(of: string, key: string, value: unknown, min: number, max = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(numberOf(of, key, value, min, max))) throw wrongOption(of, `${key} must be a whole number ${range(min, max)}, got ${String(value)}`);
  return value as number;
}

/** @throws BootError SELECTOR_OPTIONS */
export function textOf(of: string, key: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw wrongOption(of, `${key} must be a text, got ${String(value)}`);
  return value;
}

export function wrongOption(of: string, what: string): BootError {
  return new BootError('SELECTOR_OPTIONS', `${of}: ${what}`);
}

function range(min: number, max: number): string {
  return max >= Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
}
