import type { DataSource } from 'typeorm';
import type { LaunchOptions } from '../../config/launch.js';
import { loadConfig } from '../../config/load-config.js';
import type { DatabaseOptions } from '../database-options.js';
import { resolveDatabase } from '../resolve-database.js';
import { DEFAULT_DATABASE } from '../tokens.js';
import { loadTypeorm } from './load-typeorm.js';

/** What a migration command works on: the database by its name, with what code says of it, and where the config is. @public */
export interface MigrationSourceOptions extends DatabaseOptions, Pick<LaunchOptions, 'workDir' | 'configFile'> {
  /** @default `default` */
  name?: string;
  /** @default process.env */
  env?: Readonly<Record<string, string | undefined>>;
}

/**
 * A DataSource of TypeORM's own for its commands (`typeorm migration:run -d dist/data-source.js`): the database that an app would use, by the same config file
 * and variables. It is not connected yet; the commands do that.
 * @throws BootError
 */
export async function migrationSource({ name = DEFAULT_DATABASE, workDir, configFile, env, ...code }: MigrationSourceOptions): Promise<DataSource> {
  const launch = { ...(workDir !== undefined && { workDir }), ...(configFile !== undefined && { configFile }), ...(env && { env }) };
  const { config } = await loadConfig({ flags: false, ...launch });
  const declared = config.databases ?? {};
  const only = Object.keys(declared).length === 1 && name === DEFAULT_DATABASE ? Object.keys(declared)[0]! : name;
  const section = declared[only];
  const settings = resolveDatabase({ name: only, code, ...(section && { config: config.reveal(section, `Anthill.databases.${only}`) }), workDir: config.workDir });
  await loadTypeorm(only);
  const { plainSource } = await import('./plain-source.js');
  return plainSource(settings);
}
