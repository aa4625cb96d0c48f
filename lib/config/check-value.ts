import { BootError } from '../common/boot-error.js';
import { messageOf } from '../common/message-of.js';
import { isStandardSchema, type ConfigSchema, type StandardIssue, type StandardSchema } from '../common/standard-schema.js';
import { type ConfigLayer, formatPath, type KeyPath, placeOf } from './config-layer.js';
import { freezeDeep } from './freeze.js';
import { maskTree } from './mask.js';
import { foldKey, getOwn, isPlain } from './plain.js';
import { isSecretKey } from './redact.js';
import type { Secrets } from './secrets.js';

/** A value that is right, with all that must not be shown of it. */
export interface CheckedValue {
  readonly value: unknown;
  readonly secrets: ReadonlySet<string>;
}

/** What values are checked in. */
export interface CheckContext {
  readonly secrets: Secrets;
  /** Weakest first: the place of a mistake is that of the strongest that has the key. */
  readonly layers: readonly ConfigLayer[];
}

/** A class becomes a Standard Schema. @throws BootError CONFIG_SCHEMA, PEER_MISSING */
export async function schemaOf(schema: ConfigSchema | undefined, where: string): Promise<StandardSchema | undefined> {
  if (schema === undefined || isStandardSchema(schema)) return schema;
  if (typeof schema !== 'function') throw new BootError('CONFIG_SCHEMA', `${where}: the schema is ${String(schema)}; it wants a Standard Schema (zod, valibot, arktype, ...) or a class with decorators of class-validator`);
  return (await import('./class-validator/class-schema.js')).classSchema(schema as new () => object);
}

/**
 * Reads a value out of the settings, resolves the secrets in it, has it checked and freezes it.
 * @throws BootError CONFIG_INVALID with all issues, each with its place; CONFIG_SECRET
 */
export function checkValue(settings: unknown, path: KeyPath, schema: StandardSchema | undefined, context: CheckContext): CheckedValue | Promise<CheckedValue> {
  const found = new Set<string>();
  const raw = context.secrets.reveal(valueAt(settings, path), ['Settings', ...path], found);
  if (schema === undefined) return { value: freezeDeep(raw), secrets: found };
  const done = (result: Awaited<ReturnType<StandardSchema['~standard']['validate']>>): CheckedValue => {
    if (result.issues !== undefined) throw wrongValue(path, result.issues, found, context);
    return { value: freezeDeep(maskTree(result.value, found)), secrets: found };
  };
  const failed = (error: unknown): never => {
    if (error instanceof BootError) throw error;
    throw new BootError('CONFIG_SCHEMA', `the schema of ${formatPath(['Settings', ...path])} threw: ${without(messageOf(error), found)}`, { cause: error });
  };
  let result: ReturnType<StandardSchema['~standard']['validate']>;
  try {
    result = schema['~standard'].validate(raw);
  } catch (error) {
    return failed(error);
  }
  return result instanceof Promise ? result.then(done, failed) : done(result);
}

/** What stands at a path; keys as they are written, own ones only. */
export function valueAt(tree: unknown, path: KeyPath): unknown {
  let value = tree;
  for (const key of path) value = isPlain(value) ? getOwn(value, String(key)) : Array.isArray(value) ? (value as unknown[])[Number(key)] : undefined;
  return value;
}

function wrongValue(path: KeyPath, issues: readonly StandardIssue[], secrets: ReadonlySet<string>, { layers }: CheckContext): BootError {
  const lines = issues.map(({ message, path: below = [] }) => {
    const at: KeyPath = ['Settings', ...path, ...below.map((part) => (typeof part === 'object' ? part.key : part)).map((key) => (typeof key === 'number' ? key : String(key)))];
    return `${placeIn(layers, at)}: ${at.some((key) => typeof key === 'string' && isSecretKey(key)) ? 'is not as its schema wants it (what it says may show the secret)' : without(message, secrets)}`;
  });
  return new BootError('CONFIG_INVALID', lines.length === 1 ? lines[0]! : `${lines.length} mistakes below ${formatPath(['Settings', ...path])}:\n${lines.map((line) => `- ${line}`).join('\n')}`);
}

/** The place of a key in the strongest layer that has it; of its nearest parent when none does. */
function placeIn(layers: readonly ConfigLayer[], path: KeyPath): string {
  for (let length = path.length; length > 1; length--) {
    const at = path.slice(0, length);
    const layer = layers.findLast((each) => has(each, at));
    if (layer === undefined) continue;
    const missing = path.slice(length);
    return missing.length === 0 ? placeOf(layer, at) : `${placeOf(layer, at)} has no ${formatPath(missing)}`;
  }
  return `${formatPath(path)} (no source has it)`;
}

function has(layer: ConfigLayer, path: KeyPath): boolean {
  let value = layer.tree;
  for (const [depth, key] of path.entries()) {
    if (Array.isArray(value)) value = (value as unknown[])[Number(key)];
    else if (isPlain(value)) {
      const fold = layer.texts ? foldKey : depth === 0 ? (text: string) => text.toLowerCase() : (text: string) => text;
      const found = Object.keys(value).find((known) => fold(known) === fold(String(key)));
      value = found === undefined ? undefined : value[found];
    } else return false;
    if (value === undefined || value === null) return false;
  }
  return true;
}

function without(message: string, secrets: ReadonlySet<string>): string {
  let text = message;
  for (const secret of secrets) if (secret !== '') text = text.replaceAll(secret, '***');
  return text;
}
