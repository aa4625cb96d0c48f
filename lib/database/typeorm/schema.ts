import type { Logger } from '../../common/logger.js';
import type { ResolvedDatabase } from '../database-options.js';
import type { ManagedDataSource } from './managed-data-source.js';

/**
 * Tables at start: nothing, pending migrations, or like the entities.
 * @param lock keeps other processes from doing the same at the same time
 */
export async function prepareSchema({ name, schema }: ResolvedDatabase, source: ManagedDataSource, logger: Logger, lock: () => Promise<() => void>): Promise<void> {
  if (schema === 'none') return;
  const unlock = await lock();
  try {
    if (schema === 'sync') await source.synchronize();
    else {
      const done = await source.runMigrations();
      if (done.length > 0) logger.info(`database '${name}': migrated`, { migrations: done.map((migration) => migration.name).join(', ') });
    }
  } finally {
    unlock();
  }
}
