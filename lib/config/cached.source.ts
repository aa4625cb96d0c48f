import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { BootError } from '../common/boot-error.js';
import type { HealthReport } from '../common/lifecycle.js';
import { messageOf } from '../common/message-of.js';
import type { ConfigLayer } from './config-layer.js';
import type { ConfigSource } from './config-source.js';
import { isPlain } from './plain.js';

/**
 * Keeps what a source said last in a file, and starts from it when the source is away. The file can be read by its owner only: what stands in the centre in clear
 * stands there, too.
 */
export function withCache(source: ConfigSource, cacheFile: string | undefined): ConfigSource {
  return cacheFile === undefined ? source : new CachedSource(source, resolve(cacheFile));
}

interface Copy {
  readonly source: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly tree: unknown;
}

class CachedSource implements ConfigSource {
  readonly name: string;
  readonly isOptional: boolean;
  readonly watch?: NonNullable<ConfigSource['watch']>;
  readonly read?: NonNullable<ConfigSource['read']>;
  readonly write?: NonNullable<ConfigSource['write']>;
  /** Of the copy in use. */
  private trouble: string | undefined;
  private unsaved: string | undefined;

  constructor(
    private readonly source: ConfigSource,
    private readonly file: string,
  ) {
    this.name = source.name;
    this.isOptional = source.isOptional ?? false;
    // Only what the source can do.
    if (source.watch) this.watch = (signal) => this.watched(source.watch!(signal));
    if (source.read) this.read = source.read.bind(source);
    if (source.write) this.write = source.write.bind(source);
  }

  async load(signal?: AbortSignal): Promise<ConfigLayer> {
    try {
      const layer = await this.source.load(signal);
      this.keep(layer);
      return layer;
    } catch (error) {
      const copy = error instanceof BootError ? undefined : this.copy();
      if (copy === undefined) throw error;
      const from = `its copy of ${new Date(copy.at).toISOString()}`;
      this.trouble = `${messageOf(error)}; ${from} is in use`;
      return { name: `${this.name} (${from}, ${this.file})`, tree: copy.tree };
    }
  }

  health(): HealthReport {
    const report = this.source.health?.() ?? { status: 'up' };
    if (report.status === 'down') return report;
    const detail = this.trouble ?? this.unsaved;
    return detail === undefined ? report : { status: 'down', detail };
  }

  async close(): Promise<void> {
    await this.source.close?.();
  }

  private async *watched(layers: AsyncIterable<ConfigLayer>): AsyncGenerator<ConfigLayer, void, undefined> {
    for await (const layer of layers) {
      this.keep(layer);
      yield layer;
    }
  }

  private keep({ tree, mistakes }: ConfigLayer): void {
    this.trouble = undefined;
    if (mistakes !== undefined) return;
    try {
      mkdirSync(dirname(this.file), { recursive: true });
      const copy: Copy = { source: this.name, at: Date.now(), tree };
      // Whole or not at all, whenever the process ends.
      writeFileSync(`${this.file}.new`, JSON.stringify(copy), { mode: 0o600 });
      renameSync(`${this.file}.new`, this.file);
      this.unsaved = undefined;
    } catch (error) {
      this.unsaved = `its copy ${this.file} cannot be written: ${messageOf(error)}`;
    }
  }

  /** Of the same source only: another address is another config. */
  private copy(): Copy | undefined {
    try {
      const copy = JSON.parse(readFileSync(this.file, 'utf8')) as unknown;
      return isPlain(copy) && copy['source'] === this.name && typeof copy['at'] === 'number' ? (copy as unknown as Copy) : undefined;
    } catch {
      return undefined;
    }
  }
}
