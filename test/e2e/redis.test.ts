import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { inspect } from 'node:util';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Redis } from 'ioredis';
import { AnthillModule, BootError, Handler, InjectRedis, RpcApplication, RpcError, RpcFactory, RpcModule } from '../../lib/index.js';
import { RedisModule } from '../../lib/redis/index.js';
import { isolated } from '../integration/app.support.js';
import { describeWith, freePort, selfSigned, startRedis, type RunningServer } from '../services/index.js';
import { aborts, Cache, startCache, until } from './redis.support.js';

const PASSWORD = 'canary-pa55word';

describeWith('redis', ['redis-server'], () => {
  let server: RunningServer;
  before(async () => {
    server = await startRedis({ password: PASSWORD });
  });
  after(() => server.stop());

  it('is connected before the class is made, and serves', async (t) => {
    const { app, health } = await startCache(t, { url: `redis://:${PASSWORD}@127.0.0.1:${server.port}/3` });
    assert.equal(await app.rpc.call('cache', '/set', ['a', '1']), 'OK');
    assert.equal(await app.rpc.call('cache', '/get', ['a']), '1');
    assert.equal(health(), 'up');
    assert.equal(app.health().ready, true);
  });

  it('takes the password from the environment when it connects, and shows it nowhere', async (t) => {
    const env = { REDIS_PW: PASSWORD };
    const { app, redis } = await startCache(t, { host: '127.0.0.1', port: server.port, password: '$env:REDIS_PW' }, { env });
    assert.equal(await redis.set('b', '2'), 'OK');
    for (const shown of [JSON.stringify(app.config), inspect(app.config, { depth: 9 }), JSON.stringify(app.health())]) assert.ok(!shown.includes(PASSWORD));
    assert.equal(app.config.redis.default!.password, '$env:REDIS_PW');
  });

  it('a secret that is not there fails the start, by its key', async () => {
    await assert.rejects(RpcFactory.create({ ...isolated, modules: [Cache], redis: { default: { port: server.port, password: '$env:NOT_SET' } } }), {
      reason: 'CONFIG_SECRET',
      message: 'Anthill.redis.default.password is $env:NOT_SET, but the environment variable NOT_SET is not set',
    });
  });

  it('a wrong password fails the start with address, cause and what to try, and not with the password', async () => {
    const wrong = 'wrong-canary';
    const error = await RpcFactory.create({ ...isolated, modules: [Cache], redis: { default: { url: `redis://:${wrong}@127.0.0.1:${server.port}` } } }).then(
      () => assert.fail('it started'),
      (reason: unknown) => reason as BootError,
    );
    assert.equal(error.reason, 'REDIS_CONNECT');
    assert.match(error.message, new RegExp(`^redis at 127.0.0.1:${server.port} cannot be reached: .*WRONGPASS.* Check Anthill.redis.default.username and Anthill.redis.default.password$`));
    assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes(wrong));
  });

  it('nobody there fails the start at once; a server that says nothing fails it in time', async (t) => {
    const port = await freePort();
    await assert.rejects(RpcFactory.create({ ...isolated, modules: [Cache], redis: { default: { port } } }), {
      reason: 'REDIS_CONNECT',
      message: new RegExp(`redis at 127.0.0.1:${port} cannot be reached: connect ECONNREFUSED .*startup "retry"`),
    });
    const silent: Server = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(port, '127.0.0.1', resolve));
    t.after(() => silent.close());
    await assert.rejects(RpcFactory.create({ ...isolated, modules: [Cache], redis: { default: { port, connectTimeoutMs: 200 } } }), {
      reason: 'REDIS_CONNECT',
      message: /cannot be reached: no answer within 200 ms/,
    });
  });

  it('startup retry goes on unready and becomes ready when it is there', async (t) => {
    const port = await freePort();
    const { app, lines, health } = await startCache(t, { port, startup: 'retry' });
    assert.equal(health(), 'down');
    assert.equal(app.health().ready, false);
    await until('the cause', () => new RegExp(`^127.0.0.1:${port}: connect ECONNREFUSED`).test(app.health().parts.find(({ name }) => name === 'redis')!.detail!));
    await assert.rejects(app.rpc.call('cache', '/get', ['a']), { code: 'UNAVAILABLE', reason: 'REDIS_UNAVAILABLE' });
    const late = await startRedis({ port });
    t.after(() => late.stop());
    await until('readiness', () => app.health().ready);
    assert.equal(await app.rpc.call('cache', '/get', ['a']), null);
    const said = lines.lines.filter((line) => line.includes('redis at') || line.includes('redis is back'));
    assert.equal(said.length, 2, said.join('\n'));
  });

  it('a call that is over, or given up, ends the command', async (t) => {
    const { app } = await startCache(t, { url: `redis://:${PASSWORD}@127.0.0.1:${server.port}` });
    await assert.rejects(app.rpc.call('cache', '/pop', ['empty'], { timeoutMs: 50 }), { code: 'DEADLINE_EXCEEDED' });
    const signal = new AbortController();
    const given = app.rpc.call('cache', '/pop', ['empty'], { signal: signal.signal });
    signal.abort();
    await assert.rejects(given, { code: 'CANCELLED' });
    await until('both ends', () => aborts.length === 2);
    assert.deepEqual(aborts.map(({ aborted, error }) => [aborted, (error as RpcError).code]), [[true, 'DEADLINE_EXCEEDED'], [true, 'CANCELLED']]);
  });

  it('answers of Redis stay what they are', async (t) => {
    const { redis } = await startCache(t, { url: `redis://:${PASSWORD}@127.0.0.1:${server.port}` });
    await redis.set('text', 'x');
    await assert.rejects(redis.lpush('text', 'y'), { name: 'ReplyError', message: /^WRONGTYPE/ });
    const replies = await redis.pipeline().set('p', '1').get('p').lpush('text', 'y').exec();
    assert.deepEqual(replies!.slice(0, 2), [[null, 'OK'], [null, '1']]);
    assert.match(String(replies![2]![0]), /WRONGTYPE/);
    assert.deepEqual(await redis.multi().set('m', '1').incr('m').exec(), [[null, 'OK'], [null, 2]]);
  });

  it('several clients by name, optional ones, and one that code makes', async (t) => {
    @RpcModule({ type: 'many', imports: [RedisModule.forRootAsync({ name: 'made', useFactory: () => ({ port: server.port, password: PASSWORD, keyPrefix: 'made:' }) })] })
    class Many {
      constructor(
        @InjectRedis() readonly first: Redis,
        @InjectRedis('second') readonly second: Redis,
        @InjectRedis('made') readonly made: Redis,
        @InjectRedis('third', { optional: true }) readonly third: Redis | undefined,
      ) {}
      @Handler('/x')
      x() {}
    }
    const client = { port: server.port, password: PASSWORD };
    const app = await RpcFactory.create({ ...isolated, modules: [Many], redis: { default: client, second: { ...client, db: 1 } } });
    t.after(() => app.stop());
    await app.start();
    const { first, second, made, third } = app.get(Many);
    await Promise.all([first.set('who', 'first'), second.set('who', 'second'), made.set('who', 'made')]);
    assert.deepEqual(await Promise.all([first.get('who'), second.get('who'), first.get('made:who'), third]), ['first', 'second', 'made', undefined]);
    assert.deepEqual(app.health().parts.map(({ name }) => name).filter((name) => name.startsWith('redis')).toSorted(), ['redis', 'redis:made', 'redis:second']);
  });

  it("in a Nest app of the user's: for modules of forRoot by itself, elsewhere by its module; closed with the app", async () => {
    @Injectable()
    class Elsewhere {
      constructor(@InjectRedis('elsewhere') readonly redis: Redis) {}
    }
    const client = { port: server.port, password: PASSWORD };
    class Root {}
    Module({ imports: [AnthillModule.forRoot({ ...isolated, modules: [Cache], redis: { default: client } }), RedisModule.forRoot({ name: 'elsewhere', ...client })], providers: [Elsewhere] })(Root);
    const app = await NestFactory.createApplicationContext(Root, { logger: false });
    const { redis } = app.get(Elsewhere);
    assert.equal(await redis.set('nest', '1'), 'OK');
    assert.equal(await app.get(RpcApplication).rpc.call('cache', '/get', ['nest']), '1');
    assert.deepEqual(app.get(RpcApplication).health().parts.map(({ name }) => name).filter((name) => name.startsWith('redis')).toSorted(), ['redis', 'redis:elsewhere']);
    await app.close();
    assert.equal(redis.status, 'end');
  });

  it('a client that nobody has told of is a boot error with the lines to add', async () => {
    await assert.rejects(RpcFactory.create({ ...isolated, modules: [Cache], redis: { other: { port: server.port } } }), {
      reason: 'REDIS_UNKNOWN',
      message: /@InjectRedis\('default'\): the config has no such client \(it has other\); add .*ANTHILL_REDIS_URL/,
    });
  });

  it('a start that fails for another reason leaves no connection', async () => {
    @RpcModule({ type: 'broken' })
    class Broken {
      constructor(@InjectRedis() _redis: Redis) {
        throw new Error('no luck');
      }
    }
    await assert.rejects(RpcFactory.create({ ...isolated, modules: [Broken], redis: { default: { port: server.port, password: PASSWORD } } }), /no luck/);
    const admin = (await import('ioredis')).Redis;
    const watch = new admin({ port: server.port, password: PASSWORD });
    try {
      await until('the end of the connection', async () => String(await watch.client('LIST')).trim().split('\n').length === 1);
    } finally {
      watch.disconnect();
    }
  });

  it('nor does one that fails while the client still connects', async (t) => {
    const silent: Server = createServer();
    const sockets = new Set<Socket>();
    silent.on('connection', (socket) => sockets.add(socket.resume().on('close', () => sockets.delete(socket)).on('error', () => {})));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    t.after(() => silent.close());
    const broken = {
      provide: 'broken',
      useFactory: async () => {
        await until('the connection', () => sockets.size > 0);
        throw new Error('no luck');
      },
    };
    @RpcModule({ type: 'impatient', providers: [broken] })
    class Impatient {
      constructor(@InjectRedis() readonly redis: Redis) {}
    }
    const { port } = silent.address() as AddressInfo;
    await assert.rejects(RpcFactory.create({ ...isolated, modules: [Impatient], redis: { default: { port, connectTimeoutMs: 60_000 } } }), /no luck/);
    await until('the end of the connection', () => sockets.size === 0);
  });

  it('is open while handlers run, and closed when they are done', async (t) => {
    const { app, redis } = await startCache(t, { url: `redis://:${PASSWORD}@127.0.0.1:${server.port}` });
    const copy = redis.duplicate();
    await (copy as Redis).subscribe('news');
    const pusher = redis.duplicate() as Redis;
    const slow = app.rpc.call('cache', '/pop', ['slow'], { timeoutMs: 5000 });
    await until('the wait', async () => String(await pusher.client('LIST')).includes('cmd=blpop'));
    const stopped = app.stop();
    await pusher.rpush('slow', 'done');
    assert.deepEqual(await slow, ['slow', 'done']);
    await stopped;
    assert.deepEqual([redis.status, copy.status, pusher.status], ['end', 'end', 'end']);
  });
});

describeWith('redis over TLS', ['redis-server', 'openssl'], () => {
  it('verifies the server by the authority that is given, and by those of the machine otherwise', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'anthill-redis-tls-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const { cert, key } = await selfSigned(folder);
    const port = await freePort();
    const server = await startRedis({ config: `tls-port ${port}\ntls-cert-file ${cert}\ntls-key-file ${key}\ntls-ca-cert-file ${cert}\ntls-auth-clients no` });
    t.after(() => server.stop());
    const ca = readFileSync(cert, 'utf8');
    const { redis } = await startCache(t, { url: `rediss://localhost:${port}`, tls: { ca } });
    assert.equal(await redis.set('secure', '1'), 'OK');
    await assert.rejects(RpcFactory.create({ ...isolated, modules: [Cache], redis: { default: { url: `rediss://localhost:${port}` } } }), { reason: 'REDIS_CONNECT', message: /certificate.*Check Anthill\.redis\.default\.tls/ });
    await assert.rejects(RpcFactory.create({ ...isolated, modules: [Cache], redis: { default: { url: `rediss://localhost:${server.port}`, connectTimeoutMs: 1000 } } }), { reason: 'REDIS_CONNECT' });
  });
});
