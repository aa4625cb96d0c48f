import { Inject } from '@nestjs/common';
import type { InjectDecorator } from '../metadata/inject.decorator.js';
import { needModule, type ModuleSupplier } from '../metadata/needed-module.js';
import { redisToken, type RedisWant } from './redis-token.js';

/** @public */
export interface InjectRedisOptions {
  /** Inject undefined where the config has no such client, instead of refusing to start. @default false */
  optional?: boolean;
}

/** Loaded when some class wants a client: the module needs `ioredis`. */
const supplier: ModuleSupplier<RedisWant> = Object.freeze({
  name: 'redis',
  moduleFor: async (...args: Parameters<ModuleSupplier<RedisWant>['moduleFor']>) => (await import('./redis.module.js')).redisModuleFor(...args),
});

/**
 * Injects an `ioredis` client: connected before the class is made, closed after the last handler is done. `@InjectRedis() redis: Redis`.
 * @param name a client of `Anthill.redis.<name>` in the config, or of `RedisModule.forRoot({ name })`
 * @public
 */
export function InjectRedis(name = 'default', { optional = false }: InjectRedisOptions = {}): InjectDecorator {
  const decorate = (target: object, key: string | symbol | undefined, index?: number) => {
    const consumer = (index === undefined ? target.constructor : target) as Function;
    needModule(consumer, supplier, Object.freeze({ name, optional }));
    (Inject(redisToken(name)) as typeof decorate)(target, key, index);
  };
  return decorate as InjectDecorator;
}
