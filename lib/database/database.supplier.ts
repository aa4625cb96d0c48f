import type { ModuleSupplier } from '../metadata/needed-module.js';
import type { DatabaseWant } from './database-want.js';

/** Adds databases to an app whose classes inject them. Loads nothing of TypeORM before some class does. */
export const databases: ModuleSupplier<DatabaseWant> = Object.freeze<ModuleSupplier<DatabaseWant>>({
  name: 'databases',
  async moduleFor(wanted, graph) {
    const { neededDatabases } = await import('./needed-databases.js');
    return neededDatabases(wanted, graph);
  },
});
