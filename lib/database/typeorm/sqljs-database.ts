import { readFileSync } from 'node:fs';
import type { Database, InitSqlJsStatic } from 'sql.js';
import type { DataSourceOptions, Driver } from 'typeorm';
import { BootError } from '../../common/boot-error.js';
import { rpcError } from '../../common/error-catalog.js';
import type { HealthReport } from '../../common/lifecycle.js';
import { messageOf } from '../../common/message-of.js';
import type { ResolvedDatabase } from '../database-options.js';
import { lockFile } from '../embedded/file-lock.js';
import { ManagedDataSource } from './managed-data-source.js';
import type { DatabaseTools, ManagedDatabase } from './managed-database.js';
import type { RunnerConstructor } from './managed-runner.js';
import { prepareSchema } from './schema.js';
import { SqljsEngine } from './sqljs-engine.js';
import { loadSqljs } from './sqljs-plain.js';
import { sqljsRunner } from './sqljs-runner.js';
import { typeormOptions } from './typeorm-options.js';

/** TypeORM's driver of sql.js, as far as we need to know it. */
interface SqljsDriver extends Driver {
  databaseConnection: Database;
  options: DataSourceOptions & { database?: Uint8Array };
}

/** The database that needs no server: SQLite in this process, its file replaced as a whole with each change. */
export class SqljsDatabase implements ManagedDatabase {
  readonly source: ManagedDataSource;
  private readonly engine: SqljsEngine;
  private lock: { release(): Promise<void> } | undefined;
  private opening: Promise<void> | undefined;

  private constructor(
    private readonly settings: ResolvedDatabase,
    private readonly tools: DatabaseTools,
    sqljs: InitSqlJsStatic,
  ) {
    this.engine = new SqljsEngine(settings, tools.clock, tools.logger);
    this.source = new ManagedDataSource({ ...typeormOptions(settings), type: 'sqljs', driver: sqljs, autoSave: false } as DataSourceOptions, settings.name);
    const { driver } = this;
    const base = driver.createQueryRunner('master');
    const Runner = sqljsRunner(base.constructor as RunnerConstructor, this.engine, this.source);
    this.source.useRunners((mode) => new Runner(driver, mode));
    // What sql.js's driver has asks the connection for the last id, when another statement may have come between: ours has it from the statement.
    driver.createGeneratedMap = (Object.getPrototypeOf(Object.getPrototypeOf(driver)) as Driver).createGeneratedMap;
  }

  static async make(settings: ResolvedDatabase, tools: DatabaseTools): Promise<SqljsDatabase> {
    return new SqljsDatabase(settings, tools, await loadSqljs(settings));
  }

  private get driver(): SqljsDriver {
    return this.source.driver as SqljsDriver;
  }

  open(): Promise<void> {
    return (this.opening = this.load());
  }

  private async load(): Promise<void> {
    const { file, name } = this.settings;
    if (file !== undefined) this.lock = await lockFile(file, name);
    try {
      const content = file === undefined ? undefined : readDatabase(file, name);
      if (content !== undefined) Object.assign(this.driver.options, { database: content });
      await this.source.initialize();
      this.engine.open(this.driver.databaseConnection);
      if (content !== undefined) this.check();
      await prepareSchema(this.settings, this.source, this.tools.logger, async () => () => {});
    } catch (error) {
      await this.lock?.release();
      throw error;
    }
  }

  /** A file that is damaged is told now: a statement would find out at some time, and each flush writes the damage anew. */
  private check(): void {
    const { file, name } = this.settings;
    const damaged = (what: string, cause?: unknown): BootError =>
      new BootError('DATABASE_FILE', `database '${name}': the file ${file} is damaged, or no SQLite database (${what}); restore it, or move it away to begin anew`, { cause });
    let found: unknown;
    try {
      found = this.driver.databaseConnection.exec('PRAGMA quick_check(1)')[0]?.values[0]?.[0];
    } catch (cause) {
      throw damaged(messageOf(cause), cause);
    }
    if (found !== 'ok') throw damaged(String(found).replace(/\s+/g, ' '));
  }

  health(): HealthReport {
    const failure = this.engine.flusher?.failure;
    return failure === undefined ? { status: 'up' } : { status: 'down', detail: `cannot be written to the disk: ${failure}` };
  }

  async close(): Promise<void> {
    await this.opening?.catch(() => {});
    const stopped = rpcError('APP_STOPPED', `database '${this.settings.name}' is closed: the app has stopped`);
    for (const runner of this.engine.holders) runner.retire(stopped);
    try {
      await this.engine.flusher?.close();
    } finally {
      this.engine.shut(stopped);
      if (this.source.isInitialized) await this.source.destroy();
      await this.lock?.release();
    }
  }
}

function readDatabase(file: string, database: string): Uint8Array | undefined {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new BootError('DATABASE_FILE', `database '${database}': the file ${file} cannot be read (${messageOf(cause)})`, { cause });
  }
  if (content.length === 0) return undefined;
  if (content.subarray(0, 16).toString('latin1') !== 'SQLite format 3\0') {
    throw new BootError('DATABASE_FILE', `database '${database}': ${file} is no SQLite database; move it away, or name another file`);
  }
  return content;
}
