import { EtcdRequestError, type EtcdClient } from '../backend/etcd/etcd.client.js';
import { ETCD_CONNECTION_KEYS, type EtcdConnection, type EtcdConnectionOptions, resolveEtcdConnection } from '../backend/etcd/etcd.connection.js';
import { followPrefix } from '../backend/etcd/etcd.follow.js';
import { openEtcdClient } from '../backend/etcd/etcd.open.js';
import { systemClock, systemRandom, type Clock, type RandomSource } from '../common/clock.js';
import type { HealthReport } from '../common/lifecycle.js';
import { messageOf } from '../common/message-of.js';
import { withCache } from './cached.source.js';
import { sourceUnavailable, versionConflict } from './config-errors.js';
import type { ConfigLayer, KeyPath } from './config-layer.js';
import type { ConfigEntry, ConfigSource, ConfigWriteOptions } from './config-source.js';
import { kvLayer } from './kv-layer.js';
import type { KvLayout } from './kv-layout.js';
import { KV_KEYS, type KvSourceOptions, resolveKvOptions } from './kv-options.js';
import { kvText, parseKvValue } from './kv-value.js';

/** @public */
export interface EtcdConfigOptions extends EtcdConnectionOptions, KvSourceOptions {
  /** For tests. @default the machine's */
  clock?: Clock;
  /** For tests. @default the machine's */
  random?: RandomSource;
}

/**
 * A config centre in etcd, watched: each revision is seen, those of one transaction as one. `create({ sources: [etcdConfig()] })`, or in a file
 * `"Anthill": { "configCentre": "etcd" }`. Needs the package `@grpc/grpc-js`.
 * @throws BootError ETCD_OPTIONS, CONFIG_INVALID
 * @public
 */
export function etcdConfig(options: EtcdConfigOptions = {}): ConfigSource {
  return withCache(new EtcdSource(options), options.cacheFile);
}

class EtcdSource implements ConfigSource {
  readonly name: string;
  readonly isOptional: boolean;
  private readonly layout: KvLayout;
  private readonly connection: EtcdConnection;
  private readonly clock: Clock;
  private readonly random: RandomSource;
  private readonly closing = new AbortController();
  private opened: Promise<EtcdClient> | undefined;
  /** Why what we have may be old. */
  private trouble: string | undefined;

  constructor(options: EtcdConfigOptions) {
    const { layout, isOptional } = resolveKvOptions('etcdConfig', options, [...ETCD_CONNECTION_KEYS, ...KV_KEYS, 'clock', 'random']);
    this.layout = layout;
    this.isOptional = isOptional;
    this.connection = resolveEtcdConnection(options);
    this.name = `etcd at ${this.connection.address}`;
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom;
  }

  async load(signal?: AbortSignal): Promise<ConfigLayer> {
    const { rows, revision } = await (await this.client()).range({ prefix: this.layout.prefix }, {}, signal);
    return kvLayer(this.name, rows, this.layout, revision);
  }

  async *watch(signal: AbortSignal): AsyncGenerator<ConfigLayer, void, undefined> {
    const ended = AbortSignal.any([signal, this.closing.signal]);
    const deps = {
      client: () => this.client(),
      clock: this.clock,
      random: this.random,
      succeeded: () => void (this.trouble = undefined),
      failed: (cause: unknown) => void (this.trouble = messageOf(cause)),
    };
    for await (const { rows, revision } of followPrefix(deps, this.layout.prefix, ended)) yield kvLayer(this.name, rows.values(), this.layout, revision);
  }

  health(): HealthReport {
    return this.trouble === undefined ? { status: 'up' } : { status: 'down', detail: this.trouble };
  }

  async read(path: KeyPath, signal?: AbortSignal): Promise<ConfigEntry | undefined> {
    const key = this.layout.keyOf(path);
    try {
      const [row] = (await (await this.client()).range(key, {}, signal)).rows;
      return row && { value: parseKvValue(row.value, `${this.name}: ${key}`).value, version: `${row.modRevision}` };
    } catch (cause) {
      throw cause instanceof EtcdRequestError ? sourceUnavailable(this.name, path, cause) : cause;
    }
  }

  async write(path: KeyPath, value: unknown, { ifVersion, signal }: ConfigWriteOptions = {}): Promise<string> {
    const key = this.layout.keyOf(path);
    const operation = value === undefined ? { delete: key } : { put: key, value: kvText(value) };
    const compare = ifVersion === undefined ? [] : [{ key, modRevision: BigInt(ifVersion) }];
    try {
      const { succeeded, revision } = await (await this.client()).txn({ compare, success: [operation] }, signal);
      if (succeeded) return value === undefined ? '0' : `${revision}`;
    } catch (cause) {
      throw cause instanceof EtcdRequestError ? sourceUnavailable(this.name, path, cause, cause.kind === 'unreachable') : cause;
    }
    throw versionConflict(this.name, path, ifVersion!);
  }

  async close(): Promise<void> {
    this.closing.abort();
    (await this.opened?.catch(() => undefined))?.close();
  }

  private client(): Promise<EtcdClient> {
    return (this.opened ??= openEtcdClient(this.connection));
  }
}
