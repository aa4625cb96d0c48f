import type { DiscoveryOptions } from '../common/discovery-options.js';
import type { GrpcSection } from './grpc-section.js';
import type { HttpSection } from './http-section.js';
import type { DatabaseSection } from './database-section.js';
import type { RedisSection } from './redis-section.js';

/** A plug-in by name, with options for it. @public */
export type PluginChoice = string | ({ name: string } & Record<string, unknown>);

/** What config can say about the node of one module. @public */
export interface NodeOptions {
  /** The part after `@` in the node's id. @default 16 random hex characters, new at each start */
  nodeId?: string;
  /** Overrides the version of `@RpcModule`. */
  version?: string;
  /** A node that stops renewing is gone after this many milliseconds. @default registration.ttlMs */
  ttlMs?: number;
  /** How often the registration is renewed, in milliseconds. @default registration.intervalMs, or half of ttlMs when that is less */
  intervalMs?: number;
  /** How the node is written into the registry, where that knows several ways (Consul: `mqant`, `grpc`, `hrpc`). @default as the registry does */
  registration?: PluginChoice | readonly PluginChoice[];
  /** Published with the node. */
  metadata?: Record<string, string | number | boolean>;
}

/**
 * The section `Anthill` of the config file, and what `create()` may override. docs/config.md lists defaults and effects.
 * @public
 */
export interface AnthillSection {
  processName?: string;
  /** hrpc's environment, such as `development` or `production`. Published as metadata `anthill.env`. */
  environment?: string;
  transport?: PluginChoice;
  registry?: PluginChoice;
  selector?: PluginChoice;
  /** Where this process is: published as metadata `zone` of its nodes, and preferred by `prefer-zone`. */
  zone?: string;
  /** How callers treat nodes, whatever the selector. */
  discovery?: DiscoveryOptions;
  codec?: string;
  /** Where the rest of the config is: named in file, environment or options, not in the centre itself. */
  configCentre?: PluginChoice;
  /** Read the file again when it changes. @default false */
  watchFile?: boolean;
  wires?: readonly string[];
  rpc?: { timeoutMs?: number; maxConcurrent?: number; queue?: number; log?: boolean };
  /** How others reach this process, for endpoints besides the transport (gRPC, health). */
  advertise?: { host?: string };
  /** The health server; off unless something is said here. */
  health?: { enabled?: boolean; port?: number; host?: string };
  registration?: { ttlMs?: number; intervalMs?: number };
  killWaitMs?: number;
  graceMs?: number;
  log?: { level?: LogLevel; format?: LogFormat };
  grpc?: GrpcSection;
  http?: HttpSection;
  databases?: Record<string, DatabaseSection>;
  /** By the name that `@InjectRedis(name)` asks for. */
  redis?: Record<string, RedisSection>;
  modules?: Record<string, NodeOptions & { settings?: Record<string, unknown> }>;
}

/** @public */
export type LogLevel = (typeof LOG_LEVELS)[number];
/** @public */
export type LogFormat = (typeof LOG_FORMATS)[number];

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export const LOG_FORMATS = ['text', 'json'] as const;
