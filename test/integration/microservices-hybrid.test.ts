import 'reflect-metadata';
import { Controller, Get, Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxy, ClientProxyFactory, ClientsModule, EventPattern, MessagePattern, Transport, type MicroserviceOptions } from '@nestjs/microservices';
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import { AnthillModule } from '../../lib/bootstrap/anthill.module.js';
import { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { InjectClient } from '../../lib/metadata/inject-client.decorator.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { contractMethod, RpcContract } from '../../lib/metadata/rpc-contract.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { Client } from '../../lib/rpc/client-type.js';
import { AnthillClientProxy } from '../../lib/microservices/anthill.client-proxy.js';
import { ANTHILL_TRANSPORT } from '../../lib/microservices/anthill.strategy.js';
import { anthillClient, anthillMicroservice } from '../../lib/microservices/nest-options.js';
import { freePort } from '../services/free-port.js';
import { Journal, MathController } from '../unit/microservices/patterns.suite.js';
import { PlainHttpAdapter } from '../unit/microservices/plain-http.adapter.js';
import { caller, inMemory, isolated, microservice, rootModule, rpcError } from '../unit/microservices/support.js';

@RpcModule({ type: 'greeter' })
class Greeter {
  @Handler('/hi', { concurrent: true })
  hi(name: string): string {
    return `hi ${name}`;
  }
}

@RpcContract('math')
abstract class MathContract {
  @Handler('{"cmd":"sum"}')
  sum(_numbers: number[]): number {
    return contractMethod();
  }
  @Handler('stream')
  last(_data: unknown): Promise<number> {
    return contractMethod();
  }
}

@RpcModule({ type: 'asking' })
class Asking {
  constructor(@InjectClient(MathContract) readonly math: Client<MathContract>) {}
}

describe('a hybrid app with Nest\'s TCP and Anthill', { timeout: 20_000 }, () => {
  @Controller()
  class Marked {
    @MessagePattern('who', Transport.TCP)
    overTcp(): string {
      return 'tcp';
    }
    @MessagePattern('who', ANTHILL_TRANSPORT)
    overAnthill(): string {
      return 'anthill';
    }
    @Get('page')
    page(): string {
      return 'page';
    }
  }

  async function bothClients(t: TestContext): Promise<{ tcp: ClientProxy; anthill: ClientProxy; url: string }> {
    const [plugs, port] = [inMemory(), await freePort()];
    const nest = await NestFactory.create(rootModule(plugs, { controllers: [MathController, Marked], providers: [Journal] }), new PlainHttpAdapter(), { logger: false, abortOnError: false });
    t.after(() => nest.close());
    nest.connectMicroservice<MicroserviceOptions>({ transport: Transport.TCP, options: { port, host: '127.0.0.1' } }, { inheritAppConfig: true });
    nest.connectMicroservice(anthillMicroservice({ type: 'both' }), { inheritAppConfig: true });
    await nest.startAllMicroservices();
    await nest.listen(0);
    const app = await caller(plugs);
    t.after(() => app.stop());
    const tcp = ClientProxyFactory.create({ transport: Transport.TCP, options: { port, host: '127.0.0.1' } });
    t.after(() => void tcp.close());
    const { port: httpPort } = nest.getHttpServer().address() as { port: number };
    return { tcp, anthill: new AnthillClientProxy({ rpc: app.rpc, target: 'both' }), url: `http://127.0.0.1:${httpPort}` };
  }

  it('answers both in the same way, and HTTP beside them', async (t) => {
    const { tcp, anthill, url } = await bothClients(t);
    for (const [pattern, data] of [[{ cmd: 'sum' }, [1, 2, 3]], ['promise', { name: 'x' }], ['deferred', 0], ['null value', 0]] as const) {
      const [theirs, ours] = await Promise.all([tcp, anthill].map((client) => lastValueFrom(client.send<unknown>(pattern, data).pipe(toArray()))));
      assert.deepEqual(ours, theirs, JSON.stringify(pattern));
    }
    assert.deepEqual(await lastValueFrom(tcp.send('stream', 0).pipe(toArray())), [1, 2, 3]);
    assert.deepEqual(await lastValueFrom(anthill.send('stream', 0).pipe(toArray())), [3]);
    assert.equal(await (await fetch(`${url}/page`)).text(), 'page');
  });

  it('errors of RpcException say the same, ours in RpcError', async (t) => {
    const { tcp, anthill } = await bothClients(t);
    await assert.rejects(firstValueFrom(tcp.send('rpc exception', 0)), { code: 'NOT_FOUND', reason: 'NO_SUCH_USER', message: 'no user 7', id: 7 });
    await assert.rejects(firstValueFrom(anthill.send('rpc exception', 0)), rpcError('NOT_FOUND', /^no user 7$/, { reason: 'NO_SUCH_USER', details: { id: 7 } }));
  });

  it('patterns that name a transport belong to it', async (t) => {
    const { tcp, anthill } = await bothClients(t);
    assert.equal(await firstValueFrom(tcp.send('who', 0)), 'tcp');
    assert.equal(await firstValueFrom(anthill.send('who', 0)), 'anthill');
  });
});

describe('a microservice of Nest among RpcModules', { timeout: 20_000 }, () => {
  @Injectable()
  class Heard {
    onEvent: (value: unknown) => void = () => undefined;
  }

  @Controller()
  class Front {
    constructor(
      @Inject('GREETER') private readonly greeter: ClientProxy,
      @InjectClient(Greeter) private readonly typed: Client<Greeter>,
      private readonly heard: Heard,
    ) {}

    @MessagePattern('both ways')
    async bothWays(name: string): Promise<unknown> {
      return [await firstValueFrom(this.greeter.send('/hi', name)), await this.typed.hi(name)];
    }

    @EventPattern('told')
    told(value: unknown): void {
      this.heard.onEvent(value);
    }
  }

  it('injects clients of ClientsModule and typed ones; both are nodes of one app', async (t) => {
    const plugs = inMemory();
    @Module({
      imports: [AnthillModule.forRoot({ ...isolated(plugs), modules: [Greeter] }), ClientsModule.registerAsync([anthillClient({ name: 'GREETER', target: 'greeter', timeoutMs: 5000 })])],
      controllers: [Front],
      providers: [Heard],
    })
    class AppModule {}
    const nest = await microservice(AppModule, { type: 'front', metadata: { zone: 'a' } });
    t.after(() => nest.close());
    await nest.listen();
    const app = await caller(plugs);
    t.after(() => app.stop());
    assert.deepEqual(await app.rpc.call('front', 'both ways', ['x']), ['hi x', 'hi x']);
    assert.equal(await app.rpc.call('greeter', '/hi', ['y']), 'hi y');
    const own = nest.get(RpcApplication);
    assert.deepEqual([...own.modules.keys()].sort(), ['front', 'greeter']);
    assert.equal((await app.rpc.nodes('front'))[0]!.metadata['zone'], 'a');
    const told = new Promise((resolve) => (nest.get(Heard).onEvent = resolve));
    await app.rpc.notify('front', 'told', [{ n: 1 }]);
    assert.deepEqual(await told, { n: 1 });
  });

  it('typed clients call message patterns by a contract', async (t) => {
    const plugs = inMemory();
    const nest = await microservice(rootModule(plugs, { controllers: [MathController], providers: [Journal] }), { type: 'math' });
    t.after(() => nest.close());
    await nest.listen();
    const app = await caller(plugs, [Asking]);
    t.after(() => app.stop());
    const { math } = app.get(Asking);
    assert.equal(await math.sum([1, 2, 3], { timeoutMs: 1000 }), 6);
    assert.equal(await math.last('x'), 3);
  });

  it('ClientsModule.register takes a client of an app that exists', async (t) => {
    const plugs = inMemory();
    const service = await caller(plugs, [Greeter]);
    t.after(() => service.stop());
    @Module({ imports: [ClientsModule.register([{ name: 'G', customClass: AnthillClientProxy, options: { rpc: service.rpc, target: 'greeter' } }])] })
    class AppModule {}
    const nest = await NestFactory.createApplicationContext(AppModule, { logger: false });
    t.after(() => nest.close());
    assert.equal(await firstValueFrom(nest.get<ClientProxy>('G').send('/hi', 'x')), 'hi x');
  });

  it('a type that is taken is refused by listen', async (t) => {
    const plugs = inMemory();
    const nest = await microservice(rootModule(plugs, { modules: [Greeter] }), { type: 'greeter' });
    t.after(() => nest.close());
    await assert.rejects(nest.listen(), /serves 'greeter' already/);
  });
});
