/**
 * The words that describe a config file. One description drives validation, the JSON schema for editors and the test that keeps docs/config.md true.
 */
export type Spec = TextSpec | NumberSpec | BooleanSpec | ListSpec | PluginSpec | PluginsSpec | TextMapSpec | FreeSpec | ObjectSpec | MapSpec | ArraySpec;

interface Described {
  /** One sentence: what the key does. Shown by editors. */
  readonly doc: string;
  readonly default?: unknown;
  /** A key of mqant that nothing reads: accepted, and named once in a warning. */
  readonly unread?: true;
}

export interface TextSpec extends Described {
  readonly kind: 'text';
  readonly oneOf?: readonly string[];
  /** Source of a regular expression, and in `patternText` what it means. */
  readonly pattern?: string;
  readonly patternText?: string;
}

export interface NumberSpec extends Described {
  readonly kind: 'number';
  readonly integer: boolean;
  readonly min: number;
  readonly max: number;
}

export interface BooleanSpec extends Described {
  readonly kind: 'boolean';
}

/** A list of texts. */
export interface ListSpec extends Described {
  readonly kind: 'list';
}

/** A plug-in: its name, or an object with `name` and the options that the plug-in itself checks. */
export interface PluginSpec extends Described {
  readonly kind: 'plugin';
}

/** A {@link PluginSpec}, or a list of them: kept as a list. */
export interface PluginsSpec extends Described {
  readonly kind: 'plugins';
}

/** Free keys with short values, kept as texts: node metadata. */
export interface TextMapSpec extends Described {
  readonly kind: 'text-map';
}

/** An object that belongs to the user: kept as it is, key case included. */
export interface FreeSpec extends Described {
  readonly kind: 'free';
  /** Options of a library, whose keys are in camel case: variables may spell them in theirs. */
  readonly camel?: boolean;
}

/** Known keys, found in any case. */
export interface ObjectSpec extends Described {
  readonly kind: 'object';
  readonly keys: Readonly<Record<string, Spec>>;
  /** Keys besides the known ones are allowed, and nothing reads them (log engines of mqant). */
  readonly open?: true;
}

/** Free keys, all with values of one shape. `key` names the key in the docs. */
export interface MapSpec extends Described {
  readonly kind: 'map';
  readonly key: string;
  readonly value: Spec;
}

export interface ArraySpec extends Described {
  readonly kind: 'array';
  readonly item: ObjectSpec;
}

/** Reads on from "must be": what a value of this shape looks like. */
export function expectation(spec: Spec): string {
  switch (spec.kind) {
    case 'text':
      if (spec.oneOf) return `one of ${spec.oneOf.map((word) => `"${word}"`).join(', ')}`;
      return spec.patternText ?? 'a string';
    case 'number': {
      const noun = spec.integer ? 'an integer' : 'a number';
      return Number.isFinite(spec.max) ? `${noun} from ${spec.min} to ${spec.max}` : `${noun} of at least ${spec.min}`;
    }
    case 'boolean':
      return 'true or false';
    case 'list':
      return 'a list of strings';
    case 'plugin':
      return 'a name, or an object with a "name"';
    case 'plugins':
      return 'a name, an object with a "name", or a list of these';
    case 'array':
      return 'a list of objects';
    default:
      return 'an object';
  }
}

/** What an object of this shape holds before anybody says anything; names of maps have none. */
export function defaultsOf(spec: ObjectSpec): Record<string, unknown> {
  const tree: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(spec.keys)) {
    if (inner.kind === 'object') tree[key] = defaultsOf(inner);
    else if (inner.default !== undefined) tree[key] = inner.kind === 'plugin' ? { name: inner.default } : inner.default;
  }
  return tree;
}

/** Every key path of a description with its description, `Module.<type>[].Id` style, containers included. */
export function* specPaths(spec: Spec, prefix = ''): Generator<readonly [path: string, spec: Spec]> {
  if (prefix !== '') yield [prefix, spec];
  if (spec.kind === 'object') {
    for (const [key, value] of Object.entries(spec.keys)) yield* specPaths(value, prefix === '' ? key : `${prefix}.${key}`);
  } else if (spec.kind === 'map') {
    yield* specPaths(spec.value, `${prefix}.<${spec.key}>`);
  } else if (spec.kind === 'array') {
    for (const [key, value] of Object.entries(spec.item.keys)) yield* specPaths(value, `${prefix}[].${key}`);
  }
}
