import type { TestContext } from 'node:test';
import type { Redis } from 'ioredis';
import type { RedisSection } from '../../lib/config/redis-section.js';
import { Ctx, Handler, InjectRedis, RpcError, RpcFactory, RpcModule, type AppOptions, type RpcApplication, type RpcContext } from '../../lib/index.js';
import type { RedisClient } from '../../lib/redis/index.js';
import { isolated, Lines } from '../integration/app.support.js';

@RpcModule({ type: 'cache' })
export class Cache {
  constructor(@InjectRedis() readonly redis: Redis) {}

  @Handler('/set', { concurrent: true })
  set(key: string, value: string): Promise<string> {
    return this.redis.set(key, value);
  }

  @Handler('/get', { concurrent: true })
  get(key: string): Promise<string | null> {
    return this.redis.get(key);
  }

  /** Waits on a list for as long as the call may take. */
  @Handler('/pop', { concurrent: true })
  async pop(key: string, @Ctx() ctx: RpcContext): Promise<unknown> {
    try {
      return await this.redis.blpop(key, 0);
    } catch (error) {
      // Outside of the call, as far as Redis is concerned: the caller has its answer.
      aborts.push({ aborted: ctx.aborted, error });
      throw error;
    }
  }
}

/** What `/pop` ended with. */
export const aborts: { aborted: boolean; error: unknown }[] = [];

export interface RedisApp {
  readonly app: RpcApplication;
  readonly redis: RedisClient;
  readonly lines: Lines;
  health(): string | undefined;
}

/** An app whose module `cache` has the client. */
export async function startCache(t: Pick<TestContext, 'after'>, section: RedisSection, more: AppOptions = {}): Promise<RedisApp> {
  const lines = new Lines();
  const app = await RpcFactory.create({ ...isolated, modules: [Cache], redis: { default: section }, logger: lines, ...more });
  t.after(() => app.stop());
  await app.start();
  const redis = app.get(Cache).redis as RedisClient;
  return { app, redis, lines, health: () => app.health().parts.find(({ name }) => name === 'redis')?.status };
}

/** Waits for what should come. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, patienceMs = 10_000): Promise<void> {
  const giveUp = performance.now() + patienceMs;
  while (!(await Promise.resolve(holds()).catch(() => false))) {
    if (performance.now() > giveUp) throw new Error(`${what} did not come within ${patienceMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What calls ended with while something broke. */
export async function load(call: () => Promise<unknown>, signal: AbortSignal): Promise<Map<string, number>> {
  const ends = new Map<string, number>();
  const worker = async (): Promise<void> => {
    while (!signal.aborted) {
      const end = await call().then(() => 'ok', (error: unknown) => (RpcError.is(error) ? error.code : String(error)));
      ends.set(end, (ends.get(end) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return ends;
}
