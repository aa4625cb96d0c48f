import { inspect, isDeepStrictEqual, type InspectOptions } from 'node:util';
import type { Logger } from '../common/logger.js';
import { messageOf } from '../common/message-of.js';
import type { CheckedValue } from './check-value.js';
import { MASK } from './redact.js';

/** Told of a change, after it has happened. What it throws, or rejects with, is logged. @public */
export type ConfigListener<T> = (value: T, previous: T) => unknown;

/**
 * A value of the config as it is now: read `.value` each time it is needed, it costs nothing. The value is deeply frozen and comes from one revision; a bad
 * change leaves the last good one. `@InjectConfig('pricing', Pricing) pricing: ConfigValue<Pricing>`
 * @public
 */
export class ConfigValue<T = unknown> {
  private current: T;
  private secrets: ReadonlySet<string>;
  private readonly listeners = new Set<ConfigListener<T>>();

  /** @internal */
  constructor(
    /** Below `Settings`, with dots. */
    readonly path: string,
    first: CheckedValue,
  ) {
    this.current = first.value as T;
    this.secrets = first.secrets;
  }

  get value(): T {
    return this.current;
  }

  /** Calls `listener` after each change, until the returned function is called. */
  onChange(listener: ConfigListener<T>): () => void {
    // Once for each call, also for the same function.
    const entry: ConfigListener<T> = (value, previous) => listener(value, previous);
    this.listeners.add(entry);
    return () => void this.listeners.delete(entry);
  }

  /** @internal Takes the new value. Returns what tells the listeners; undefined when nothing changed. */
  replace({ value, secrets }: CheckedValue): ((logger: Logger) => void) | undefined {
    this.secrets = secrets;
    const previous = this.current;
    // An equal value keeps its identity: whoever compares by it sees no change.
    if (isDeepStrictEqual(previous, value)) return undefined;
    this.current = value as T;
    return (logger) => {
      for (const listener of [...this.listeners]) this.tell(listener, value as T, previous, logger);
    };
  }

  private tell(listener: ConfigListener<T>, value: T, previous: T, logger: Logger): void {
    const failed = (error: unknown): void => logger.error(`a listener to changes of the config at '${this.path}' failed: ${messageOf(error)}`, { error });
    try {
      const result = listener(value, previous);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Without its secrets. */
  toJSON(): unknown {
    const { current } = this;
    if (typeof current === 'string') return this.secrets.has(current) ? MASK : current;
    const { toJSON } = (current ?? {}) as { toJSON?: unknown };
    return typeof toJSON === 'function' ? (toJSON.call(current) as unknown) : current;
  }

  /** @internal */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `ConfigValue(${this.path}) ${inspect(typeof this.current === 'string' ? this.toJSON() : this.current, options)}`;
  }
}
