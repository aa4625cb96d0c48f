import type { Logger } from '../../common/logger.js';
import type { ResolvedDatabase } from '../database-options.js';
import type { ManagedDatabase } from './managed-database.js';
import { mysqlDialect } from './mysql.dialect.js';
import { pgDialect } from './pg.dialect.js';
import { ServerDatabase } from './server-database.js';
import { SqljsDatabase } from './sqljs-database.js';

/** A database of a type; nothing is connected yet. @throws BootError PEER_MISSING */
export async function makeDatabase(settings: ResolvedDatabase, logger: Logger): Promise<ManagedDatabase> {
  if (settings.type === 'sqljs') return SqljsDatabase.load(settings, logger);
  const dialect = settings.type === 'postgres' ? await pgDialect(settings) : await mysqlDialect(settings);
  return new ServerDatabase(settings, dialect, logger);
}
