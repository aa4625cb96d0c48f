import type { HealthReport } from '../common/lifecycle.js';
import { versionConflict } from './config-errors.js';
import type { ConfigLayer, KeyPath } from './config-layer.js';
import type { ConfigEntry, ConfigSource, ConfigWriteOptions } from './config-source.js';
import { kvLayer } from './kv-layer.js';
import { pathLayout } from './kv-layout.js';
import { kvText, parseKvValue } from './kv-value.js';

interface Stored {
  readonly value: Buffer;
  readonly version: bigint;
}

/**
 * A config centre in memory, for tests: what `memoryConfig` of several apps share. Values are kept as texts, as in any store.
 * @public
 */
export class MemoryConfigHub {
  /** @internal */ readonly rows = new Map<string, Stored>();
  /** @internal */ revision = 0n;
  private readonly listeners = new Set<() => void>();

  /**
   * Puts a text under a key, as a person at the store would; undefined takes it out.
   * @param key a path of server.json with slashes: `Settings/pricing`; `''` is all of it
   */
  put(key: string, text: string | undefined): void {
    this.change([[key, text]]);
  }

  /** Several keys as one change. */
  change(entries: Iterable<readonly [key: string, text: string | undefined]>): void {
    this.revision++;
    for (const [key, text] of entries) {
      if (text === undefined) this.rows.delete(key);
      else this.rows.set(key, { value: Buffer.from(text), version: this.revision });
    }
    for (const listener of [...this.listeners]) listener();
  }

  /** @internal */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}

/**
 * The reference config centre: everything in this process. Keys are paths of server.json.
 * @public
 */
export function memoryConfig(hub: MemoryConfigHub = new MemoryConfigHub()): Required<Omit<ConfigSource, 'isOptional'>> {
  return new MemorySource(hub);
}

const PREFIX = 'memory';
const MAX_STATES = 4096;
const layout = pathLayout(PREFIX);

class MemorySource implements Required<Omit<ConfigSource, 'isOptional'>> {
  readonly name = 'memory config';
  private readonly closing = new AbortController();

  constructor(private readonly hub: MemoryConfigHub) {}

  async load(signal?: AbortSignal): Promise<ConfigLayer> {
    signal?.throwIfAborted();
    return this.layer();
  }

  /** Every change, however fast they follow each other: states are taken when they are made. */
  async *watch(signal: AbortSignal): AsyncGenerator<ConfigLayer, void, undefined> {
    const ended = AbortSignal.any([signal, this.closing.signal]);
    if (ended.aborted) return;
    const states = [this.layer()];
    let wake = (): void => {};
    const onChange = (): void => {
      // A watcher that is so far behind gets the newest state only.
      if (states.length >= MAX_STATES) states.length = 0;
      states.push(this.layer());
      wake();
    };
    const unsubscribe = this.hub.onChange(onChange);
    const onEnd = (): void => wake();
    ended.addEventListener('abort', onEnd, { once: true });
    try {
      for (;;) {
        while (states.length === 0 && !ended.aborted) await new Promise<void>((resolve) => (wake = resolve));
        if (ended.aborted) return;
        yield states.shift()!;
      }
    } finally {
      unsubscribe();
      ended.removeEventListener('abort', onEnd);
    }
  }

  health(): HealthReport {
    return { status: 'up' };
  }

  async read(path: KeyPath): Promise<ConfigEntry | undefined> {
    const key = keyOf(path);
    const stored = this.hub.rows.get(key);
    return stored && { value: parseKvValue(stored.value, `${this.name}: ${key}`).value, version: `${stored.version}` };
  }

  async write(path: KeyPath, value: unknown, { ifVersion, signal }: ConfigWriteOptions = {}): Promise<string> {
    signal?.throwIfAborted();
    const key = keyOf(path);
    const version = `${this.hub.rows.get(key)?.version ?? 0n}`;
    if (ifVersion !== undefined && ifVersion !== version) throw versionConflict(this.name, path, ifVersion);
    this.hub.put(key, value === undefined ? undefined : kvText(value));
    return `${this.hub.revision}`;
  }

  close(): void {
    this.closing.abort();
  }

  private layer(): ConfigLayer {
    const rows = [...this.hub.rows].map(([key, { value }]) => ({ key: key === '' ? PREFIX : `${PREFIX}/${key}`, value }));
    return kvLayer(this.name, rows, layout, this.hub.revision);
  }
}

function keyOf(path: KeyPath): string {
  return layout.keyOf(path).slice(PREFIX.length + 1);
}
