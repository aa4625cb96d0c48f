import { DataSource, type DataSourceOptions } from 'typeorm';
import type { ResolvedDatabase } from '../database-options.js';
import { mysqlDialect } from './mysql.dialect.js';
import { pgDialect } from './pg.dialect.js';
import { plainSqljsOptions } from './sqljs-plain.js';
import { typeormOptions } from './typeorm-options.js';

/** A DataSource without anything of ours, for commands. */
export async function plainSource(settings: ResolvedDatabase): Promise<DataSource> {
  return new DataSource(await optionsOf(settings));
}

async function optionsOf(settings: ResolvedDatabase): Promise<DataSourceOptions> {
  const common = typeormOptions(settings);
  switch (settings.type) {
    case 'sqljs':
      return plainSqljsOptions(settings, common);
    case 'postgres':
      return (await pgDialect(settings)).options(common);
    default:
      return (await mysqlDialect(settings)).options(common);
  }
}
