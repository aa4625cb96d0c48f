import type { Clock } from '../common/clock.js';
import { rpcError } from '../common/error-catalog.js';
import { messageOf } from '../common/message-of.js';
import type { ConfigOf, ConfigSchema } from '../common/standard-schema.js';
import { valueAt } from './check-value.js';
import { formatPath, type KeyPath } from './config-layer.js';
import type { ConfigEntry, ConfigWriteOptions } from './config-source.js';
import type { ConfigListener, ConfigValue } from './config-value.js';
import type { ConfigState } from './config-state.js';
import { mergePlain } from './merge.js';
import { isPlain, type Plain, setOwn } from './plain.js';
import type { SourceSlot } from './source-slot.js';

/** Keys below `Settings`: `'pricing.discount'`, or a list where a key has a dot in it. `''` is all of them. @public */
export type ConfigPath = string | readonly (string | number)[];

/** @public */
export interface ConfigSetOptions extends ConfigWriteOptions {
  /** Name of the source to write to. @default the strongest that can be written to */
  source?: string;
}

/** How long `set` waits to see its own change. */
const SEEN_WAIT_MS = 2000;

/**
 * The settings of the application as they are now, from all sources: inject it by its class. For a value that is declared where it is used, `@InjectConfig`
 * is shorter.
 * @public
 */
export class Config {
  /** @internal */
  constructor(
    private readonly state: ConfigState,
    private readonly clock: Clock,
  ) {}

  /** What stands there now, as it stands there; undefined when nothing does. @throws BootError CONFIG_SECRET */
  get(path: ConfigPath = ''): unknown {
    const keys = keysOf(path);
    return this.state.config.reveal(valueAt(this.state.config.settings, keys), formatPath(['Settings', ...keys]));
  }

  /**
   * A live value. From now on a change that its schema refuses is not taken. For schemas that check at once; {@link load} is for all.
   * @throws BootError CONFIG_INVALID when it is wrong now, CONFIG_SCHEMA when its schema needs time
   */
  value<T = unknown>(path: ConfigPath): ConfigValue<T>;
  value<S extends ConfigSchema>(path: ConfigPath, schema: S): ConfigValue<ConfigOf<S>>;
  value(path: ConfigPath, schema?: ConfigSchema): ConfigValue {
    return this.state.valueOf({ path: keysOf(path), schema });
  }

  /** As {@link value}, for every schema: classes, and those that check asynchronously. @throws BootError CONFIG_INVALID */
  async load<S extends ConfigSchema>(path: ConfigPath, schema: S): Promise<ConfigValue<ConfigOf<S>>> {
    const want = { path: keysOf(path), schema };
    await this.state.declare([want]);
    return this.state.valueOf(want) as ConfigValue<ConfigOf<S>>;
  }

  /** Calls `listener` after each change of what stands there, until the returned function is called. */
  onChange<T = unknown>(path: ConfigPath, listener: ConfigListener<T>): () => void {
    return this.value<T>(path).onChange(listener);
  }

  /**
   * What a config centre has under exactly this key, with its version: for {@link set} with `ifVersion`. The source is asked, other layers are not.
   * @throws RpcError CONFIG_READ_ONLY, CONFIG_UNAVAILABLE
   */
  async read(path: ConfigPath, options: Pick<ConfigSetOptions, 'source' | 'signal'> = {}): Promise<ConfigEntry | undefined> {
    const { source } = this.writable(options.source);
    return source!.read!(['Settings', ...keysOf(path)], options.signal);
  }

  /**
   * Writes a value to a config centre, for all processes that read it; `undefined` takes the key out. It is checked first, by the schemas of this process; when
   * the promise resolves this process has the change, if the centre is not slow. Layers above the centre (environment, options) still win.
   * @returns the version of the key now
   * @throws RpcError CONFIG_CONFLICT when `ifVersion` is not its version any more, CONFIG_VALUE, CONFIG_READ_ONLY, CONFIG_UNAVAILABLE
   */
  async set(path: ConfigPath, value: unknown, options: ConfigSetOptions = {}): Promise<string> {
    const keys = keysOf(path);
    const slot = this.writable(options.source);
    try {
      await this.state.checkSettings(withValue(this.state.config.settings, keys, value), keys);
    } catch (error) {
      throw rpcError('CONFIG_VALUE', `the value for ${formatPath(['Settings', ...keys])} is not written: ${messageOf(error)}`);
    }
    const { ifVersion, signal } = options;
    const version = await slot.source!.write!(['Settings', ...keys], value, { ...(ifVersion !== undefined && { ifVersion }), ...(signal && { signal }) });
    if (slot.followed && /^[1-9]\d*$/.test(version)) await this.seen(slot, BigInt(version), signal);
    return version;
  }

  private async seen(slot: SourceSlot, revision: bigint, signal: AbortSignal | undefined): Promise<void> {
    const limit = new AbortController();
    const cancel = this.clock.after(SEEN_WAIT_MS, () => limit.abort(), true);
    await slot.until(revision, signal ? AbortSignal.any([signal, limit.signal]) : limit.signal);
    cancel();
  }

  private writable(name: string | undefined): SourceSlot {
    const all = this.state.slots;
    const slot = all.findLast(({ source }) => source?.write !== undefined && source.read !== undefined && (name === undefined || source.name === name));
    if (slot !== undefined) return slot;
    const known = all.map((each) => each.name).join(', ') || 'none';
    throw rpcError('CONFIG_READ_ONLY', name === undefined ? `no source of this config can be written to (there are: ${known}); add one: create({ sources: [consulConfig()] })` : `'${name}' is no source that can be written to (there are: ${known})`);
  }
}

export function keysOf(path: ConfigPath): KeyPath {
  return typeof path !== 'string' ? path : path === '' ? [] : path.split('.');
}

function withValue(settings: Readonly<Record<string, unknown>>, [key, ...rest]: KeyPath, value: unknown): unknown {
  if (key === undefined) return isPlain(value) ? mergePlain(settings, value) : value;
  const before = Object.hasOwn(settings, String(key)) ? settings[String(key)] : undefined;
  const copy: Plain = { ...settings };
  // What replaces an object whole is merged by no one.
  const inner = rest.length === 0 ? value : withValue(isPlain(before) ? before : {}, rest, value);
  if (inner === undefined) delete copy[String(key)];
  else setOwn(copy, String(key), inner);
  return copy;
}
