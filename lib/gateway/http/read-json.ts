import { badRequest } from './http-failure.js';

/** Deeper values would overflow the stack of whoever walks them. */
const MAX_DEPTH = 100;
const SUSPICIOUS = /proto|constructor|\\u/;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * JSON of a stranger: in UTF-8, of bounded depth, without keys that reach for prototypes where values are merged.
 * @param where for messages: `the body`
 * @throws HttpFailure
 */
export function readJson(given: Uint8Array | string, where: string): unknown {
  let text: string;
  let value: unknown;
  try {
    text = typeof given === 'string' ? given : utf8.decode(given);
    value = JSON.parse(text);
  } catch (error) {
    throw badRequest('JSON_MALFORMED', `${where} is no JSON: ${error instanceof SyntaxError ? error.message : 'it is not in UTF-8'}`);
  }
  // A short text without such words can be neither deep nor harmful.
  if (text.length > 2 * MAX_DEPTH || SUSPICIOUS.test(text)) check(value, where);
  return value;
}

/** Is it a key that would change what an object is, once it is assigned to one? */
export function isPrototypeKey(key: string): boolean {
  return key === '__proto__';
}

function check(root: unknown, where: string): void {
  let level: object[] = isObject(root) ? [root] : [];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === MAX_DEPTH) throw badRequest('JSON_REFUSED', `${where} is nested deeper than ${MAX_DEPTH} levels`);
    const next: object[] = [];
    for (const object of level) {
      for (const [key, value] of Object.entries(object)) {
        if (isPrototypeKey(key) || (key === 'constructor' && isObject(value) && Object.hasOwn(value, 'prototype'))) {
          throw badRequest('JSON_REFUSED', `${where} has a key '${key}' that reaches for a prototype`);
        }
        if (isObject(value)) next.push(value);
      }
    }
    level = next;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
