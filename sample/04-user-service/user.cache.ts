import { randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { type ConfigOf, ConfigValue, InjectConfig, InjectRedis } from 'anthill';
import type { RedisClient } from 'anthill/redis';
import { UsersConfig } from './user.config.js';
import type { User } from './user.entity.js';

/** A reader that has this long for its row may still fill the cache. */
const LEASE_MS = 5000;
/** Fills only for the holder of the lease: who changed the user meanwhile has taken it away, and the row is an old one. */
const FILL = `if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1`;

/** Users in Redis, beside the database. Without Redis, or while it is away, the database does all the work. */
@Injectable()
export class UserCache {
  private readonly logger = new Logger(UserCache.name);

  constructor(
    @InjectRedis('default', { optional: true }) private readonly redis: RedisClient | undefined,
    @InjectConfig('users', UsersConfig) private readonly config: ConfigValue<ConfigOf<typeof UsersConfig>>,
  ) {}

  /** The user as cached, else as `load` gives it. */
  async get(id: number, load: () => Promise<User>): Promise<User & { from: 'cache' | 'database' }> {
    const cached = await this.trying('read', (redis) => redis.get(keyOf(id)));
    if (cached) return { ...(JSON.parse(cached) as User), from: 'cache' };
    const lease = randomUUID();
    const isOurs = await this.trying('lease', (redis) => redis.set(leaseOf(id), lease, 'PX', LEASE_MS, 'NX'));
    const user = await load();
    if (isOurs) await this.trying('fill', (redis) => redis.eval(FILL, 2, keyOf(id), leaseOf(id), lease, JSON.stringify(user), this.config.value.cacheSeconds));
    return { ...user, from: 'database' };
  }

  /** After the change is committed: before, a reader would put the old row back. */
  async forget(...ids: number[]): Promise<void> {
    await this.trying('forget', (redis) => redis.del(...ids.flatMap((id) => [keyOf(id), leaseOf(id)])));
  }

  /** A cache that is away must not cost an answer. */
  private async trying<T>(what: string, command: (redis: RedisClient) => Promise<T>): Promise<T | undefined> {
    if (this.redis === undefined) return undefined;
    try {
      return await command(this.redis);
    } catch (error) {
      this.logger.warn(`${what}: ${(error as Error).message}`);
      return undefined;
    }
  }
}

// One hash tag for both keys: a cluster runs the script where they are.
const keyOf = (id: number): string => `{user:${id}}`;
const leaseOf = (id: number): string => `{user:${id}}:lease`;
