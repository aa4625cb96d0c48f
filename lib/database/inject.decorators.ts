import { Inject } from '@nestjs/common';
import type { InjectDecorator } from '../metadata/inject.decorator.js';
import { needModule } from '../metadata/needed-module.js';
import { DatabaseWant } from './database-want.js';
import { databases } from './database.supplier.js';
import { checkedEntity, dbToken, DEFAULT_DATABASE, entityManagerToken, type EntityRef, repositoryToken } from './tokens.js';

/**
 * A database as TypeORM's `DataSource`. Inside of a transaction everything done with it belongs to the transaction.
 * @param name as in config under `Anthill.databases`. @default `default`; with nothing declared, an embedded database
 * @public
 */
export function InjectDb(name: string = DEFAULT_DATABASE): InjectDecorator {
  return injecting(dbToken(name), new DatabaseWant(name));
}

/** The entity manager of a database. @public */
export function InjectEntityManager(name: string = DEFAULT_DATABASE): InjectDecorator {
  return injecting(entityManagerToken(name), new DatabaseWant(name));
}

/**
 * The repository of an entity: `@InjectRepository(User) users: Repository<User>`. The entity is known to the database by this.
 * @public
 */
export function InjectRepository(entity: EntityRef, name: string = DEFAULT_DATABASE): InjectDecorator {
  const checked = checkedEntity(entity, '@InjectRepository');
  return injecting(repositoryToken(checked, name), new DatabaseWant(name, checked));
}

function injecting(token: symbol, want: DatabaseWant): InjectDecorator {
  const inject = Inject(token) as (target: object, key: string | symbol | undefined, index?: number) => void;
  const decorate: typeof inject = (target, key, index) => {
    needModule((index === undefined ? target.constructor : target) as Function, databases, want);
    inject(target, key, index);
  };
  return decorate as InjectDecorator;
}
