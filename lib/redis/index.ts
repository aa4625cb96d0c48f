/** Redis by annotation: needs the package `ioredis`. `@InjectRedis()` itself is also in `anthill`. */
export { InjectRedis, type InjectRedisOptions } from './inject-redis.decorator.js';
export { RedisModule, type RedisModuleAsyncOptions, type RedisModuleOptions } from './redis.module.js';
export { redisToken } from './redis-token.js';
export type { RedisClient } from './redis-vendor.js';
