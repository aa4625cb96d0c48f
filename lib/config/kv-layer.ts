import { BootError } from '../common/boot-error.js';
import { type ConfigLayer, formatPath, type KeyPath } from './config-layer.js';
import { type KvValue, parseKvValue } from './kv-value.js';
import type { KvLayout } from './kv-layout.js';
import { mergeInto } from './merge.js';
import { isPlain, type Plain, setOwn } from './plain.js';

/** A key of a store as it stands there. */
export interface KvRow {
  readonly key: string;
  readonly value: Uint8Array;
}

interface PlacedRow extends KvValue {
  readonly key: string;
  readonly path: KeyPath;
  readonly strength: number;
  readonly translated: boolean;
}

/**
 * One layer of all rows. Texts are parsed here; whether they make sense is the check's question.
 * @param name of the store, with its address
 */
export function kvLayer(name: string, rows: Iterable<KvRow>, layout: KvLayout, revision: bigint): ConfigLayer {
  const mistakes: string[] = [];
  const placed: PlacedRow[] = [];
  for (const { key, value } of rows) {
    const place = placeOfKey(key, layout);
    if (place === undefined) continue;
    try {
      const read = parseKvValue(value, `${name}: ${key}`);
      const { translate, path, strength = 0 } = place;
      placed.push({ ...read, ...(translate && { value: translate(read.value) }), key, path, strength, translated: translate !== undefined });
    } catch (error) {
      if (!(error instanceof BootError)) throw error;
      mistakes.push(error.message);
    }
  }
  // Weakest first: what is merged later wins.
  placed.sort((a, b) => a.strength - b.strength || a.path.length - b.path.length);
  const tree: Plain = {};
  for (const row of placed) {
    const nested = nest(row.path, row.value);
    if (isPlain(nested)) mergeInto(tree, nested);
    else mistakes.push(`${name}: ${row.key} must be an object, as server.json is`);
  }
  return { name, tree, revision, at: (path) => placeIn(name, placed, path), ...(mistakes.length > 0 && { mistakes }) };
}

function placeOfKey(key: string, layout: KvLayout): ReturnType<KvLayout['place']> {
  if (key === layout.prefix) return layout.place([]);
  // Consul's UI makes folders: keys that end with a slash.
  if (!key.startsWith(`${layout.prefix}/`) || key.endsWith('/')) return undefined;
  return layout.place(key.slice(layout.prefix.length + 1).split('/'));
}

function nest(path: KeyPath, value: unknown): unknown {
  let tree = value;
  for (const key of path.toReversed()) {
    const parent: Plain = {};
    setOwn(parent, String(key), tree);
    tree = parent;
  }
  return tree;
}

/** `consul at h:8500: app/Settings/pricing:3:5: discount`: the row that a path comes from, and where in it. */
function placeIn(name: string, rows: readonly PlacedRow[], path: KeyPath): string {
  const row = rows.findLast((each) => each.path.length <= path.length && each.path.every((key, i) => String(key).toLowerCase() === String(path[i]).toLowerCase()));
  if (row === undefined) return path.length === 0 ? name : `${name}: ${formatPath(path)}`;
  const rest = path.slice(row.path.length);
  const where = row.document === undefined || row.translated || rest.length === 0 ? '' : `:${row.document.locate(rest)}`;
  return `${name}: ${row.key}${where}${rest.length === 0 ? '' : `: ${formatPath(rest)}`}`;
}
