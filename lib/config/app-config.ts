import type { DiscoveryOptions } from '../common/discovery-options.js';
import type { DatabaseSection } from './database-section.js';
import type { LogFormat, LogLevel } from './anthill-section.js';
import type { GrpcSection } from './grpc-section.js';
import type { HttpSection } from './http-section.js';
import type { RedisConfig } from './redis-section.js';

/** A plug-in that config has chosen. @public */
export interface PluginConfig {
  readonly name: string;
  /** Checked by the plug-in, not by config. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** What config says of one module type in this process. @public */
export interface ModuleConfig {
  /** mqant's `Id` of the entry of this process group. */
  readonly id?: string;
  /** The module's settings, key case kept; `{}` when there are none. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly nodeId?: string;
  readonly version?: string;
  /** Both are there, or neither: then decorators and `registration` decide. */
  readonly ttlMs?: number;
  readonly intervalMs?: number;
  /** Names with options. */
  readonly registration?: readonly ({ readonly name: string } & Readonly<Record<string, unknown>>)[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Which module types run where. @public */
export interface ProcessGroups {
  /** Types with an entry for this process group, in the order of the file. */
  readonly running: readonly string[];
  /** Types with entries for other groups only. */
  readonly others: readonly { readonly type: string; readonly processIds: readonly string[] }[];
}

/**
 * Everything config has decided for this process: one deeply frozen snapshot. A reload makes a new one.
 * @public
 */
export interface AppConfig {
  /** The process group, mqant's ProcessID. */
  readonly processId: string;
  readonly processName?: string;
  readonly environment?: string;
  /** Absolute, as are the other paths. */
  readonly workDir: string;
  /** The file that was read. */
  readonly configFile?: string;
  readonly logDir: string;
  readonly biDir: string;
  /** Settings of the application, key case kept. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Undefined: there is no `Module` section, all modules run. */
  readonly groups?: ProcessGroups;
  /** Every module type that config mentions. */
  readonly moduleTypes: readonly string[];
  /** Config of one module type; an empty one for types that config does not mention. */
  moduleOf(type: string): ModuleConfig;
  /** Does this process run modules of this type? */
  runs(type: string): boolean;
  /**
   * A value of this config with `$env:NAME` and `$file:path` in it replaced by what they stand for, as late as possible. Objects that come back hide
   * their secrets when they are printed.
   * @param path where it stands, for messages: `Anthill.redis.default`
   * @throws BootError CONFIG_SECRET
   */
  reveal<T>(value: T, path: string): T;
  readonly transport: PluginConfig;
  readonly registry: PluginConfig;
  readonly selector: PluginConfig;
  readonly zone?: string;
  readonly discovery: DiscoveryOptions;
  readonly codec: string;
  readonly configCentre?: PluginConfig;
  readonly watchFile: boolean;
  /** Best first. */
  readonly wires: readonly string[];
  readonly rpc: {
    readonly timeoutMs: number;
    /** Handlers of one node that run at the same time; undefined: no limit. */
    readonly maxConcurrent?: number;
    readonly queue: number;
    readonly log: boolean;
  };
  readonly advertise: { readonly host?: string };
  /** Enabled when it was said so, or when a port or host was given. */
  readonly health: { readonly enabled: boolean; readonly port?: number; readonly host?: string };
  readonly registration: { readonly ttlMs: number; readonly intervalMs: number };
  /** By name; undefined: config declares none. */
  readonly databases?: Readonly<Record<string, DatabaseSection>>;
  readonly killWaitMs: number;
  readonly graceMs: number;
  /** By name. */
  readonly redis: Readonly<Record<string, RedisConfig>>;
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
  readonly grpc: Readonly<Required<GrpcSection>>;
  readonly http: Readonly<HttpSection>;
}
