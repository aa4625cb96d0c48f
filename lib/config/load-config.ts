import { BootError } from '../common/boot-error.js';
import { messageOf } from '../common/message-of.js';
import type { AnthillSection } from './anthill-section.js';
import type { AppConfig } from './app-config.js';
import { assembleConfig, type LoadedConfig } from './build-config.js';
import { type ConfigLayer, formatPath } from './config-layer.js';
import type { ConfigSource } from './config-source.js';
import { readEnvironment } from './environment.source.js';
import { readConfigFile } from './file.source.js';
import { Findings } from './findings.js';
import { parseFlags } from './flags.js';
import { type Launch, type LaunchOptions, resolveLaunch } from './launch.js';
import type { Plain } from './plain.js';
import { checkPluginNames, type PluginNames } from './plugin-names.js';

/** What code decides; wins over every other layer. @public */
export interface ConfigOverrides extends AnthillSection {
  /** Merged into the settings of the application. */
  settings?: Record<string, unknown>;
}

/** @public */
export interface LoadConfigOptions extends LaunchOptions {
  /** Read mqant's flags from `argv`. @default true */
  flags?: boolean;
  /** @default process.argv without node and script */
  argv?: readonly string[];
  /** `{}` reads nothing. @default process.env */
  env?: Readonly<Record<string, string | undefined>>;
  /** What a relative `workDir` counts from. @default process.cwd() */
  cwd?: string;
  /** Config centres, the weakest first. */
  sources?: readonly ConfigSource[];
  overrides?: ConfigOverrides;
  /** Module types that classes have; environment variables find them whatever their case. */
  moduleTypes?: readonly string[];
  /** Plug-ins that exist; a name besides them is a mistake. @default names are not looked at */
  plugins?: PluginNames;
  signal?: AbortSignal;
}

/**
 * Reads, merges and validates: defaults < file < sources < environment < flags and options. Call it again to reload: the old snapshot stays as it is.
 * @throws BootError with every mistake, each with its place.
 */
export async function loadConfig(options: LoadConfigOptions = {}): Promise<LoadedConfig> {
  const findings = new Findings();
  const base = readBase(options, findings);
  const sources = await loadSources(options.sources ?? [], findings, options.signal);
  const config = composeConfig(base, [...base.file, ...sources], options, findings);
  findings.throwIfAny();
  return { config, warnings: findings.warnings };
}

/** What is read at once, and does not change while the process lives, but for the file. */
export interface ConfigBase {
  readonly launch: Launch;
  /** The file, when there is one. */
  readonly file: readonly ConfigLayer[];
  /** Environment and options. */
  readonly above: readonly ConfigLayer[];
}

/** Reads flags, environment and the file; mistakes go to `findings`. */
export function readBase(options: LoadConfigOptions, findings: Findings): ConfigBase {
  const flags = options.flags === false ? undefined : findings.attempt(() => parseFlags(options.argv ?? process.argv.slice(2)));
  for (const warning of flags?.warnings ?? []) findings.warn(warning);
  const env = options.env ?? process.env;
  const environment = readEnvironment(env);
  const named = { ...resolveLaunch(options, flags?.values ?? {}, environment.launch, options.cwd ?? process.cwd(), findings), env };
  const file = findings.attempt(() => readFile(named, findings));
  return {
    launch: file ? named : withoutFile(named),
    file: file ? [file] : [],
    above: [...environment.layers, ...(options.overrides ? [overridesLayer(options.overrides)] : [])],
  };
}

/** One config of all layers; with mistakes in `findings` the result is of no use. @param lower file and sources */
export function composeConfig({ launch, above }: ConfigBase, lower: readonly ConfigLayer[], options: LoadConfigOptions, findings: Findings): AppConfig {
  const config = assembleConfig(launch, [...lower, ...above], options.moduleTypes ?? [], findings);
  if (options.plugins) findings.errors.push(...checkPluginNames(config, options.plugins));
  return config;
}

function readFile(launch: Launch, findings: Findings): ConfigLayer | undefined {
  if (launch.configFile === undefined) return undefined;
  const file = readConfigFile(launch.configFile);
  if (!file && launch.isConfigFileNamed) {
    throw new BootError('CONFIG_FILE_MISSING', `the config file ${launch.configFile} does not exist (flag -conf, option configFile; relative paths count from the work directory)`);
  }
  for (const warning of file?.warnings ?? []) findings.warn(warning);
  return file?.layer;
}

function withoutFile(launch: Launch): Launch {
  const { configFile: _configFile, ...rest } = launch;
  return rest;
}

async function loadSources(sources: readonly ConfigSource[], findings: Findings, signal: AbortSignal | undefined): Promise<ConfigLayer[]> {
  const results = await Promise.allSettled(sources.map((source) => source.load(signal)));
  return results.flatMap((result, i) => {
    if (result.status === 'fulfilled') return [result.value];
    findings.errors.push(sourceFailed(sources[i]!, result.reason));
    return [];
  });
}

export function sourceFailed({ name }: ConfigSource, reason: unknown): BootError {
  // A missing package says it best itself.
  return reason instanceof BootError ? reason : new BootError('CONFIG_SOURCE_FAILED', `config source ${messageOf(reason).startsWith(name) ? '' : `${name}: `}${messageOf(reason)}`, { cause: reason });
}

/** Options have the shape of the section `Anthill`, with the settings of the application beside. */
function overridesLayer({ settings, ...anthill }: ConfigOverrides): ConfigLayer {
  const tree: Plain = { Settings: settings, Anthill: anthill };
  return { name: 'options', tree, strict: true, at: (path) => `option ${formatPath(path[0] === 'Settings' ? ['settings', ...path.slice(1)] : path.slice(1))}` };
}
