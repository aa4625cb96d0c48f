import type { ConfigLayer } from './config-layer.js';
import type { LaunchValues } from './flags.js';
import { foldKey, type Plain, setOwn } from './plain.js';

const PREFIX = 'ANTHILL_';

const LAUNCH_KEYS: ReadonlyMap<string, keyof LaunchValues> = new Map(
  (['workDir', 'configFile', 'processId', 'logDir', 'biDir'] as const).map((key) => [foldKey(key), key]),
);

/** Short names for what containers set most often. They also choose the plug-in. */
const SHORT: ReadonlyMap<string, (value: string) => Plain> = new Map<string, (value: string) => Plain>([
  ['natsurl', (value) => ({ transport: { name: 'nats', servers: value.split(',').map((url) => url.trim()) } })],
  ['redisurl', (value) => ({ redis: { default: { url: value } } })],
  ['consuladdr', (value) => ({ registry: { name: 'consul', addr: value } })],
  ['etcdendpoints', (value) => ({ registry: { name: 'etcd', endpoints: value } })],
]);

/** What Kubernetes tells every container of a Service that is named anthill. */
const OF_KUBERNETES = /^ANTHILL_(?:PORT|PORT_\d+_.*|SERVICE_.*)$/i;

/**
 * Reads `ANTHILL_...` variables: the path of a key in the section `Anthill` (or `SETTINGS`), with `__` between levels, in any case, words
 * with or without `_`. Each becomes a layer of its own, so that messages name the variable. Empty values are not given.
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): { launch: LaunchValues; layers: ConfigLayer[] } {
  const launch: LaunchValues = {};
  const short: ConfigLayer[] = [];
  const long: { depth: number; layer: ConfigLayer }[] = [];
  for (const name of Object.keys(env).sort()) {
    const value = env[name];
    if (!name.toUpperCase().startsWith(PREFIX) || value === undefined || value === '' || OF_KUBERNETES.test(name)) continue;
    const segments = name.slice(PREFIX.length).split('__');
    const first = foldKey(segments[0]!);
    const launchKey = segments.length === 1 ? LAUNCH_KEYS.get(first) : undefined;
    const shortTree = segments.length === 1 ? SHORT.get(first) : undefined;
    if (launchKey) launch[launchKey] = value;
    else if (shortTree) short.push(layerOf(name, { Anthill: shortTree(value) }));
    else long.push({ depth: segments.length, layer: layerOf(name, first === 'settings' ? nest(['Settings', ...segments.slice(1)], value) : nest(['Anthill', ...segments], value)) });
  }
  // A whole object first, then single keys of it; both after the short names, which are the vaguest.
  long.sort((a, b) => a.depth - b.depth);
  return { launch, layers: [...short, ...long.map((each) => each.layer)] };
}

function layerOf(name: string, tree: Plain): ConfigLayer {
  return { name, tree, texts: true, at: () => `environment variable ${name}` };
}

function nest(path: readonly string[], value: string): Plain {
  let tree: unknown = value;
  for (const key of path.toReversed()) {
    const parent: Plain = {};
    setOwn(parent, key, tree);
    tree = parent;
  }
  return tree as Plain;
}
