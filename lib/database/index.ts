/** Databases for what decorators alone cannot say. `@InjectDb`, `@InjectRepository`, `@InjectEntityManager` and `@Transactional` are in `anthill`. */
export { DatabaseModule, type DatabaseFeatureOptions, type DatabaseModuleAsyncOptions, type DatabaseModuleOptions } from './database.module.js';
export type { DatabaseOptions } from './database-options.js';
export { isUniqueViolation } from './database-errors.js';
export { outsideTransaction } from './transaction-scope.js';
export { dbToken, entityManagerToken, repositoryToken, type EntityRef } from './tokens.js';
export { migrationSource, type MigrationSourceOptions } from './typeorm/migration-source.js';
