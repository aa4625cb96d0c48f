import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Redis } from 'ioredis';
import { Handler, InjectRedis, RpcFactory, RpcModule } from '../../lib/index.js';
import { redisToken } from '../../lib/redis/index.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { isolated } from './app.support.js';

@RpcModule({ type: 'cart' })
class Cart {
  constructor(
    @InjectRedis() private readonly redis: Redis,
    @InjectRedis('extra', { optional: true }) readonly extra: Redis | undefined,
  ) {}

  @Handler('/count', { concurrent: true })
  async count(user: string): Promise<number> {
    return Number(await this.redis.get(`cart:${user}`));
  }
}

describe('@InjectRedis without Redis', () => {
  it('takes a stand-in in tests, and undefined where it may', async () => {
    const stored = new Map([['cart:me', '3']]);
    const app = await createTestingApp({ modules: [Cart], overrides: [{ provide: redisToken(), useValue: { get: async (key: string) => stored.get(key) } }] });
    try {
      assert.equal(await app.rpc.call('cart', '/count', ['me']), 3);
      assert.equal(app.get(Cart).extra, undefined);
    } finally {
      await app.stop();
    }
  });

  it('asks for its config, all mistakes of it at once', async () => {
    await assert.rejects(createTestingApp({ modules: [Cart] }), { reason: 'REDIS_UNKNOWN', message: /ANTHILL_REDIS_URL/ });
    await assert.rejects(RpcFactory.create({ ...isolated, modules: [Cart], redis: { default: { port: 0, startup: 'later' as never } } }), { reason: 'BOOT_FAILED', message: /option redis\.default\.port must be an integer[^]*option redis\.default\.startup must be one of/ });
    await assert.rejects(RpcFactory.create({ ...isolated, modules: [Cart], redis: { default: { url: 'http://h' } } }), { reason: 'REDIS_OPTIONS' });
  });
});
