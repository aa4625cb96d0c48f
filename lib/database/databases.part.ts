import { Logger as NestLogger, type OnApplicationShutdown } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { BootError } from '../common/boot-error.js';
import { didYouMean } from '../common/did-you-mean.js';
import type { AppPart, HealthReport, Phase } from '../common/lifecycle.js';
import type { LogFields, Logger } from '../common/logger.js';
import type { AppConfig } from '../config/app-config.js';
import type { DatabaseSection } from '../config/database-section.js';
import { AppPartProvider } from '../metadata/app-part.decorator.js';
import type { AppHandle } from '../metadata/tokens.js';
import { collectFeatures } from './collect-features.js';
import type { DatabaseMode } from './database-mode.js';
import type { DatabaseOptions } from './database-options.js';
import { resolveDatabase } from './resolve-database.js';
import { DEFAULT_DATABASE } from './tokens.js';
import { loadTypeorm } from './typeorm/load-typeorm.js';
import type { ManagedDatabase } from './typeorm/managed-database.js';
import type { ManagedDataSource } from './typeorm/managed-data-source.js';

/** What the databases of an app are made from. */
export interface DatabasesContext {
  readonly modules: ModulesContainer;
  /** Absent in an app of Nest without Anthill. */
  readonly config?: (() => AppConfig) | undefined;
  readonly app?: AppHandle | undefined;
  readonly mode?: DatabaseMode | undefined;
}

/**
 * The databases of an app. They connect as providers, when the container is made, and close after everything else has ended; in an app of Nest
 * without Anthill with its shutdown hooks.
 */
@AppPartProvider()
export class Databases implements AppPart, OnApplicationShutdown {
  readonly name = 'databases';
  readonly phase: Phase = 'resource';
  private readonly opened = new Map<string, Promise<ManagedDatabase>>();
  private readonly made = new Map<string, ManagedDatabase>();
  private readonly codes = new Map<string, DatabaseOptions>();
  private closed: Promise<void> | undefined;

  constructor(private readonly context: DatabasesContext) {
    // Also where a start came to nothing, and no part was started that could be stopped.
    context.app?.closed.then(() => this.stop(), () => this.stop()).catch(() => {});
  }

  /**
   * The database of a name, connected; the same one for all who ask.
   * @param code what `forRoot` says of it
   * @throws BootError
   */
  async open(name: string, code?: DatabaseOptions): Promise<ManagedDataSource> {
    const real = this.realName(name, code);
    const before = this.codes.get(real);
    if (code !== undefined && before !== undefined && before !== code) throw new BootError('DATABASE_OPTIONS', `database '${real}' is declared by DatabaseModule.forRoot twice; keep one, or give the other one a name`);
    if (code !== undefined) this.codes.set(real, code);
    let opening = this.opened.get(real);
    if (opening === undefined) {
      opening = this.connect(real, code);
      this.opened.set(real, opening);
    }
    return (await opening).source;
  }

  /** Without a name, the only database of the config is meant; a name that is none must not become an embedded database in silence. */
  private realName(name: string, code: DatabaseOptions | undefined): string {
    const declared = this.declared;
    const names = Object.keys(declared);
    if (Object.hasOwn(declared, name) || code !== undefined || names.length === 0) return name;
    if (name === DEFAULT_DATABASE && names.length === 1) return names[0]!;
    throw new BootError(
      'DATABASE_UNKNOWN',
      `${name === DEFAULT_DATABASE ? 'a class injects a database without naming it, which means \'default\', and' : `a class injects the database '${name}', and`} config declares ${names.map((known) => `'${known}'`).join(', ')}${didYouMean(name, names)}; declare Anthill.databases.${name}, or name one of these: @InjectDb('${names[0]}')`,
    );
  }

  private get declared(): Readonly<Record<string, DatabaseSection>> {
    return this.context.config?.().databases ?? {};
  }

  private async connect(name: string, code: DatabaseOptions | undefined): Promise<ManagedDatabase> {
    const { modules, config, mode } = this.context;
    const features = collectFeatures(modules, (used) => used === name || (this.declared[used] === undefined && used === DEFAULT_DATABASE && Object.keys(this.declared).join() === name));
    const settings = resolveDatabase({
      name,
      ...(code && { code }),
      ...(this.declared[name] && { config: this.declared[name] }),
      ...(mode && { memory: mode }),
      workDir: config?.().workDir ?? process.cwd(),
    });
    const complete = { ...settings, entities: [...new Set([...settings.entities, ...features.entities])], migrations: [...new Set([...settings.migrations, ...features.migrations])] };
    // Migrations of features count as well where nobody says what shall happen to tables.
    const isAsked = (this.declared[name]?.schema ?? code?.schema) !== undefined;
    const schema = !isAsked && settings.type === 'sqljs' && complete.migrations.length > 0 ? 'migrate' : settings.schema;
    await loadTypeorm(name);
    const { makeDatabase } = await import('./typeorm/make-database.js');
    const database = await makeDatabase({ ...complete, schema }, nestLogger());
    this.made.set(name, database);
    await database.open();
    return database;
  }

  health(): HealthReport {
    const down = [...this.made].flatMap(([name, database]) => {
      const { status, detail } = database.health();
      return status === 'up' ? [] : [`${name}: ${detail ?? 'down'}`];
    });
    return down.length === 0 ? { status: 'up' } : { status: 'down', detail: down.join('; ') };
  }

  stop(signal?: AbortSignal): Promise<void> {
    return (this.closed ??= this.close(signal));
  }

  /** The app's own parts are stopped by the app: later, when its handlers are done. */
  async onApplicationShutdown(): Promise<void> {
    if (this.context.app === undefined) await this.stop();
  }

  private async close(signal?: AbortSignal): Promise<void> {
    const ends = await Promise.allSettled([...this.made.values()].map((database) => database.close(signal)));
    const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
    if (failures.length > 0) throw failures.length === 1 ? failures[0] : new AggregateError(failures, 'databases did not close');
  }
}

function nestLogger(): Logger {
  const logger = new NestLogger('Database');
  const line = (message: string, fields: LogFields = {}): string => [message, ...Object.entries(fields).map(([key, value]) => `${key}=${typeof value === 'string' ? JSON.stringify(value) : String(value)}`)].join(' ');
  return {
    debug: (message, fields) => logger.debug(line(message, fields)),
    info: (message, fields) => logger.log(line(message, fields)),
    warn: (message, fields) => logger.warn(line(message, fields)),
    error: (message, fields) => logger.error(line(message, fields)),
  };
}
