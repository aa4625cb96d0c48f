import type { DynamicModule, Type } from '@nestjs/common';
import { databaseModule, declaredBy, featureModule } from './database.module.js';
import type { DatabaseWant } from './database-want.js';
import type { EntityRef } from './tokens.js';

/** A global module with everything that classes inject and no `forRoot` provides. */
export async function neededDatabases(wanted: readonly DatabaseWant[], graph: readonly (Type | DynamicModule)[]): Promise<DynamicModule> {
  const declared = new Set(graph.flatMap((module) => (typeof module === 'function' ? [] : (declaredBy(module) ?? []))));
  const entities = new Map<string, Set<EntityRef>>();
  for (const { name, entity } of wanted) {
    const known = entities.get(name) ?? new Set<EntityRef>();
    if (entity !== undefined) known.add(entity);
    entities.set(name, known);
  }
  const imports: DynamicModule[] = [];
  for (const [name, list] of entities) {
    if (!declared.has(name)) imports.push(await databaseModule(name));
    if (list.size > 0) imports.push(await featureModule(name, [...list]));
  }
  return { module: class NeededDatabases {}, global: true, imports, exports: imports.map(({ module }) => module) };
}
