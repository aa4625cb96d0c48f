import { getMetadataArgsStorage } from 'typeorm';
import type { EntityRef } from '../tokens.js';

/** The entities, and those that their relations lead to: a class that injects a repository need not name its neighbours. */
export function withRelations(entities: readonly EntityRef[]): EntityRef[] {
  const found = new Set<EntityRef>(entities);
  const { relations } = getMetadataArgsStorage();
  // A set that grows is walked to its end.
  for (const entity of found) {
    for (const { type } of relations.filter(({ target }) => isOf(entity, target))) {
      const other: unknown = typeof type === 'function' ? (type as () => unknown)() : undefined;
      if (typeof other === 'function') found.add(other as unknown as EntityRef);
    }
  }
  return [...found];
}

/** Relations of what a class extends are its own. */
function isOf(entity: EntityRef, target: Function | string): boolean {
  return typeof entity === 'function' && typeof target === 'function' && (entity === (target as unknown) || entity.prototype instanceof target);
}
