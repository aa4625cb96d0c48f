import { BootError, bootErrors } from '../common/boot-error.js';
import type { ConfigSchema, StandardSchema } from '../common/standard-schema.js';
import type { AppConfig } from './app-config.js';
import { type CheckContext, type CheckedValue, checkValue, schemaOf } from './check-value.js';
import { type KeyPath, formatPath } from './config-layer.js';
import { ConfigValue } from './config-value.js';

/** A place that wants a value. */
export interface ConfigWant {
  readonly path: KeyPath;
  readonly schema: ConfigSchema | undefined;
}

interface Entry {
  readonly path: KeyPath;
  readonly given: ConfigSchema | undefined;
  readonly schema: StandardSchema | undefined;
  readonly live: ConfigValue;
}

/** All values that somebody wants of a config, each checked by its schema: a new config is taken only when all of them are right. */
export class ValueTable {
  private readonly entries: Entry[] = [];

  get size(): number {
    return this.entries.length;
  }

  /** The value of a path by a schema; the same one for the same two. Undefined when nobody has declared it yet. */
  find({ path, schema }: ConfigWant): ConfigValue | undefined {
    const key = formatPath(path);
    return this.entries.find((entry) => entry.given === schema && formatPath(entry.path) === key)?.live;
  }

  /** Adds what is wanted, all of it or nothing. @throws BootError with every mistake */
  async declare(wants: readonly ConfigWant[], config: AppConfig, context: CheckContext): Promise<void> {
    const fresh = wants.filter((want, i) => this.find(want) === undefined && wants.findIndex((other) => other.schema === want.schema && formatPath(other.path) === formatPath(want.path)) === i);
    const made = await allOf(
      fresh.map(async ({ path, schema: given }) => {
        const schema = await schemaOf(given, `config '${formatPath(path)}'`);
        return { path, given, schema, live: new ConfigValue(formatPath(path), await checkValue(config.settings, path, schema, context)) };
      }),
    );
    this.entries.push(...made);
  }

  /** Adds one, now: for schemas that need no waiting. @throws BootError */
  declareNow({ path, schema }: ConfigWant, config: AppConfig, context: CheckContext): ConfigValue {
    const place = formatPath(path);
    const needsTime = (why: string): BootError => new BootError('CONFIG_SCHEMA', `config '${place}': ${why}; ask for it with @InjectConfig, or await config.load('${place}', schema)`);
    if (schema !== undefined && !('~standard' in schema)) throw needsTime('a class is checked asynchronously');
    const checked = checkValue(config.settings, path, schema as StandardSchema | undefined, context);
    if (checked instanceof Promise) {
      checked.catch(() => {});
      throw needsTime('its schema checks asynchronously');
    }
    const live = new ConfigValue(place, checked);
    this.entries.push({ path, given: schema, schema: schema as StandardSchema | undefined, live });
    return live;
  }

  /** What the values would be. @throws BootError with every mistake */
  async check(settings: unknown, context: CheckContext, only: (path: KeyPath) => boolean = () => true): Promise<ReadonlyMap<ConfigValue, CheckedValue>> {
    const entries = this.entries.filter(({ path }) => only(path));
    return new Map(await allOf(entries.map(async ({ path, schema, live }) => [live, await checkValue(settings, path, schema, context)] as const)));
  }
}

/** All, or one error with every BootError; anything else goes on as it is. */
async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  const stranger = failures.find((failure) => !(failure instanceof BootError));
  if (stranger !== undefined) throw stranger;
  // Several places may want the same value.
  const mistakes = [...new Map((failures as BootError[]).map((failure) => [failure.message, failure])).values()];
  if (mistakes.length > 0) throw bootErrors(mistakes);
  return results.map((result) => (result as PromiseFulfilledResult<T>).value);
}
