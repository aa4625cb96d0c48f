import { Backoff } from '../common/backoff.js';
import { BootError } from '../common/boot-error.js';
import { systemClock, systemRandom, type Clock, type RandomSource } from '../common/clock.js';
import type { AppPart, HealthReport } from '../common/lifecycle.js';
import type { Logger } from '../common/logger.js';
import { messageOf } from '../common/message-of.js';
import type { AppConfig, PluginConfig } from './app-config.js';
import type { ConfigLayer } from './config-layer.js';
import type { ConfigSource } from './config-source.js';
import { ConfigState } from './config-state.js';
import { watchFile } from './file-watch.js';
import { Findings } from './findings.js';
import { type ConfigBase, composeConfig, type LoadConfigOptions, readBase, sourceFailed } from './load-config.js';
import type { SourceSlot } from './source-slot.js';

export interface LiveConfigOptions extends LoadConfigOptions {
  /** Makes the source that the config names (`Anthill.configCentre`). */
  readonly centre?: (choice: PluginConfig, environment: string | undefined) => ConfigSource | Promise<ConfigSource>;
  readonly clock?: Clock;
  readonly random?: RandomSource;
}

/** A source that has not answered by then is away. */
const LOAD_WAIT_MS = 10_000;

/**
 * The config of a process over time: reads the sources, follows those that can be followed, and brings what they say to the {@link ConfigState}.
 */
export class LiveConfig implements AppPart {
  readonly name = 'config';
  readonly phase = 'registry';
  readonly state: ConfigState;
  private readonly watching = new AbortController();
  private readonly clock: Clock;
  private readonly random: RandomSource;

  /** Reads everything once. @throws BootError with every mistake; then nothing is left open */
  static async open(options: LiveConfigOptions): Promise<LiveConfig> {
    const findings = new Findings();
    const base = readBase(options, findings);
    const live = new LiveConfig(options, [...(await centreOf(base, options)), ...(options.sources ?? [])]);
    await live.guard(() => live.begin(base, findings));
    return live;
  }

  private constructor(options: LiveConfigOptions, sources: readonly ConfigSource[]) {
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom;
    this.state = new ConfigState(options, sources);
  }

  /** As last read. */
  get config(): AppConfig {
    return this.state.config;
  }

  /** `work`; when it fails, nothing stays open. */
  async guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** More options have become known; the sources stay. @throws BootError with every mistake */
  async extend(options: LoadConfigOptions): Promise<void> {
    this.state.options = { ...this.state.options, ...options };
    await this.state.inTurn(() => this.state.takeFile());
  }

  /** The config decides how it is logged: the logger comes after it. */
  logTo(logger: Logger): void {
    this.state.logger = logger;
    for (const { name, missing } of this.state.slots) if (missing !== undefined) logger.warn(`config source ${missing.startsWith(name) ? '' : `${name}: `}${missing}; going on without it for now`);
  }

  /** Reads everything again that is not followed. @throws BootError, and then nothing has changed */
  reload(): Promise<AppConfig> {
    return this.state.inTurn(async () => {
      const changed = new Map<SourceSlot, ConfigLayer | undefined>();
      for (const slot of this.state.slots.filter(({ followed }) => !followed)) {
        try {
          changed.set(slot, await this.load(slot.source!));
          slot.missing = undefined;
        } catch (error) {
          if (slot.source!.isOptional && !(error instanceof BootError)) slot.missing = messageOf(error);
          else throw this.state.unreadable(slot, sourceFailed(slot.source!, error));
        }
      }
      await this.state.takeFile(changed);
      return this.config;
    });
  }

  /** Follows the sources that can be followed, and the file when the config says so. */
  start(): void {
    const { signal } = this.watching;
    for (const slot of this.state.slots) if (slot.source!.watch) void this.follow(slot, slot.source!.watch.bind(slot.source), signal);
    const { configFile, watchFile: isWatched } = this.config;
    if (!isWatched || configFile === undefined) return;
    void watchFile(configFile, this.clock, signal, () => this.state.inTurn(() => this.state.takeFile()).then(() => this.state.logger.info(`config changed: ${configFile}`), () => {}));
  }

  /** Shown where there is something to tell: a source, a watched file, a config that was refused. */
  get health(): (() => HealthReport) | undefined {
    return this.state.slots.length > 0 || this.config.watchFile || this.state.file.refused !== undefined || this.state.file.missing !== undefined ? () => this.report() : undefined;
  }

  /**
   * A config that could not be taken and a source that is away leave the app up: it serves with the last good config, and a fleet that all turned unready over one
   * typing error would be the greater harm. The detail says so.
   */
  private report(): HealthReport {
    const details = [this.state.file, ...this.state.slots].flatMap((slot) => {
      const { source, refused, missing, name } = slot;
      const report = source?.health?.();
      const away = missing ?? (report?.status === 'down' ? (report.detail ?? 'it is away') : undefined);
      return [...(refused === undefined ? [] : [`the last good config is in use: ${refused}`]), ...(away === undefined ? [] : [`what ${name} said last is in use: ${away}`])];
    });
    return details.length === 0 ? { status: 'up' } : { status: 'up', detail: details.join('; ') };
  }

  async stop(): Promise<void> {
    await this.close();
  }

  async close(): Promise<void> {
    this.watching.abort();
    await Promise.allSettled(this.state.slots.map(({ source }) => source?.close?.()));
  }

  private async begin(base: ConfigBase, findings: Findings): Promise<void> {
    await Promise.all(
      this.state.slots.map(async (slot) => {
        const source = slot.source!;
        try {
          slot.newest = await this.load(source);
        } catch (error) {
          if (source.isOptional && !(error instanceof BootError)) slot.missing = messageOf(error);
          else findings.keep(sourceFailed(source, error));
        }
      }),
    );
    this.state.begin(base, findings);
  }

  private async load(source: ConfigSource): Promise<ConfigLayer> {
    const limit = new AbortController();
    let cancel = (): void => {};
    const late = new Promise<never>((_, reject) => {
      cancel = this.clock.after(LOAD_WAIT_MS, () => {
        limit.abort();
        reject(new Error(`no answer within ${LOAD_WAIT_MS} ms`));
      }, true);
    });
    try {
      return await Promise.race([source.load(limit.signal), late]);
    } finally {
      cancel();
    }
  }

  private async follow(slot: SourceSlot, watch: NonNullable<ConfigSource['watch']>, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.clock, this.random);
    slot.followed = true;
    while (!signal.aborted) {
      try {
        for await (const layer of watch(signal)) {
          backoff.reset();
          await this.state.inTurn(() => this.state.takeLayer(slot, layer)).catch(() => {});
        }
      } catch (error) {
        this.state.logger.warn(`config source ${slot.name}: its watch failed: ${messageOf(error)}; watching again`);
      }
      if (!signal.aborted) await backoff.wait(signal);
    }
  }
}

/** The source that file, environment or options name. Other mistakes in them are told later, together with those of the sources. */
async function centreOf(base: ConfigBase, options: LiveConfigOptions): Promise<ConfigSource[]> {
  const config = composeConfig(base, base.file, withoutNames(options), new Findings());
  const choice = config.configCentre;
  const isKnown = choice !== undefined && (options.plugins === undefined || options.plugins.configCentre.includes(choice.name));
  return isKnown && options.centre ? [await options.centre(config.reveal(choice, 'Anthill.configCentre'), config.environment)] : [];
}

function withoutNames({ plugins: _plugins, ...rest }: LiveConfigOptions): LiveConfigOptions {
  return rest;
}
