import { copyPlain, foldKey, getOwn, isPlain, type Plain, setOwn } from './plain.js';

/** How two trees are merged. */
export interface MergeOptions {
  /** Free keys (module types, settings) find the existing key that differs only in case, `_` and `-`: environment variables cannot spell them. */
  readonly looseKeys?: boolean;
}

/** `over` on top of `base`, as a new tree: objects merge key by key, everything else (lists too) is replaced whole. */
export function mergePlain(base: Plain, over: Plain, options: MergeOptions = {}): Plain {
  const result: Plain = {};
  for (const [key, value] of Object.entries(base)) setOwn(result, key, value);
  for (const [written, value] of Object.entries(over)) {
    const key = options.looseKeys && !Object.hasOwn(base, written) ? (Object.keys(base).find((known) => foldKey(known) === foldKey(written)) ?? written) : written;
    const before = Object.hasOwn(result, key) ? result[key] : undefined;
    setOwn(result, key, isPlain(before) && isPlain(value) ? mergePlain(before, value, options) : copyPlain(value));
  }
  return result;
}

/** As `mergePlain`, into `base` itself, which is nobody else's: thousands of small trees one after the other. */
export function mergeInto(base: Plain, over: Plain): void {
  for (const [key, value] of Object.entries(over)) {
    const before = getOwn(base, key);
    if (isPlain(before) && isPlain(value)) mergeInto(before, value);
    else setOwn(base, key, copyPlain(value));
  }
}

const PLUGIN_KEYS = ['transport', 'registry', 'selector', 'configCentre'] as const;

/** As `mergePlain`, for the section `Anthill`: a plug-in of another name does not inherit the options of the one it replaces. */
export function mergeAnthill(base: Plain, over: Plain, options: MergeOptions = {}): Plain {
  const kept: Plain = { ...base };
  for (const key of PLUGIN_KEYS) {
    const [before, after] = [base[key], over[key]];
    if (isPlain(before) && isPlain(after) && after.name !== undefined && after.name !== before.name) delete kept[key];
  }
  return mergePlain(kept, over, options);
}
