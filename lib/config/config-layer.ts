/** @plugin */
export type KeyPath = readonly (string | number)[];

/**
 * What one source of config says: a plain tree in the shape of server.json. Layers are merged, later ones win, and only the merged whole becomes a config.
 * @plugin
 */
export interface ConfigLayer {
  /** Shown in messages: the path of a file, the address of a config centre. */
  readonly name: string;
  readonly tree: unknown;
  /** Where a key stands, for messages: `file:line:column: key`. @default `<name>: <key path>` */
  readonly at?: (path: KeyPath) => string;
  /** Keys that stand twice in one object. */
  readonly duplicates?: readonly KeyPath[];
  /** All values are texts to be read as the type that is wanted, and keys have lost their case and `_`: environment variables. */
  readonly texts?: boolean;
  /** An unknown key is an error, not a warning: code, unlike files, is not shared with other versions and other frameworks. */
  readonly strict?: boolean;
  /** What could not be read at all, each with its place: such a layer is not taken. */
  readonly mistakes?: readonly string[];
  /** Grows with each change of the source. */
  readonly revision?: bigint;
}

/** `Module.web[0].Id`. */
export function formatPath(path: KeyPath): string {
  return path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? key : `${text}.${key}`), '');
}

/** The place of a key in a layer, for the beginning of a message. */
export function placeOf(layer: ConfigLayer, path: KeyPath): string {
  if (layer.at) return layer.at(path);
  return path.length === 0 ? layer.name : `${layer.name}: ${formatPath(path)}`;
}
