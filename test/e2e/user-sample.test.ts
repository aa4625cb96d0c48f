import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { migrationSource } from '../../lib/database/index.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { migrations } from '../../sample/04-user-service/migrations/index.js';
import { User } from '../../sample/04-user-service/user.entity.js';
import { UserService } from '../../sample/04-user-service/user.service.js';
import { describeWith, startMariadb, startPostgres, startRedis } from '../services/index.js';

const SERVERS = [
  { type: 'mariadb', need: 'mariadbd', start: () => startMariadb() },
  { type: 'postgres', need: 'postgres', start: () => startPostgres() },
] as const;

describe('sample 04-user-service on servers', () => {
  for (const { type, need, start } of SERVERS) {
    describeWith(`${type} and Redis`, [need, 'redis-server'], () => {
      it('is the same code, migrated by command, with a cache that never shows what was changed', async (t) => {
        const [database, redis] = await Promise.all([start(), startRedis()]);
        t.after(() => Promise.all([database.stop(), redis.stop()]));
        const url = `${type}://${database.user}@127.0.0.1:${database.port}/${database.database}`;
        const env = { ANTHILL_DATABASES__DEFAULT__URL: url, ANTHILL_DATABASES__DEFAULT__PASSWORD: '$env:DB', DB: database.password, ANTHILL_REDIS_URL: redis.url, ANTHILL_DATABASES__DEFAULT__POOL__ACQUIRE_TIMEOUT_MS: '30000', ANTHILL_RPC__TIMEOUT_MS: '60000' };
        const command = await migrationSource({ entities: [User], migrations, env });
        await command.initialize();
        assert.equal((await command.runMigrations()).length, 1);
        assert.deepEqual((await command.driver.createSchemaBuilder().log()).upQueries.map(({ query }) => query), [], 'the entities are what the migrations make');
        await command.destroy();

        const app = await createTestingApp({ modules: [UserService], env });
        t.after(() => app.stop());
        const call = <T>(path: string, ...args: unknown[]): Promise<T> => app.rpc.call('user', path, args) as Promise<T>;
        const ids = await Promise.all(['ann', 'bob', 'cid'].map(async (name) => (await call<{ id: number }>('/user/register', name)).id));
        await assert.rejects(call('/user/register', 'ann'), { reason: 'NAME_TAKEN' });
        const get = (id: number) => call<{ credits: number; from: string }>('/user/get', id);
        assert.deepEqual([(await get(ids[0]!)).from, (await get(ids[0]!)).from], ['database', 'cache']);

        // Readers and givers at the same time: the sum stays, and in the end the cache says what the database does.
        const gifts = Array.from({ length: 30 }, (_, i) => call('/user/give', ids[i % 3], ids[(i + 1) % 3], 1 + (i % 5)).catch((error: { reason: string }) => assert.equal(error.reason, 'TOO_FEW_CREDITS')));
        const reads = Array.from({ length: 60 }, (_, i) => get(ids[i % 3]!));
        await Promise.all([...gifts, ...reads]);
        const cached = await Promise.all(ids.map(get));
        const stored = await Promise.all(['ann', 'bob', 'cid'].map((name) => call<{ credits: number }>('/user/find', name)));
        assert.deepEqual(cached.map(({ credits }) => credits), stored.map(({ credits }) => credits));
        assert.equal(stored.reduce((sum, { credits }) => sum + credits, 0), 300);

        // What a user writes is data, for the database and for Redis.
        for (const name of [`'); DROP TABLE users; --`, `" OR 1=1 --`, "`\\'", '%_', '${credits}', ':id', '😀']) {
          const { id } = await call<{ id: number }>('/user/register', name);
          assert.deepEqual([(await call<{ id: number }>('/user/find', name)).id, (await get(id) as unknown as { name: string }).name, (await get(id) as unknown as { name: string }).name], [id, name, name]);
        }
        for (const name of ['a\r\nFLUSHALL\r\n', 'a\0b', { toString: 'x' }, ['ann']]) await assert.rejects(call('/user/register', name), { code: 'INVALID_ARGUMENT' });
        for (const id of [`1; DROP TABLE users`, '1 OR 1=1', { $ne: 0 }, [1], 1.5, -1]) await assert.rejects(call('/user/get', id), { code: 'INVALID_ARGUMENT' });
        assert.equal((await call<{ credits: number }>('/user/find', 'ann')).credits, stored[0]!.credits);

        await redis.kill();
        assert.equal((await get(ids[0]!)).from, 'database');
      });
    });
  }
});
