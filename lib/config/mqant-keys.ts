import type { ConfigLayer } from './config-layer.js';
import { placeOf } from './config-layer.js';
import type { Findings } from './findings.js';
import { mergeAnthill, mergePlain } from './merge.js';
import { getOwn, isPlain, type Plain, setOwn } from './plain.js';

/** A checked layer in our own words: what mqant's keys mean has moved into the section `Anthill`. */
export interface Tree {
  readonly settings: Plain;
  /** Undefined: the layer says nothing of process groups. */
  readonly module?: Plain;
  readonly anthill: Plain;
}

/**
 * Translates mqant's keys. Within one layer the section `Anthill` wins over `Rpc` and `Log`, and the entry of a module in this process
 * group wins over `Anthill.modules`.
 */
export function translateLayer(checked: Plain, layer: ConfigLayer, processId: string, findings: Findings): Tree {
  const rpc = objectAt(checked, 'Rpc');
  if (Object.hasOwn(rpc, 'LogSuccess')) findings.warn(`${placeOf(layer, ['Rpc', 'LogSuccess'])} is read as Rpc.Log: mqant never had this key, its tutorial does`);
  const log = rpc.Log ?? rpc.LogSuccess;
  const expired = rpc.RpcExpired as number | undefined;
  const contentType = objectAt(checked, 'Log').contenttype as string | undefined;
  const below: Plain = {
    rpc: {
      ...(expired && { timeoutMs: Math.max(1, Math.round(expired * 1000)) }),
      ...(rpc.MaxCoroutine !== undefined && { maxConcurrent: rpc.MaxCoroutine }),
      ...(log !== undefined && { log }),
    },
    log: contentType === undefined ? {} : { format: contentType === 'application/json' ? 'json' : 'text' },
  };
  const module = checked.Module as Plain | undefined;
  const section = mergeAnthill(below, objectAt(checked, 'Anthill'));
  return { settings: objectAt(checked, 'Settings'), ...(module && { module }), anthill: mergePlain(section, { modules: entriesOf(module ?? {}, processId) }) };
}

/** What the entries of this process group say, per module type. */
function entriesOf(module: Plain, processId: string): Plain {
  const result: Plain = {};
  for (const [type, list] of Object.entries(module)) {
    const entry = (list as Plain[]).find((each) => each.ProcessID === processId);
    if (entry) setOwn(result, type, { ...objectAt(entry, 'Anthill'), settings: objectAt(entry, 'Settings') });
  }
  return result;
}

/** The object under a key, or an empty one. */
export function objectAt(tree: Plain, key: string): Plain {
  const value = getOwn(tree, key);
  return isPlain(value) ? value : {};
}
