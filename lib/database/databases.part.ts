import { Logger as NestLogger, type OnApplicationShutdown } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { BootError } from '../common/boot-error.js';
import { didYouMean } from '../common/did-you-mean.js';
import { systemClock, systemRandom } from '../common/clock.js';
import type { AppPart } from '../common/lifecycle.js';
import type { LogFields, Logger } from '../common/logger.js';
import type { AppConfig } from '../config/app-config.js';
import type { DatabaseSection } from '../config/database-section.js';
import type { AppHandle } from '../metadata/tokens.js';
import { collectFeatures } from './collect-features.js';
import type { DatabaseMode } from './database-mode.js';
import type { DatabaseOptions, ResolvedDatabase } from './database-options.js';
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
 * The databases of an app. They connect as providers, when the container is made; the app has each as a part, and closes it after everything else
 * has ended. In an app of Nest without Anthill they close with its shutdown hooks.
 */
export class Databases implements OnApplicationShutdown {
  private readonly opened = new Map<string, Promise<ManagedDataSource>>();
  private readonly codes = new Map<string, DatabaseOptions>();
  /** Those that no app closes. */
  private readonly ours: ManagedDatabase[] = [];

  constructor(private readonly context: DatabasesContext) {}

  /**
   * The database of a name, connected; the same one for all who ask.
   * @param code what `forRoot` says of it
   * @throws BootError
   */
  async open(name: string, code?: DatabaseOptions): Promise<ManagedDataSource> {
    if (code !== undefined && !this.codes.has(name)) this.codes.set(name, code);
    const real = this.realName(name, code);
    const before = this.codes.get(real);
    if (code !== undefined && before !== undefined && before !== code) throw new BootError('DATABASE_OPTIONS', `database '${real}' is declared by DatabaseModule.forRoot twice; keep one, or give the other one a name`);
    let opening = this.opened.get(real);
    if (opening === undefined) {
      opening = this.connect(real, code);
      this.opened.set(real, opening);
    }
    return opening;
  }

  /** A name that is none must not become an embedded database in silence. @throws BootError DATABASE_UNKNOWN */
  private realName(name: string, code: DatabaseOptions | undefined): string {
    const real = this.meansOf(name);
    const names = Object.keys(this.declared);
    if (code !== undefined || names.length === 0 || names.includes(real)) return real;
    throw new BootError(
      'DATABASE_UNKNOWN',
      `a class injects ${name === DEFAULT_DATABASE ? `a database without a name, which means '${name}'` : `the database '${name}'`}, and the config declares ${names.map((known) => `'${known}'`).join(', ')}${didYouMean(name, names)}; declare Anthill.databases.${name}, or write @InjectDb('${names[0]}')`,
    );
  }

  /** Without a name, the only database of the config is meant. */
  private meansOf(name: string): string {
    const names = Object.keys(this.declared);
    return name === DEFAULT_DATABASE && names.length === 1 && !this.codes.has(name) ? names[0]! : name;
  }

  private get declared(): Readonly<Record<string, DatabaseSection>> {
    return this.context.config?.().databases ?? {};
  }

  private async connect(name: string, code: DatabaseOptions | undefined): Promise<ManagedDataSource> {
    const { app } = this.context;
    const settings = this.settingsOf(name, code);
    await loadTypeorm(name);
    const { makeDatabase } = await import('./typeorm/make-database.js');
    const tools = app ?? { logger: nestLogger(), clock: systemClock, random: systemRandom };
    const database = await makeDatabase(settings, tools);
    // Before it is open: it may never be, and has things to close then.
    if (app === undefined) this.ours.push(database);
    else app.adopt(asPart(name, database));
    await database.open();
    return database.source;
  }

  private settingsOf(name: string, code: DatabaseOptions | undefined): ResolvedDatabase {
    const { modules, mode, config: configOf } = this.context;
    const config = configOf?.();
    const section = this.declared[name];
    const { entities, migrations } = collectFeatures(modules, (used) => this.meansOf(used) === name);
    return resolveDatabase({
      name,
      code: { ...code, entities: [...(code?.entities ?? []), ...entities], migrations: [...(code?.migrations ?? []), ...migrations] },
      isInCode: code !== undefined,
      ...(section && { config: config!.reveal(section, `Anthill.databases.${name}`) }),
      ...(mode && { memory: mode }),
      workDir: config?.workDir ?? process.cwd(),
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.ours.splice(0).map((database) => database.close()));
  }
}

function asPart(name: string, database: ManagedDatabase): AppPart {
  return {
    name: name === DEFAULT_DATABASE ? 'database' : `database:${name}`,
    phase: 'resource',
    stop: (signal) => database.close(signal),
    health: () => database.health(),
  };
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
