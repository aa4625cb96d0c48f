/** What one place asks for. */
export interface RedisWant {
  readonly name: string;
  readonly optional: boolean;
}

/** What a client is provided under. Also the words of Nest's message when nobody provides it. */
export function redisToken(name = 'default'): symbol {
  return Symbol.for(`the Redis client '${name}' (Anthill.redis.${name} in the config, or RedisModule.forRoot)`);
}
