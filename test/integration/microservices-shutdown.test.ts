import 'reflect-metadata';
import { Controller, Injectable, type BeforeApplicationShutdown, type INestApplicationContext, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleDestroy, type OnModuleInit, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern } from '@nestjs/microservices';
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { anthillMicroservice } from '../../lib/microservices/nest-options.js';
import { PlainHttpAdapter } from '../unit/microservices/plain-http.adapter.js';
import { caller, inMemory, microservice, rootModule, rpcError, until, type Plugs } from '../unit/microservices/support.js';

/** Tells in one list what happens when. */
function world() {
  const events: string[] = [];
  let finish: () => void = () => undefined;
  const shared = inMemory();
  const plugs: Plugs = () => {
    const made = shared();
    const registry = made.registry as { register(...args: unknown[]): Promise<void>; deregister(...args: unknown[]): Promise<void> };
    const { register, deregister } = registry;
    registry.register = async (...args) => (events.push('registered'), register.apply(registry, args));
    registry.deregister = async (...args) => (events.push('deregistered'), deregister.apply(registry, args));
    return made;
  };

  @Injectable()
  class Hooks implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown {
    onModuleInit() {
      events.push('onModuleInit');
    }
    onApplicationBootstrap() {
      events.push('onApplicationBootstrap');
    }
    onModuleDestroy() {
      events.push('onModuleDestroy');
    }
    beforeApplicationShutdown() {
      events.push('beforeApplicationShutdown');
    }
    onApplicationShutdown() {
      events.push('onApplicationShutdown');
    }
  }

  @Controller()
  class Work {
    @MessagePattern('work')
    async work(): Promise<string> {
      events.push('working');
      await new Promise<void>((resolve) => (finish = resolve));
      events.push('done');
      return 'result';
    }
  }

  return { events, shared, root: rootModule(plugs, { controllers: [Work], providers: [Hooks] }), finish: () => finish() };
}

const START = ['onModuleInit', 'onApplicationBootstrap', 'registered'];
const STOP = ['working', 'deregistered', 'done', 'onModuleDestroy', 'beforeApplicationShutdown', 'onApplicationShutdown'];

async function stopsInOrder(t: TestContext, start: (root: Type) => Promise<INestApplicationContext>, stop: (app: INestApplicationContext) => Promise<unknown>): Promise<void> {
  const { events, shared, root, finish } = world();
  const nest = await start(root);
  const anthill = nest.get(RpcApplication);
  const client = await caller(shared);
  t.after(() => client.stop());
  assert.deepEqual(events, START);
  events.length = 0;
  const call = client.rpc.call('work', 'work');
  await until(() => events.includes('working'));
  const stopped = stop(nest);
  await until(() => events.includes('deregistered'));
  assert.equal(anthill.state, 'draining');
  finish();
  assert.equal(await call, 'result');
  await stopped;
  assert.deepEqual(events, STOP);
  assert.equal(anthill.state, 'stopped');
  await assert.rejects(client.rpc.call('work', 'work'), rpcError('UNAVAILABLE', /work/));
}

async function alone(root: Type): Promise<INestApplicationContext> {
  const app = await microservice(root, { type: 'work' });
  await app.listen();
  return app;
}

async function hybrid(root: Type): Promise<INestApplicationContext> {
  const app = await NestFactory.create(root, new PlainHttpAdapter(), { logger: false, abortOnError: false });
  app.connectMicroservice(anthillMicroservice({ type: 'work' }), { inheritAppConfig: true });
  await app.startAllMicroservices();
  await app.listen(0);
  return app;
}

/** As the process gets it; Nest sends the signal to itself again when it is done, which ends a process that has no listener left. */
async function bySignal(app: INestApplicationContext): Promise<void> {
  let again: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (again = resolve));
  app.enableShutdownHooks(['SIGTERM']);
  let count = 0;
  const survive = () => void (++count === 2 && again());
  process.on('SIGTERM', survive);
  process.kill(process.pid, 'SIGTERM');
  await ended;
  process.off('SIGTERM', survive);
}

describe('a microservice of Nest leaves the registry and finishes its calls before anything is destroyed', { timeout: 20_000 }, () => {
  it('createMicroservice and close()', (t) => stopsInOrder(t, alone, (app) => app.close()));
  it('createMicroservice and SIGTERM', (t) => stopsInOrder(t, alone, bySignal));
  it('a hybrid app and close()', (t) => stopsInOrder(t, hybrid, (app) => app.close()));
  it('a hybrid app and SIGTERM', (t) => stopsInOrder(t, hybrid, bySignal));
});

describe('a microservice of Nest is in the registry when it can answer', () => {
  it('a hybrid app whose HTTP listens first', async (t) => {
    const { events, shared, root, finish } = world();
    const app = await NestFactory.create(root, new PlainHttpAdapter(), { logger: false, abortOnError: false });
    app.connectMicroservice(anthillMicroservice({ type: 'work' }), { inheritAppConfig: true });
    await app.listen(0);
    t.after(() => app.close());
    assert.deepEqual(events, START.slice(0, 2));
    await app.startAllMicroservices();
    assert.deepEqual(events, START);
    const client = await caller(shared);
    t.after(() => client.stop());
    const call = client.rpc.call('work', 'work');
    await until(() => events.includes('working'));
    finish();
    assert.equal(await call, 'result');
  });

  it('a microservice that is initialised before it listens', async (t) => {
    const { events, shared, root, finish } = world();
    const app = await microservice(root, { type: 'work' });
    await app.init();
    assert.ok(!events.includes('registered'));
    await app.listen();
    t.after(() => app.close());
    assert.equal(events.at(-1), 'registered');
    const client = await caller(shared);
    t.after(() => client.stop());
    const call = client.rpc.call('work', 'work');
    await until(() => events.includes('working'));
    finish();
    assert.equal(await call, 'result');
  });

  it('closing the transport alone drains, any number of times, and the container lives on', async (t) => {
    const { events, root } = world();
    const app = await microservice(root, { type: 'work' });
    await app.listen();
    t.after(() => app.close());
    const strategy = (app as unknown as { getTransportServer(): { close(): Promise<void> } }).getTransportServer();
    events.length = 0;
    await Promise.all([strategy.close(), strategy.close()]);
    assert.deepEqual(events, ['deregistered']);
  });

  it('mistakes come out of listen', async () => {
    @Controller()
    class Twice {
      @MessagePattern('same')
      a(): void {}
      @MessagePattern('same')
      b(): void {}
      @MessagePattern('odd', { anthill: { concurent: 2 } })
      c(): void {}
    }
    const app = await microservice(rootModule(inMemory(), { controllers: [Twice] }), { type: 'work' });
    await assert.rejects(app.listen(), /2 @MessagePattern handlers share the pattern 'same'[\s\S]*there is no option "concurent"[\s\S]*concurrent/);
    await app.close();
    const other = await microservice(rootModule(inMemory(), { controllers: [] }), { type: 'no/name' });
    await assert.rejects(other.listen(), /'no\/name' is no service name/);
    await other.close();
  });
});
