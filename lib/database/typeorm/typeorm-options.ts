import type { DataSourceOptions, EntitySchema } from 'typeorm';
import type { ResolvedDatabase } from '../database-options.js';
import { withRelations } from './related-entities.js';

/** What all databases have in common. Tables are made like entities by us, not while TypeORM connects. */
export function typeormOptions({ entities, migrations, subscribers, options }: ResolvedDatabase): Partial<DataSourceOptions> {
  return {
    ...options,
    entities: withRelations(entities) as (Function | EntitySchema)[],
    migrations: [...migrations],
    subscribers: [...subscribers],
    synchronize: false,
    migrationsRun: false,
    dropSchema: false,
  };
}
