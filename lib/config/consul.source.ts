import { ConsulRequestError } from '../backend/consul/consul.agents.js';
import { openConsulClient, type ConsulClient } from '../backend/consul/consul.client.js';
import { CONSUL_CONNECTION_KEYS, type ConsulConnection, type ConsulConnectionOptions, resolveConsulConnection } from '../backend/consul/consul.connection.js';
import { Backoff } from '../common/backoff.js';
import { sleep, systemClock, systemRandom, type Clock, type RandomSource } from '../common/clock.js';
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
export interface ConsulConfigOptions extends ConsulConnectionOptions, KvSourceOptions {
  /** How long Consul may hold a watch that has nothing new (a blocking query). Also the time in which a silently dead connection is noticed. @default 30000 */
  waitMs?: number;
  /** For tests. @default the machine's */
  clock?: Clock;
  /** For tests. @default the machine's */
  random?: RandomSource;
}

/** Least time between two questions of a watch that brought no news, or whose index was useless: it must not become hot. */
const IDLE_SPACING_MS = 1000;
/** The same when it brought news: a hundred changes a second are seen as fifty states. */
const NEWS_SPACING_MS = 20;

/**
 * A config centre in Consul's KV store, watched by blocking queries. `create({ sources: [consulConfig()] })`, or in a file `"Anthill": { "configCentre": "consul" }`.
 * Needs the package `consul`.
 * @throws BootError CONSUL_OPTIONS, CONFIG_INVALID
 * @public
 */
export function consulConfig(options: ConsulConfigOptions = {}): ConfigSource {
  return withCache(new ConsulSource(options), options.cacheFile);
}

class ConsulSource implements ConfigSource {
  readonly name: string;
  readonly isOptional: boolean;
  private readonly layout: KvLayout;
  private readonly connection: ConsulConnection;
  private readonly clock: Clock;
  private readonly random: RandomSource;
  private readonly waitMs: number;
  private readonly closing = new AbortController();
  private opened: Promise<ConsulClient> | undefined;
  /** Why what we have may be old. */
  private trouble: string | undefined;

  constructor(options: ConsulConfigOptions) {
    const { layout, isOptional } = resolveKvOptions('consulConfig', options, [...CONSUL_CONNECTION_KEYS, ...KV_KEYS, 'waitMs', 'clock', 'random'], { waitMs: IDLE_SPACING_MS });
    this.layout = layout;
    this.isOptional = isOptional;
    this.connection = resolveConsulConnection(options);
    this.name = `consul at ${this.connection.address}`;
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom;
    this.waitMs = options.waitMs ?? 30_000;
  }

  async load(signal?: AbortSignal): Promise<ConfigLayer> {
    const { index, rows } = await (await this.client()).keys(this.layout.prefix, undefined, signal);
    return kvLayer(this.name, rows, this.layout, index);
  }

  async *watch(signal: AbortSignal): AsyncGenerator<ConfigLayer, void, undefined> {
    const ended = AbortSignal.any([signal, this.closing.signal]);
    // After an outage back within five seconds.
    const backoff = new Backoff(this.clock, this.random, { baseMs: 2 * IDLE_SPACING_MS, maxMs: 4 * IDLE_SPACING_MS });
    let index = 0n;
    let last: string | undefined;
    while (!ended.aborted) {
      const startedAt = this.clock.now();
      let answer: Awaited<ReturnType<ConsulClient['keys']>>;
      try {
        answer = await (await this.client()).keys(this.layout.prefix, index > 0n ? { index, waitMs: this.waitMs } : undefined, ended);
      } catch (cause) {
        if (ended.aborted) return;
        this.trouble = messageOf(cause);
        index = 0n;
        await backoff.wait(ended);
        continue;
      }
      if (ended.aborted) return;
      this.trouble = undefined;
      backoff.reset();
      // Consul's own advice: start over when the index goes back; a useless one is never sent.
      const moved = answer.index > index;
      index = answer.index < index ? 0n : answer.index;
      const state = answer.rows.map(({ key, modifyIndex }) => `${key}\n${modifyIndex}`).join('\n');
      const news = state !== last;
      last = state;
      if (news) yield kvLayer(this.name, answer.rows, this.layout, answer.index);
      const rest = startedAt + (news && moved ? NEWS_SPACING_MS : IDLE_SPACING_MS) - this.clock.now();
      if (rest > 0) await sleep(this.clock, rest, ended);
    }
  }

  health(): HealthReport {
    return this.trouble === undefined ? { status: 'up' } : { status: 'down', detail: this.trouble };
  }

  async read(path: KeyPath, signal?: AbortSignal): Promise<ConfigEntry | undefined> {
    const key = this.layout.keyOf(path);
    try {
      const row = await (await this.client()).key(key, signal);
      return row && { value: parseKvValue(row.value, `${this.name}: ${key}`).value, version: `${row.modifyIndex}` };
    } catch (cause) {
      throw cause instanceof ConsulRequestError ? sourceUnavailable(this.name, path, cause) : cause;
    }
  }

  async write(path: KeyPath, value: unknown, { ifVersion, signal }: ConfigWriteOptions = {}): Promise<string> {
    const bytes = value === undefined ? undefined : Buffer.from(kvText(value));
    let index: bigint | undefined;
    try {
      index = await (await this.client()).writeKey(this.layout.keyOf(path), bytes, ifVersion === undefined ? undefined : BigInt(ifVersion), signal);
    } catch (cause) {
      throw cause instanceof ConsulRequestError ? sourceUnavailable(this.name, path, cause, cause.status === undefined) : cause;
    }
    if (index === undefined) throw versionConflict(this.name, path, ifVersion!);
    return `${index}`;
  }

  async close(): Promise<void> {
    this.closing.abort();
    (await this.opened?.catch(() => undefined))?.close();
  }

  private client(): Promise<ConsulClient> {
    return (this.opened ??= openConsulClient(this.connection));
  }
}
