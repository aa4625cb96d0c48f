import type { HealthReport } from '../common/lifecycle.js';
import type { ConfigLayer, KeyPath } from './config-layer.js';

/** A key of a source, as it stands there. @public */
export interface ConfigEntry {
  readonly value: unknown;
  /** Changes with each write. Opaque, but `'0'` is that of a key that is not there. */
  readonly version: string;
}

/** @public */
export interface ConfigWriteOptions {
  /** Write only when the key still has this version; `'0'`: only when it is not there. @default whatever stands there is replaced */
  ifVersion?: string;
  signal?: AbortSignal;
}

/**
 * Makes layers: a file, a config centre. Between file and environment in precedence when passed to `create({ sources })`. Only `name` and `load` must
 * be there. Adapters of your own should pass `configSourceContract` of `anthill/testing`.
 * @plugin
 */
export interface ConfigSource {
  /** With the address, for messages; no credentials. */
  readonly name: string;
  /** Its absence at the start is no reason to stay down: the app starts with the other layers and takes this one in when it comes. @default false */
  readonly isOptional?: boolean;
  /** Reads everything once, within a bounded time. Rejects with a message that names the address and what to try; absent values are an empty tree. */
  load(signal?: AbortSignal): Promise<ConfigLayer>;
  /**
   * What stands there now, then again at each change, until `signal` aborts or the source is closed. Never a mix of two revisions. Goes on by itself
   * while the backend is away: backs off, then catches up; `health` says so meanwhile.
   */
  watch?(signal: AbortSignal): AsyncIterable<ConfigLayer>;
  /** Of its connection: why what it has may be old. */
  health?(): HealthReport;
  /** One key, with its version. Undefined when it is not there. */
  read?(path: KeyPath, signal?: AbortSignal): Promise<ConfigEntry | undefined>;
  /**
   * Writes one key, or takes it out when `value` is undefined. Resolves with its new version, by which `layer.revision` can be waited for.
   * @throws RpcError CONFIG_CONFLICT when `ifVersion` is not its version any more, CONFIG_UNAVAILABLE
   */
  write?(path: KeyPath, value: unknown, options?: ConfigWriteOptions): Promise<string>;
  /** Ends its watches and connections. */
  close?(): Promise<void> | void;
}
