import { inspect, type InspectOptions } from 'node:util';
import { isPlain, type Plain, setOwn } from './plain.js';
import { isSecretKey, MASK, redactText } from './redact.js';
import { isSecretRef } from './secret-ref.js';

/**
 * Makes a tree safe to print: `JSON.stringify` and `util.inspect` of it, or of any part of it, show `***` where secrets stand. What reads the keys
 * gets the values. Changes the objects of the tree, before they are frozen.
 * @param secrets values that are secret wherever they stand
 */
export function maskTree<T>(tree: T, secrets: ReadonlySet<string> = new Set()): T {
  maskObject(tree, secrets, false, new Set());
  return tree;
}

function maskObject(value: unknown, secrets: ReadonlySet<string>, below: boolean, seen: Set<object>): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  const entries = Object.entries(value);
  for (const [key, inner] of entries) maskObject(inner, secrets, below || isSecretKey(key), seen);
  const hidden = entries.some(([key, inner]) => printed(inner, below || isSecretKey(key), secrets) !== inner);
  if (!hidden || !Object.isExtensible(value)) return;
  const shown = (): unknown => printable(value, secrets, below);
  Object.defineProperty(value, 'toJSON', { value: shown });
  Object.defineProperty(value, inspect.custom, { value: (depth: number, options: InspectOptions) => inspect(shown(), { ...options, depth }) });
}

/** A copy with masks in place of secrets; what is below is masked by itself. */
function printable(value: object, secrets: ReadonlySet<string>, below: boolean): unknown {
  if (Array.isArray(value)) return value.map((inner: unknown) => printed(inner, below, secrets));
  const copy: Plain = {};
  for (const [key, inner] of Object.entries(value)) setOwn(copy, key, printed(inner, below || isSecretKey(key), secrets));
  return isPlain(value) ? copy : Object.assign(Object.create(Object.getPrototypeOf(value) as object) as object, copy);
}

function printed(leaf: unknown, isSecret: boolean, secrets: ReadonlySet<string>): unknown {
  if (typeof leaf === 'object' || leaf === undefined || typeof leaf === 'boolean' || typeof leaf === 'function') return leaf;
  if (typeof leaf !== 'string') return isSecret ? MASK : leaf;
  // Where a secret comes from is no secret.
  if (leaf === '' || isSecretRef(leaf)) return leaf;
  return isSecret || secrets.has(leaf) ? MASK : redactText(leaf);
}
