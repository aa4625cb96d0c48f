import { Backoff } from '../common/backoff.js';
import { BootError } from '../common/boot-error.js';
import { systemClock, systemRandom, type Clock, type RandomSource } from '../common/clock.js';
import { events } from '../common/events.js';
import type { AppPart, HealthReport } from '../common/lifecycle.js';
import { silentLogger, type Logger } from '../common/logger.js';
import { messageOf } from '../common/message-of.js';
import type { AppConfig, PluginConfig } from './app-config.js';
import { type CheckContext, type CheckedValue, valueAt } from './check-value.js';
import { type ConfigLayer, type KeyPath, placeOf } from './config-layer.js';
import type { ConfigSource } from './config-source.js';
import type { ConfigValue } from './config-value.js';
import { watchFile } from './file-watch.js';
import { Findings } from './findings.js';
import { type ConfigBase, composeConfig, type LoadConfigOptions, readBase, sourceFailed } from './load-config.js';
import { Secrets } from './secrets.js';
import { SourceSlot } from './source-slot.js';
import { type ConfigWant, ValueTable } from './value-table.js';

export interface LiveConfigOptions extends LoadConfigOptions {
  /** Makes the source that the config names (`Anthill.configCentre`). */
  readonly centre?: (choice: PluginConfig, environment: string | undefined) => ConfigSource | Promise<ConfigSource>;
  readonly clock?: Clock;
  readonly random?: RandomSource;
}

/** A source that has not answered by then is away. */
const LOAD_WAIT_MS = 10_000;

/** A config that is right as a whole, and what it is made of. */
interface Snapshot {
  readonly base: ConfigBase;
  readonly config: AppConfig;
  readonly warnings: readonly string[];
  readonly context: CheckContext;
}

/**
 * The config of a process over time. Every way to a new one leads through {@link take}: read, merge, check (our own keys, then what schemas of users want), and
 * only then, in one turn, all of it is swapped and told. One that is wrong leaves the last good one.
 */
export class LiveConfig implements AppPart {
  readonly name = 'config';
  readonly phase = 'registry';
  private readonly values = new ValueTable();
  private readonly watching = new AbortController();
  private readonly listeners = new Set<(config: AppConfig) => void>();
  private readonly clock: Clock;
  private readonly random: RandomSource;
  private logger: Logger = silentLogger;
  private snapshot!: Snapshot;
  /** One change after the other, in the order in which they came. */
  private turn: Promise<unknown> = Promise.resolve();

  /** Reads everything once. @throws BootError with every mistake; then nothing is left open */
  static async open(options: LiveConfigOptions): Promise<LiveConfig> {
    const findings = new Findings();
    const base = readBase(options, findings);
    const sources = [...(await centreOf(base, options)), ...(options.sources ?? [])];
    const live = new LiveConfig(options, sources);
    await live.guard(() => live.first(base, findings));
    return live;
  }

  private readonly file = new SourceSlot(undefined);
  private readonly slots: readonly SourceSlot[];

  private constructor(
    private options: LiveConfigOptions,
    sources: readonly ConfigSource[],
  ) {
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom;
    this.slots = sources.map((source) => new SourceSlot(source));
  }

  /** More options have become known; the sources stay. @throws BootError with every mistake */
  async extend(options: LoadConfigOptions): Promise<void> {
    this.options = { ...this.options, ...options };
    await this.inTurn(() => this.takeFile(new Map()));
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

  /** As last read. */
  get config(): AppConfig {
    return this.snapshot.config;
  }

  get warnings(): readonly string[] {
    return this.snapshot.warnings;
  }

  /** The weakest first. */
  get sources(): readonly SourceSlot[] {
    return this.slots;
  }

  /** The config decides how it is logged: the logger comes after it. */
  logTo(logger: Logger): void {
    this.logger = logger;
    for (const { name, missing } of this.slots) if (missing !== undefined) logger.warn(`config source ${missing.startsWith(name) ? '' : `${name}: `}${missing}; going on without it for now`);
  }

  /** Tells of each new config, before anybody is told of values in it. Returns the function that ends it. */
  onSwap(listener: (config: AppConfig) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Values that somebody will ask for; from now on a config is right only when they are. @throws BootError with every mistake */
  declare(wants: readonly ConfigWant[]): Promise<void> {
    return this.inTurn(() => this.values.declare(wants, this.config, this.snapshot.context));
  }

  /** @throws BootError when it is wrong, or not declared and its schema needs time */
  valueOf(want: ConfigWant): ConfigValue {
    return this.values.find(want) ?? this.values.declareNow(want, this.config, this.snapshot.context);
  }

  /** Would the config be right with these settings? Looks at values at, above and below the path. @throws BootError */
  async checkSettings(settings: unknown, path: KeyPath): Promise<void> {
    const touches = (other: KeyPath): boolean => other.slice(0, path.length).every((key, i) => String(key) === String(path[i]));
    await this.values.check(settings, this.snapshot.context, touches);
  }

  /** Reads everything again that is not followed. @throws BootError, and then nothing has changed */
  reload(): Promise<AppConfig> {
    return this.inTurn(async () => {
      const changed = new Map<SourceSlot, ConfigLayer | undefined>();
      for (const slot of this.slots.filter(({ followed }) => !followed)) {
        try {
          changed.set(slot, await this.load(slot.source!));
        } catch (error) {
          if (slot.source!.isOptional && !(error instanceof BootError)) slot.missing = messageOf(error);
          else throw this.refuse([slot], sourceFailed(slot.source!, error));
        }
      }
      await this.takeFile(changed);
      return this.config;
    });
  }

  /** Follows the sources that can be followed, and the file when the config says so. */
  start(): void {
    const { signal } = this.watching;
    for (const slot of this.slots) if (slot.source!.watch) void this.follow(slot, slot.source!.watch.bind(slot.source), signal);
    const { configFile, watchFile: isWatched } = this.config;
    if (!isWatched || configFile === undefined) return;
    void watchFile(configFile, this.clock, signal, () => this.inTurn(() => this.takeFile(new Map())).then(() => this.logger.info(`config changed: ${configFile}`), () => {}));
  }

  /** Shown where there is something to tell: a source, a watched file, a config that was refused. */
  get health(): (() => HealthReport) | undefined {
    return this.slots.length > 0 || this.config.watchFile || this.file.refused !== undefined ? () => this.report() : undefined;
  }

  /**
   * A config that could not be taken and a source that is away leave the app up: it serves with the last good config, and a fleet that all turned unready over one
   * typing error would be the greater harm. The detail says so.
   */
  private report(): HealthReport {
    const details = [this.file, ...this.slots].flatMap((slot) => {
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
    await Promise.allSettled(this.slots.map(({ source }) => source?.close?.()));
  }

  private async first(base: ConfigBase, findings: Findings): Promise<void> {
    await Promise.all(
      this.slots.map(async (slot) => {
        const source = slot.source!;
        try {
          slot.newest = await this.load(source);
        } catch (error) {
          if (source.isOptional && !(error instanceof BootError)) slot.missing = messageOf(error);
          else findings.keep(sourceFailed(source, error));
        }
      }),
    );
    this.file.newest = base.file[0];
    this.snapshot = this.compose(base, [this.file.newest, ...this.slots.map(({ newest }) => newest)], findings);
    for (const slot of [this.file, ...this.slots]) slot.used = slot.newest;
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
          await this.inTurn(() => this.takeLayer(slot, layer)).catch(() => {});
        }
      } catch (error) {
        this.logger.warn(`config source ${slot.name}: its watch failed: ${messageOf(error)}; watching again`);
      }
      if (!signal.aborted) await backoff.wait(signal);
    }
  }

  private async takeLayer(slot: SourceSlot, layer: ConfigLayer): Promise<void> {
    slot.missing = undefined;
    if (slot.isSame(layer)) {
      slot.newest = slot.used = layer;
      slot.refused = undefined;
      slot.settled();
      return;
    }
    await this.take(this.snapshot.base, new Map([[slot, layer]]));
    this.logger.info(`config changed: ${slot.name}`, layer.revision === undefined ? {} : { revision: layer.revision });
  }

  /** The file, environment and options as they are now, and other changes with them. */
  private async takeFile(changed: Map<SourceSlot, ConfigLayer | undefined>): Promise<void> {
    const findings = new Findings();
    const base = readBase(this.options, findings);
    try {
      findings.throwIfAny();
    } catch (error) {
      throw this.refuse([this.file], error);
    }
    await this.take(base, changed.set(this.file, base.file[0]));
  }

  /** The one way to a new config. @throws what is wrong with it; then nothing has changed, and it is logged and shown in health */
  private async take(base: ConfigBase, changed: ReadonlyMap<SourceSlot, ConfigLayer | undefined>): Promise<void> {
    for (const [slot, layer] of changed) slot.newest = layer;
    const all = [this.file, ...this.slots];
    const refused = all.filter((slot) => slot.newest !== slot.used && !changed.has(slot));
    try {
      // What was refused before may be right together with what has come.
      if (refused.length > 0 && (await this.swap(base, all, new Set()).then(() => true, () => false))) return;
      await this.swap(base, all, new Set(refused));
    } catch (error) {
      throw this.refuse([...changed.keys()], error);
    } finally {
      for (const slot of changed.keys()) slot.settled();
    }
  }

  private async swap(base: ConfigBase, all: readonly SourceSlot[], without: ReadonlySet<SourceSlot>): Promise<void> {
    const next = this.compose(base, all.map((slot) => (without.has(slot) ? slot.used : slot.newest)), new Findings());
    let checked: ReadonlyMap<ConfigValue, CheckedValue>;
    // Somebody may ask for one more value while schemas take their time.
    do checked = await this.values.check(next.config.settings, next.context);
    while (checked.size < this.values.size);
    for (const warning of next.warnings) if (!this.warnings.includes(warning)) this.logger.warn(warning);
    this.snapshot = next;
    for (const slot of all.filter((each) => !without.has(each))) {
      slot.used = slot.newest;
      slot.refused = undefined;
    }
    // All values first, then those who want to know: whoever is told sees one revision.
    const news = [...checked].flatMap(([value, now]) => value.replace(now) ?? []);
    for (const listener of [...this.listeners]) listener(next.config);
    for (const tell of news) tell(this.logger);
  }

  private compose(base: ConfigBase, lower: readonly (ConfigLayer | undefined)[], findings: Findings): Snapshot {
    const layers = lower.filter((layer) => layer !== undefined);
    const config = composeConfig(base, layers, this.options, findings);
    for (const layer of this.slots.map(({ newest }) => newest)) {
      if (layer !== undefined && valueAt(layer.tree, ['Anthill', 'configCentre']) !== undefined) findings.warn(`${placeOf(layer, ['Anthill', 'configCentre'])} has no effect: a config centre is named in the file, the environment or the code`);
    }
    findings.throwIfAny();
    const secrets = new Secrets(base.launch.env ?? {}, base.launch.workDir);
    return { base, config, warnings: findings.warnings, context: { secrets, layers: [...layers, ...base.above] } };
  }

  private refuse(slots: readonly SourceSlot[], error: unknown): unknown {
    const message = messageOf(error);
    if (slots.some(({ refused }) => refused !== message)) {
      this.logger.error(`the new config has mistakes, the old one stays: ${message}`);
      if (events.count.hasSubscribers) events.count.publish({ name: 'config.refused', detail: message });
    }
    for (const slot of slots) slot.refused = message;
    return error;
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => {});
    return result;
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
