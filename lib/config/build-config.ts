import type { AppConfig, ModuleConfig, PluginConfig } from './app-config.js';
import { checkLayer } from './check-layer.js';
import { type ConfigLayer, formatPath, placeOf } from './config-layer.js';
import { Findings } from './findings.js';
import type { Launch } from './launch.js';
import { mergeAnthill, mergePlain } from './merge.js';
import { checkModuleEntries, groupsOf } from './module-groups.js';
import { objectAt, translateLayer, type Tree } from './mqant-keys.js';
import { deepFreeze, getOwn, type Plain, setOwn } from './plain.js';
import { maskTree } from './mask.js';
import { readRedis } from './redis-section.js';
import { Secrets } from './secrets.js';
import { anthillSpec } from './server-spec.js';
import { defaultsOf, type ObjectSpec } from './spec.js';

/** A config, and what is odd about it without keeping the app from starting. @public */
export interface LoadedConfig {
  readonly config: AppConfig;
  readonly warnings: readonly string[];
}

/**
 * From layers, the weakest first, to one snapshot: pure, so that a reload is a second call. `moduleTypes` are the types that classes have,
 * for environment variables to find (`ANTHILL_MODULES__WEB__...` for `web`).
 * @throws BootError with every mistake of every layer.
 */
export function buildConfig(launch: Launch, layers: readonly ConfigLayer[], moduleTypes: readonly string[] = []): LoadedConfig {
  const findings = new Findings();
  const config = assembleConfig(launch, layers, moduleTypes, findings);
  findings.throwIfAny();
  return { config, warnings: findings.warnings };
}

/** As `buildConfig`, but mistakes go to `findings`; with mistakes in them the result is of no use. */
export function assembleConfig(launch: Launch, layers: readonly ConfigLayer[], moduleTypes: readonly string[], findings: Findings): AppConfig {
  let merged: Tree = { settings: {}, anthill: defaults(moduleTypes) };
  let moduleLayers = 0;
  for (const layer of layers) {
    for (const mistake of layer.mistakes ?? []) findings.mistake(mistake);
    const tree = translateLayer(checkLayer(layer, findings), layer, launch.processId, findings);
    if (tree.module) {
      moduleLayers++;
      checkModuleEntries(tree.module, (path) => placeOf(layer, path), findings);
    }
    merged = mergeTrees(merged, tree, layer);
  }
  // Each layer may be right on its own and wrong together with another.
  if (moduleLayers > 1 && merged.module && findings.errors.length === 0) checkModuleEntries(merged.module, (path) => `all sources together: ${formatPath(path)}`, findings);
  return snapshot(launch, merged, findings);
}

function mergeTrees(base: Tree, over: Tree, layer: ConfigLayer): Tree {
  const options = { looseKeys: layer.texts ?? false };
  const module = base.module && over.module ? { ...base.module, ...over.module } : (over.module ?? base.module);
  return {
    settings: mergePlain(base.settings, over.settings, options),
    ...(module && { module }),
    anthill: mergeAnthill(base.anthill, over.anthill, options),
  };
}

/** Defaults of the description; the interval has none, because it follows the TTL. */
function defaults(moduleTypes: readonly string[]): Plain {
  const tree = defaultsOf(anthillSpec);
  delete objectAt(tree, 'registration').intervalMs;
  const modules: Plain = {};
  for (const type of moduleTypes) setOwn(modules, type, {});
  return { ...tree, modules };
}

const DEFAULT_INTERVAL_MS = (anthillSpec.keys.registration as ObjectSpec).keys.intervalMs!.default as number;

function snapshot(launch: Launch, tree: Tree, findings: Findings): AppConfig {
  const { modules: _modules, redis, rpc, registration: _registration, transport, registry, selector, configCentre, ...plain } = tree.anthill;
  const { maxConcurrent, ...calls } = rpc as Plain;
  const registration = timesOf('Anthill.registration', objectAt(tree.anthill, 'registration'), findings);
  const modules = modulesOf(tree, launch.processId, registration, findings);
  const groups = groupsOf(tree.module, launch.processId, findings);
  const none: ModuleConfig = deepFreeze({ settings: {}, metadata: {} });
  const secrets = new Secrets(launch.env ?? {}, launch.workDir);
  const config = {
    ...plain,
    processId: launch.processId,
    workDir: launch.workDir,
    ...(launch.configFile !== undefined && { configFile: launch.configFile }),
    logDir: launch.logDir,
    biDir: launch.biDir,
    settings: tree.settings,
    ...(groups && { groups }),
    moduleTypes: [...new Set([...Object.keys(tree.module ?? {}), ...mentioned(tree)])],
    moduleOf: (type: string) => modules.get(type) ?? none,
    runs: (type: string) => groups?.running.includes(type) ?? true,
    reveal: <T>(value: T, path: string): T => secrets.reveal(value, [path]),
    transport: pluginOf(transport as Plain),
    registry: pluginOf(registry as Plain),
    selector: pluginOf(selector as Plain),
    ...(configCentre !== undefined && { configCentre: pluginOf(configCentre as Plain) }),
    rpc: { ...calls, ...(maxConcurrent !== 0 && { maxConcurrent }) },
    health: healthOf(objectAt(tree.anthill, 'health')),
    registration,
    http: objectAt(tree.anthill, 'http'),
    redis: readRedis(redis as Plain | undefined, findings),
  };
  // The description vouches for the rest: checked key by key, defaults filled in.
  return deepFreeze(maskTree(config as unknown as AppConfig));
}

/** Saying where it listens is wanting it. */
function healthOf({ enabled, ...where }: Plain): Plain {
  return { ...where, enabled: enabled ?? Object.keys(where).length > 0 };
}

/** Module types that a layer has said something about. */
function mentioned(tree: Tree): string[] {
  return Object.entries(objectAt(tree.anthill, 'modules')).flatMap(([type, value]) => (Object.keys(value as Plain).length > 0 ? [type] : []));
}

function modulesOf(tree: Tree, processId: string, registration: Times, findings: Findings): ReadonlyMap<string, ModuleConfig> {
  const result = new Map<string, ModuleConfig>();
  for (const [type, value] of Object.entries(objectAt(tree.anthill, 'modules'))) {
    const { settings, metadata, ttlMs, intervalMs, registration: records, ...rest } = value as Plain;
    const entries = (tree.module && getOwn(tree.module, type)) as Plain[] | undefined;
    const id = entries?.find((entry) => entry.ProcessID === processId)?.Id as string | undefined;
    const hasTimes = ttlMs !== undefined || intervalMs !== undefined;
    const times = hasTimes && timesOf(`Anthill.modules.${type}`, { ttlMs: ttlMs ?? registration.ttlMs, intervalMs }, findings, registration.intervalMs);
    const written = Array.isArray(records) && { registration: (records as Plain[]).map(({ name, options }) => ({ ...(options as Plain), name: name as string })) };
    const plain = { ...rest, ...written, ...(id !== undefined && { id }), ...times, settings: (settings ?? {}) as Plain, metadata: (metadata ?? {}) as Record<string, string> };
    result.set(type, deepFreeze(maskTree(plain)));
  }
  return result;
}

type Times = AppConfig['registration'];

/** A node that renews no sooner than it expires would come and go for ever. */
function timesOf(place: string, given: Plain, findings: Findings, usualIntervalMs = DEFAULT_INTERVAL_MS): Times {
  const ttlMs = given.ttlMs as number;
  const intervalMs = (given.intervalMs as number | undefined) ?? Math.max(1, Math.min(usualIntervalMs, Math.floor(ttlMs / 2)));
  if (given.intervalMs !== undefined && intervalMs >= ttlMs) {
    findings.mistake(`${place}: intervalMs (${intervalMs}) must be less than ttlMs (${ttlMs}), or the node expires before it is renewed`);
  }
  return { ttlMs, intervalMs };
}

function pluginOf(tree: Plain): PluginConfig {
  return { name: tree.name as string, options: objectAt(tree, 'options') };
}
