import { events } from '../common/events.js';
import { silentLogger, type Logger } from '../common/logger.js';
import { messageOf } from '../common/message-of.js';
import type { AppConfig } from './app-config.js';
import { type CheckContext, type CheckedValue, valueAt } from './check-value.js';
import { type ConfigLayer, type KeyPath, placeOf } from './config-layer.js';
import type { ConfigSource } from './config-source.js';
import type { ConfigValue } from './config-value.js';
import { Findings } from './findings.js';
import { type ConfigBase, composeConfig, type LoadConfigOptions, readBase } from './load-config.js';
import { Secrets } from './secrets.js';
import { SourceSlot } from './source-slot.js';
import { type ConfigWant, ValueTable } from './value-table.js';

/** A config that is right as a whole, and what it is made of. */
interface Snapshot {
  readonly base: ConfigBase;
  readonly config: AppConfig;
  readonly warnings: readonly string[];
  readonly context: CheckContext;
}

/**
 * The config of a process, and the one way to a new one: merge what all sources said, check our own keys, then what schemas of users want, and only then, in one turn,
 * swap all of it and tell. One that is wrong leaves the last good one.
 */
export class ConfigState {
  readonly file = new SourceSlot(undefined);
  /** The weakest first. */
  readonly slots: readonly SourceSlot[];
  logger: Logger = silentLogger;
  private readonly values = new ValueTable();
  private readonly listeners = new Set<(config: AppConfig) => void>();
  private snapshot!: Snapshot;
  /** One change after the other, in the order in which they came. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    public options: LoadConfigOptions,
    sources: readonly ConfigSource[],
  ) {
    this.slots = sources.map((source) => new SourceSlot(source));
  }

  get config(): AppConfig {
    return this.snapshot.config;
  }

  get warnings(): readonly string[] {
    return this.snapshot.warnings;
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

  /** What is there when the process begins. @throws BootError with every mistake, those in `findings` too */
  begin(base: ConfigBase, findings: Findings): void {
    this.file.newest = base.file[0];
    this.snapshot = this.compose(base, [this.file, ...this.slots].map(({ newest }) => newest), findings);
    for (const slot of [this.file, ...this.slots]) {
      slot.used = slot.newest;
      slot.settled();
    }
  }

  /** What a watch brought; in a turn. */
  async takeLayer(slot: SourceSlot, layer: ConfigLayer): Promise<void> {
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

  /** The file, environment and options as they are now, and other changes with them; in a turn. */
  async takeFile(changed: Map<SourceSlot, ConfigLayer | undefined> = new Map()): Promise<void> {
    const findings = new Findings();
    const base = readBase(this.options, findings);
    try {
      findings.throwIfAny();
    } catch (error) {
      throw this.unreadable(this.file, error);
    }
    this.file.missing = undefined;
    await this.take(base, changed.set(this.file, base.file[0]));
  }

  /** It could not be read: what it said last stays. Returns the error. */
  unreadable(slot: SourceSlot, error: unknown): unknown {
    const message = messageOf(error);
    if (slot.missing !== message) this.tellRefused(message);
    slot.missing = message;
    return error;
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
    if (slots.some(({ refused }) => refused !== message)) this.tellRefused(message);
    for (const slot of slots) slot.refused = message;
    return error;
  }

  private tellRefused(message: string): void {
    this.logger.error(`the new config has mistakes, the old one stays: ${message}`);
    if (events.count.hasSubscribers) events.count.publish({ name: 'config.refused', detail: message });
  }

  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => {});
    return result;
  }
}
