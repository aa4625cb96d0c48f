import { nearest } from '../common/did-you-mean.js';
import { type ConfigLayer, formatPath, type KeyPath, placeOf } from './config-layer.js';
import { fromText } from './environment-text.js';
import type { Findings } from './findings.js';
import { copyPlain, foldKey, isPlain, type Plain, setOwn } from './plain.js';
import { show } from './redact.js';
import { serverSpec } from './server-spec.js';
import { expectation, type ObjectSpec, type Spec, specPaths } from './spec.js';

/**
 * Checks one layer against the description of server.json and gives it back in one shape: known keys in their own case, nulls left out,
 * plug-ins as `{ name, options }`. Mistakes and warnings go to `findings`; what is wrong is left out of the result.
 */
export function checkLayer(layer: ConfigLayer, findings: Findings): Plain {
  const check = new LayerCheck(layer, findings);
  const tree = check.value(serverSpec, layer.tree, []);
  check.tellDuplicates();
  check.tellUnread();
  return isPlain(tree) ? tree : {};
}

class LayerCheck {
  private readonly unread = new Set<string>();

  constructor(
    private readonly layer: ConfigLayer,
    private readonly findings: Findings,
  ) {}

  value(spec: Spec, given: unknown, path: KeyPath): unknown {
    if (given === null || given === undefined) return undefined;
    const raw = this.layer.texts ? fromText(spec, given) : given;
    switch (spec.kind) {
      case 'text':
        if (typeof raw !== 'string' || (spec.oneOf && !spec.oneOf.includes(raw)) || (spec.pattern && !new RegExp(spec.pattern).test(raw))) break;
        return raw;
      case 'number':
        if (typeof raw !== 'number' || !(raw >= spec.min && raw <= spec.max) || (spec.integer && !Number.isInteger(raw))) break;
        return raw;
      case 'boolean':
        if (typeof raw !== 'boolean') break;
        return raw;
      case 'list':
        if (!Array.isArray(raw) || raw.length === 0 || !raw.every((item) => typeof item === 'string' && item !== '')) break;
        return [...(raw as string[])];
      case 'plugin':
        return this.plugin(raw, path, raw !== given) ?? this.wrong(spec, given, path);
      case 'plugins': {
        const list: unknown[] = Array.isArray(raw) ? raw : [raw];
        const plugins = list.map((item, i) => this.plugin(item, [...path, i], raw !== given));
        if (list.length === 0 || plugins.includes(undefined)) break;
        return plugins;
      }
      case 'text-map':
        if (!isPlain(raw)) break;
        return this.entries(raw, (inner, key) => (isScalar(inner) ? String(inner) : this.wrong('a string, a number, true or false', inner, [...path, key])));
      case 'free':
        if (!isPlain(raw)) break;
        return this.layer.texts && raw === given && spec.camel ? camelKeys(this.copy(raw, path, false)) : this.copy(raw, path, raw !== given);
      case 'map':
        if (!isPlain(raw)) break;
        // Types of modules are found whatever their case, among those that classes have.
        return this.entries(this.layer.texts && raw === given && spec.key !== 'type' ? camelKeys(raw) : raw, (inner, key) => this.value(spec.value, inner, [...path, key]));
      case 'array':
        if (!Array.isArray(raw)) break;
        return raw.map((item: unknown, i) => this.value(spec.item, item, [...path, i]) ?? {});
      case 'object':
        if (!isPlain(raw)) break;
        return this.object(spec, raw, path);
    }
    return this.wrong(spec, given, path);
  }

  /** Known keys in any case; unknown ones get a "did you mean". */
  private object(spec: ObjectSpec, raw: Plain, path: KeyPath): Plain {
    const result: Plain = {};
    const writtenAs = new Map<string, string>();
    const known = Object.keys(spec.keys);
    const fold = this.layer.texts ? foldKey : (key: string) => key.toLowerCase();
    for (const [written, value] of Object.entries(raw)) {
      const at = [...path, written];
      const key = known.find((name) => name === written) ?? known.find((name) => fold(name) === fold(written));
      if (key === undefined) {
        this.unknown(spec, written, at);
        continue;
      }
      const before = writtenAs.get(key);
      if (before !== undefined) {
        this.findings.mistake(`${placeOf(this.layer, at)} is the same key as "${before}": key names count in any case, keep one of them`);
        continue;
      }
      writtenAs.set(key, written);
      const inner = spec.keys[key]!;
      if (inner.unread && !this.unread.has(unreadName(path))) this.unread.add(unreadName(at));
      const checked = this.value(inner, value, at);
      if (checked !== undefined) setOwn(result, key, checked);
    }
    return result;
  }

  private plugin(raw: unknown, path: KeyPath, isJson: boolean): Plain | undefined {
    if (typeof raw === 'string') return raw === '' ? undefined : { name: raw };
    if (!isPlain(raw)) return undefined;
    const { name, ...options } = this.copy(raw, path, isJson);
    // Environment variables may add an option to what a lower layer has named.
    if (name === undefined && this.layer.texts) return { options: isJson ? options : camelKeys(options) };
    return typeof name === 'string' && name !== '' ? { name, options } : undefined;
  }

  /** `isJson`: the texts in it have been read as JSON already. */
  private copy(raw: Plain, path: KeyPath, isJson: boolean): Plain {
    try {
      return copyPlain(raw, this.layer.texts && !isJson ? (leaf) => fromText(undefined, leaf) : undefined) as Plain;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.findings.mistake(`${placeOf(this.layer, path)} is ${error.message}: is there a cycle?`);
      return {};
    }
  }

  private entries(raw: Plain, each: (value: unknown, key: string) => unknown): Plain {
    const result: Plain = {};
    for (const [key, value] of Object.entries(raw)) {
      const checked = value === null ? undefined : each(value, key);
      if (checked !== undefined) setOwn(result, key, checked);
    }
    return result;
  }

  private wrong(expected: Spec | string, got: unknown, path: KeyPath): undefined {
    const noun = typeof expected === 'string' ? expected : expectation(expected);
    const wanted = this.layer.texts && noun === 'an object' ? 'an object as JSON (or put one key of it into the name, after "__")' : noun;
    this.findings.mistake(`${placeOf(this.layer, path)} must be ${wanted}, got ${show(got, path)}`);
    return undefined;
  }

  private unknown(spec: ObjectSpec, key: string, at: KeyPath): void {
    if (spec.open) return void this.unread.add(unreadName(at));
    if (spec === serverSpec && key === '$schema') return;
    // Kubernetes sets ANTHILL_PORT, ANTHILL_SERVICE_HOST and more for a service named "anthill".
    const isKubernetes = this.layer.texts === true && at.length <= 2 && /^(port|service)(_|$)/i.test(key);
    const meant = isKubernetes ? '' : this.layer.texts ? environmentHint(spec, key) : hint(spec, key);
    // A stranger's variable.
    if (this.layer.texts && meant === '' && at.length <= 2) return;
    const message = `${placeOf(this.layer, at)} is an unknown key${meant}`;
    if (this.layer.strict) this.findings.mistake(message);
    else this.findings.warn(`${message}; it has no effect`);
  }

  /** Twice the same key is a slip where we know the keys; inside the user's own objects the last one counts, as in Go. */
  tellDuplicates(): void {
    for (const path of this.layer.duplicates ?? []) {
      const place = `${placeOf(this.layer, path)} stands twice in the same object`;
      const isUsers = path.slice(0, -1).some((key, i) => typeof key === 'string' && (/^settings$/i.test(key) || (i === 0 && /^(log|bi|op|mqtt)$/i.test(key))));
      if (isUsers) this.findings.warn(`${place}; the last one counts`);
      else this.findings.mistake(`${place}: keep one of them`);
    }
  }

  tellUnread(): void {
    if (this.unread.size === 0) return;
    this.findings.warn(`${placeOf(this.layer, [])}: accepted because mqant has them, but nothing reads them yet: ${[...this.unread].join(', ')}`);
  }
}

/** `HOLD_MS` is `holdMs`: options of plug-ins, names of databases and of Redis clients are in camel case, and variables usually are not. */
function camelKeys(options: Plain): Plain {
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => [/[a-z]/.test(key) ? key : key.toLowerCase().replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()), value]),
  );
}

const isScalar = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value);

/** `Module.*.Host` once, however many modules have it. */
function unreadName(path: KeyPath): string {
  return path.some((key) => typeof key === 'number') ? `${path[0]}.*.${path.at(-1)}` : formatPath(path);
}

/** The nearest key of this object, else the same key where it does belong. */
function hint(spec: ObjectSpec, key: string): string {
  const near = nearest(key, Object.keys(spec.keys));
  if (near !== undefined) return ` (did you mean "${near}"?)`;
  const elsewhere = placeElsewhere(key, (text) => text.toLowerCase());
  return elsewhere === undefined ? '' : ` here (did you mean "${elsewhere}"?)`;
}

/** The same in the spelling of variables. */
function environmentHint(spec: ObjectSpec, key: string): string {
  const spell = (text: string) => text.replace(/[A-Z]/g, '_$&').toUpperCase();
  const near = nearest(foldKey(key), Object.keys(spec.keys));
  if (near !== undefined) return ` (did you mean ${spell(near)}?)`;
  const elsewhere = placeElsewhere(key, foldKey);
  if (!elsewhere?.startsWith('Anthill.') || elsewhere.includes('<')) return '';
  return ` (did you mean ANTHILL_${elsewhere.split('.').slice(1).map(spell).join('__')}?)`;
}

function placeElsewhere(key: string, fold: (text: string) => string): string | undefined {
  for (const [path, spec] of specPaths(serverSpec)) {
    if (!spec.unread && fold(path.split('.').at(-1)!) === fold(key)) return path;
  }
  return undefined;
}
