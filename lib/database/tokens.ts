import { BootError } from '../common/boot-error.js';
import { defineMetadata } from '../metadata/define-metadata.js';

/** The database that decorators mean when they name none. */
export const DEFAULT_DATABASE = 'default';

/** An entity class, or TypeORM's `EntitySchema`. @public */
export type EntityRef = (abstract new (...args: never[]) => object) | { readonly options: object };

/** On the entity: the tokens of its repositories, by database. */
const REPOSITORY_TOKENS = defineMetadata<ReadonlyMap<string, symbol>>('repository tokens');

/** What `@InjectDb(name)` injects: for overrides in tests. @public */
export function dbToken(name: string = DEFAULT_DATABASE): symbol {
  return Symbol.for(`anthill: database '${name}' (in a forRoot app, or without Anthill, import DatabaseModule.forRoot)`);
}

/** What `@InjectEntityManager(name)` injects. @public */
export function entityManagerToken(name: string = DEFAULT_DATABASE): symbol {
  return Symbol.for(`anthill: entity manager of '${name}' (in a forRoot app, or without Anthill, import DatabaseModule.forRoot)`);
}

/** What `@InjectRepository(Entity, name)` injects. @public */
export function repositoryToken(entity: EntityRef, name: string = DEFAULT_DATABASE): symbol {
  const known = REPOSITORY_TOKENS.own(entity) ?? new Map<string, symbol>();
  const token = known.get(name);
  if (token !== undefined) return token;
  const made = Symbol(`Repository<${entityName(entity)}> of database '${name}' (in a forRoot app, or without Anthill, import DatabaseModule.forFeature)`);
  REPOSITORY_TOKENS.write(entity, new Map([...known, [name, made]]));
  return made;
}

/** @throws BootError DATABASE_ENTITY for what is no entity: files that import each other leave undefined */
export function checkedEntity(entity: unknown, where: string): EntityRef {
  if (typeof entity === 'function') return entity as unknown as EntityRef;
  if (typeof entity === 'object' && entity !== null && typeof (entity as { options?: unknown }).options === 'object') return entity as EntityRef;
  throw new BootError('DATABASE_ENTITY', `${where} got ${String(entity)} instead of an entity; do the two files import each other? Move the entity into a file of its own, and type relations with Relation<T>`);
}

export function entityName(entity: EntityRef): string {
  if (typeof entity === 'function') return entity.name;
  const { name, target } = entity.options as { name?: string; target?: { name?: string } };
  return name ?? target?.name ?? 'EntitySchema';
}
