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
  /** Published with the node. */
  metadata?: Record<string, string | number | boolean>;
}

/**
 * The section `Anthill` of the config file, and what `create()` may override. docs/config.md lists defaults and effects.
 * @public
 */
export interface AnthillSection {
  processName?: string;
  transport?: PluginChoice;
  registry?: PluginChoice;
  selector?: PluginChoice;
  codec?: string;
  wires?: readonly string[];
  rpc?: { timeoutMs?: number; maxConcurrent?: number; queue?: number; log?: boolean };
  /** How others reach this process, for endpoints besides the transport (gRPC, health). */
  advertise?: { host?: string };
  registration?: { ttlMs?: number; intervalMs?: number };
  killWaitMs?: number;
  graceMs?: number;
  log?: { level?: LogLevel; format?: LogFormat };
  grpc?: GrpcSection;
  modules?: Record<string, NodeOptions & { settings?: Record<string, unknown> }>;
}

/** The gRPC server of `anthill/grpc`. @public */
export interface GrpcSection {
  /** Address to listen on. */
  host?: string;
  /** 0: any free one. */
  port?: number;
  /** Paths, relative ones from the working directory, or PEM texts. Without `cert`: no TLS. With `ca`, clients may show certificates. */
  tls?: { cert?: string; key?: string; ca?: string; requireClientCert?: boolean };
  /** Largest request. */
  maxMessageBytes?: number;
  /** Calls of one connection at a time. */
  maxConcurrentStreams?: number;
  /** 0: no pings. */
  keepaliveMs?: number;
  keepaliveTimeoutMs?: number;
  /** 0: for ever. */
  maxConnectionAgeMs?: number;
  reflection?: boolean;
  /** Who may call `@Handler`s through `anthill.v1.Rpc`: nobody, anybody those that are `public`, or all of them. */
  generic?: 'off' | 'public' | 'all';
}

/** @public */
export type LogLevel = (typeof LOG_LEVELS)[number];
/** @public */
export type LogFormat = (typeof LOG_FORMATS)[number];

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export const LOG_FORMATS = ['text', 'json'] as const;
