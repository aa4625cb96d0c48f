import type { ModulesContainer } from '@nestjs/core';
import { needsOf } from '../metadata/needed-module.js';
import { DatabaseFeature } from './database-feature.js';
import { DatabaseWant } from './database-want.js';
import type { EntityRef } from './tokens.js';

/** What the classes of a container want of databases. */
export interface CollectedFeatures {
  readonly entities: readonly EntityRef[];
  readonly migrations: readonly (Function | string)[];
}

/**
 * Entities and migrations of a database: of repositories that classes inject, and of `forFeature`. The container has read all modules before it
 * makes the first provider, so nothing is missing.
 * @param isMeant whether a name that a class uses means the database
 */
export function collectFeatures(modules: ModulesContainer, isMeant: (name: string) => boolean): CollectedFeatures {
  const entities = new Set<EntityRef>();
  const migrations = new Set<Function | string>();
  for (const { providers, controllers } of modules.values()) {
    for (const { metatype, instance } of [...providers.values(), ...controllers.values()]) {
      if ((instance as unknown) instanceof DatabaseFeature && isMeant((instance as DatabaseFeature).name)) {
        for (const entity of (instance as DatabaseFeature).entities) entities.add(entity);
        for (const migration of (instance as DatabaseFeature).migrations) migrations.add(migration);
      }
      if (typeof metatype !== 'function') continue;
      for (const { wanted } of needsOf(metatype)) if (wanted instanceof DatabaseWant && wanted.entity !== undefined && isMeant(wanted.name)) entities.add(wanted.entity);
    }
  }
  return { entities: [...entities], migrations: [...migrations] };
}
