import { type DynamicModule, type FactoryProvider, Module, type Provider } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { APP_CONFIG, APP_HANDLE, type AppHandle } from '../metadata/tokens.js';
import type { AppConfig } from '../config/app-config.js';
import { DATABASE_MODE, type DatabaseMode } from './database-mode.js';
import { DatabaseFeature } from './database-feature.js';
import type { DatabaseOptions } from './database-options.js';
import { Databases } from './databases.part.js';
import { checkedEntity, dbToken, DEFAULT_DATABASE, entityManagerToken, type EntityRef, repositoryToken } from './tokens.js';
import { loadTypeorm } from './typeorm/load-typeorm.js';

/** @public */
export interface DatabaseModuleOptions extends DatabaseOptions {
  /** @default `default` */
  name?: string;
}

/** @public */
export interface DatabaseModuleAsyncOptions {
  /** @default `default` */
  name?: string;
  imports?: DynamicModule['imports'];
  inject?: FactoryProvider['inject'];
  useFactory: (...deps: never[]) => DatabaseOptions | Promise<DatabaseOptions>;
}

/** @public */
export interface DatabaseFeatureOptions {
  entities?: readonly EntityRef[];
  migrations?: readonly (Function | string)[];
}

const optional = (token: symbol): { token: symbol; optional: true } => ({ token, optional: true });

/** One for all databases of an app. */
@Module({
  providers: [
    {
      provide: Databases,
      useFactory: (modules: ModulesContainer, config?: () => AppConfig, app?: AppHandle, mode?: DatabaseMode) => new Databases({ modules, config, app, mode }),
      inject: [ModulesContainer, optional(APP_CONFIG), optional(APP_HANDLE), optional(DATABASE_MODE)],
    },
  ],
  exports: [Databases],
})
export class DatabasesModule {}

/**
 * Databases in code. With Anthill a class needs none of it: `@InjectDb()` and `@InjectRepository(Entity)` bring what they inject. It is for what
 * config cannot say (migrations as classes, subscribers), for entities that no class injects a repository of, and for apps of Nest alone.
 * @public
 */
@Module({})
export class DatabaseModule {
  /** Declares a database. Config wins, key by key. */
  static forRoot({ name = DEFAULT_DATABASE, ...options }: DatabaseModuleOptions = {}): Promise<DynamicModule> {
    return quiet(databaseModule(name, [], { provide: optionsToken(name), useValue: options }));
  }

  static forRootAsync({ name = DEFAULT_DATABASE, imports, inject = [], useFactory }: DatabaseModuleAsyncOptions): Promise<DynamicModule> {
    return quiet(databaseModule(name, imports, { provide: optionsToken(name), useFactory: useFactory as (...deps: unknown[]) => unknown, inject }));
  }

  /** Adds entities, and provides their repositories in the importing module. */
  static forFeature(given: readonly EntityRef[] | DatabaseFeatureOptions, name: string = DEFAULT_DATABASE): Promise<DynamicModule> {
    const { entities = [], migrations = [] } = isList(given) ? { entities: given } : given;
    return quiet(featureModule(name, entities.map((entity) => checkedEntity(entity, 'DatabaseModule.forFeature')), migrations));
  }
}

/** Says which database a module of ours declares. */
export function declaredBy(module: DynamicModule): string | undefined {
  return (module as { declaresDatabase?: string }).declaresDatabase;
}

/** A global module that provides a database under our tokens and under those of @nestjs/typeorm. */
export async function databaseModule(name: string, imports: DynamicModule['imports'] = [], options?: Provider): Promise<DynamicModule> {
  const { getDataSourceToken, getEntityManagerToken } = await loadTypeorm(name);
  const providers: Provider[] = [
    ...(options === undefined ? [] : [options]),
    { provide: dbToken(name), useFactory: (databases: Databases, code?: DatabaseOptions) => databases.open(name, code), inject: [Databases, optional(optionsToken(name))] },
    { provide: entityManagerToken(name), useFactory: (source: { manager: unknown }) => source.manager, inject: [dbToken(name)] },
    { provide: getDataSourceToken(name) as never, useExisting: dbToken(name) },
    { provide: getEntityManagerToken(name) as never, useExisting: entityManagerToken(name) },
  ];
  const made: DynamicModule & { declaresDatabase?: string } = {
    module: class DatabaseRoot {},
    global: true,
    imports: [DatabasesModule, ...imports],
    providers,
    exports: [dbToken(name), entityManagerToken(name), getDataSourceToken(name) as never, getEntityManagerToken(name) as never],
  };
  if (options !== undefined) made.declaresDatabase = name;
  return made;
}

/** A module that provides repositories. */
export async function featureModule(name: string, entities: readonly EntityRef[], migrations: readonly (Function | string)[] = []): Promise<DynamicModule> {
  const { getRepositoryToken } = await loadTypeorm(name);
  const feature = Symbol(`entities of database '${name}'`);
  const repositories = entities.flatMap((entity): (Provider & { provide: unknown })[] => [
    { provide: repositoryToken(entity, name), useFactory: (source: RepositorySource) => source.repositoryOf?.(entity) ?? source.getRepository(entity), inject: [dbToken(name)] },
    { provide: getRepositoryToken(entity as never, name) as never, useExisting: repositoryToken(entity, name) },
  ]);
  return {
    module: class DatabaseEntities {},
    providers: [{ provide: feature, useValue: new DatabaseFeature(name, entities, migrations) }, ...repositories],
    exports: repositories.map(({ provide }) => provide as symbol),
  };
}

/** Ours, or a DataSource that a test puts in its place. */
interface RepositorySource {
  repositoryOf?(entity: EntityRef): unknown;
  getRepository(entity: EntityRef): unknown;
}

function optionsToken(name: string): symbol {
  return Symbol.for(`anthill: options of database '${name}'`);
}

function isList(given: readonly EntityRef[] | DatabaseFeatureOptions): given is readonly EntityRef[] {
  return Array.isArray(given);
}

/** A rejection that Nest sees later is no unhandled one. */
function quiet(module: Promise<DynamicModule>): Promise<DynamicModule> {
  module.catch(() => {});
  return module;
}
