import type { ResolvedDatabase } from '../database-options.js';
import type { DatabaseTools, ManagedDatabase } from './managed-database.js';
import { mysqlDialect } from './mysql.dialect.js';
import { pgDialect } from './pg.dialect.js';
import { ServerDatabase } from './server-database.js';
import { SqljsDatabase } from './sqljs-database.js';

/** A database of a type; nothing is connected yet. @throws BootError PEER_MISSING */
export async function makeDatabase(settings: ResolvedDatabase, tools: DatabaseTools): Promise<ManagedDatabase> {
  if (settings.type === 'sqljs') return SqljsDatabase.make(settings, tools);
  const dialect = settings.type === 'postgres' ? await pgDialect(settings) : await mysqlDialect(settings);
  return new ServerDatabase(settings, dialect, tools);
}
