import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { Test, type TestingModule } from '@nestjs/testing';
import { Config, memoryConfig, type RpcApplication, RpcError } from 'anthill';
import { DatabaseModule } from 'anthill/database';
import { redisToken } from 'anthill/redis';
import { createTestingApp } from 'anthill/testing';
import { migrations } from './migrations/index.js';
import { User } from './user.entity.js';
import { UserRepository } from './user.repository.js';
import { UserService } from './user.service.js';

/** As much of Redis as the cache uses. */
class RedisInMemory {
  isAway = false;
  private readonly values = new Map<string, string>();

  async get(key: string): Promise<string | null> {
    if (this.isAway) throw new Error('away');
    return this.values.get(key) ?? null;
  }

  async set(key: string, value: string): Promise<'OK' | null> {
    if (this.isAway) throw new Error('away');
    if (this.values.has(key)) return null;
    this.values.set(key, value);
    return 'OK';
  }

  /** What the script does. */
  async eval(_script: string, _keys: number, key: string, lease: string, token: string, value: string): Promise<number> {
    if (this.values.get(lease) !== token) return 0;
    this.values.delete(lease);
    this.values.set(key, value);
    return 1;
  }

  async del(...keys: string[]): Promise<void> {
    for (const key of keys) this.values.delete(key);
  }
}

/** A class and its database, in Nest's testing module; a new database for each test. */
describe('UserRepository', () => {
  let module: TestingModule;
  let users: UserRepository;
  beforeEach(async () => {
    module = await Test.createTestingModule({
      imports: [DatabaseModule.forRoot({ file: ':memory:' }), DatabaseModule.forFeature({ entities: [User], migrations })],
      providers: [UserRepository],
    }).compile();
    users = module.get(UserRepository);
  });
  afterEach(() => module.close());

  it('gives all or nothing', async () => {
    const [ann, bob] = [await users.add('ann', 10), await users.add('bob', 0)];
    await users.give(ann.id, bob.id, 4);
    await assert.rejects(users.give(ann.id, bob.id, 7), { reason: 'TOO_FEW_CREDITS' });
    await assert.rejects(users.give(ann.id, 99, 1), { reason: 'USER_NOT_FOUND' });
    assert.deepEqual([(await users.byName('ann')).credits, (await users.byName('bob')).credits], [6, 4]);
  });

  it('never gives what is not there, whoever gives at the same time', async () => {
    const [ann, bob] = [await users.add('ann', 10), await users.add('bob', 0)];
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => users.give(ann.id, bob.id, 3)));
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 3);
    assert.deepEqual([(await users.byId(ann.id)).credits, (await users.byId(bob.id)).credits], [1, 9]);
  });

  it('keeps names unique', async () => {
    const ann = await users.add('ann', 0);
    await users.add('bob', 0);
    for (const taken of [() => users.add('ann', 0), () => users.rename(ann.id, 'bob')]) await assert.rejects(taken, { code: 'ALREADY_EXISTS', reason: 'NAME_TAKEN' });
  });
});

/** The service as callers see it, with a stand-in for Redis. */
describe('UserService', () => {
  const redis = new RedisInMemory();
  let app: RpcApplication;
  const call = (path: string, ...args: unknown[]): Promise<never> => app.rpc.call('user', path, args);
  before(async () => {
    app = await createTestingApp({ modules: [UserService], databases: 'memory', sources: [memoryConfig()], overrides: [{ provide: redisToken(), useValue: redis }] });
  });
  after(() => app.stop());

  it('greets with credits, and checks what it gets', async () => {
    assert.deepEqual(await call('/user/register', ' ann '), { id: 1, name: 'ann', credits: 100 });
    for (const wrong of [[''], ['x'.repeat(41)], ['a\0b'], [5]]) await assert.rejects(call('/user/register', ...wrong), (error) => RpcError.is(error) && error.code === 'INVALID_ARGUMENT');
  });

  it('remembers a user until it changes', async () => {
    const { id } = await call('/user/register', 'bob');
    const from = async (): Promise<string> => (await call('/user/get', id) as { from: string }).from;
    assert.deepEqual([await from(), await from()], ['database', 'cache']);
    await call('/user/rename', id, 'robert');
    assert.equal((await call('/user/get', id) as { name: string }).name, 'robert');
    await call('/user/give', 1, id, 5);
    assert.equal((await call('/user/get', id) as { credits: number }).credits, 105);
    assert.equal(await from(), 'cache');
  });

  it('goes on without its cache', async () => {
    redis.isAway = true;
    assert.equal((await call('/user/get', 1) as { from: string }).from, 'database');
    redis.isAway = false;
  });

  it('takes new settings as they come, and none that are wrong', async () => {
    const credits = async (name: string): Promise<number> => (await call('/user/register', name) as { credits: number }).credits;
    await app.get(Config).set('users.welcomeCredits', 7);
    assert.equal(await credits('cid'), 7);
    await app.get(Config).set('users.welcomeCredits', -1).catch(() => {});
    assert.equal(await credits('dan'), 7);
  });
});
