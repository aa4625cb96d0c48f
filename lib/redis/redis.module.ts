import { Module, type DynamicModule, type FactoryProvider, type Type } from '@nestjs/common';
import { BootError } from '../common/boot-error.js';
import type { AppConfig } from '../config/app-config.js';
import { checkRedisSection } from '../config/check-redis.js';
import type { RedisConfig, RedisSection } from '../config/redis-section.js';
import { APP_CONFIG, APP_HANDLE, type AppHandle } from '../metadata/tokens.js';
import { RedisLink } from './redis-link.js';
import { targetOf } from './redis-target.js';
import { redisToken, type RedisWant } from './redis-token.js';
import type { RedisClient } from './redis-vendor.js';

/** @public */
export interface RedisModuleOptions extends RedisSection {
  /** For `@InjectRedis(name)`. @default 'default' */
  name?: string;
}

/** @public */
export interface RedisModuleAsyncOptions {
  /** For `@InjectRedis(name)`. @default 'default' */
  name?: string;
  imports?: DynamicModule['imports'];
  inject?: FactoryProvider['inject'];
  useFactory: (...deps: never[]) => RedisSection | Promise<RedisSection>;
}

/**
 * A client whose options are made by code. What stands in the config (`Anthill.redis.<name>`) needs no module: `@InjectRedis(name)` is enough.
 * @public
 */
@Module({})
export class RedisModule {
  static forRoot({ name = 'default', ...section }: RedisModuleOptions = {}): DynamicModule {
    return clientsModule([{ name, inject: [], section: () => checkRedisSection(section, name, 'RedisModule.forRoot') }]);
  }

  static forRootAsync({ name = 'default', imports = [], inject = [], useFactory }: RedisModuleAsyncOptions): DynamicModule {
    const section = async (_config: AppConfig, ...deps: unknown[]) => checkRedisSection(await useFactory(...(deps as never[])), name, 'RedisModule.forRootAsync');
    return { ...clientsModule([{ name, inject, section }]), imports };
  }
}

/** The module for what classes want and no module of the graph gives. */
export function redisModuleFor(wanted: readonly RedisWant[], graph: readonly (Type | DynamicModule)[]): DynamicModule | undefined {
  const given = new Set(graph.flatMap((entry) => (typeof entry !== 'function' && entry.module === RedisModule ? (entry.exports ?? []) : [])) as unknown[]);
  const names = [...new Set(wanted.map(({ name }) => name))].filter((name) => !given.has(redisToken(name)));
  if (names.length === 0) return undefined;
  return clientsModule(
    names.map((name) => {
      const isOptional = wanted.every((want) => want.name !== name || want.optional);
      return { name, inject: [], section: (config: AppConfig) => sectionOf(config, name, isOptional) };
    }),
  );
}

interface ClientSource {
  readonly name: string;
  readonly inject: NonNullable<FactoryProvider['inject']>;
  /** Undefined: there shall be none. */
  section(config: AppConfig, ...deps: unknown[]): RedisConfig | undefined | Promise<RedisConfig | undefined>;
}

function clientsModule(sources: readonly ClientSource[]): DynamicModule {
  const providers = sources.map(({ name, inject, section }): FactoryProvider<RedisClient | undefined> => ({
    provide: redisToken(name),
    inject: [APP_HANDLE, APP_CONFIG, ...inject],
    useFactory: async (app: AppHandle, config: () => AppConfig, ...deps: unknown[]) => {
      const found = await section(config(), ...deps);
      return found === undefined ? undefined : openClient(app, config(), name, found);
    },
  }));
  return { module: RedisModule, global: true, providers, exports: providers.map(({ provide }) => provide) };
}

async function openClient(app: AppHandle, config: AppConfig, name: string, section: RedisConfig): Promise<RedisClient> {
  const place = `Anthill.redis.${name}`;
  const target = targetOf(name, config.reveal(section, place));
  const link = await RedisLink.make({ name, place, target, config: section, logger: app.logger, clock: app.clock, random: app.random });
  // Before it is open: another provider may keep the app from starting meanwhile.
  app.adopt(link);
  await link.open();
  return link.client;
}

function sectionOf(config: AppConfig, name: string, isOptional: boolean): RedisConfig | undefined {
  if (Object.hasOwn(config.redis, name)) return config.redis[name];
  if (isOptional) return undefined;
  const known = Object.keys(config.redis);
  const variable = name === 'default' ? 'ANTHILL_REDIS_URL' : `ANTHILL_REDIS__${name.toUpperCase()}__URL`;
  throw new BootError(
    'REDIS_UNKNOWN',
    `@InjectRedis('${name}'): the config has no such client${known.length > 0 ? ` (it has ${known.join(', ')})` : ''}; add "Anthill": { "redis": { "${name}": { "url": "redis://host:6379" } } }, or ${variable}; or write @InjectRedis('${name}', { optional: true })`,
  );
}
