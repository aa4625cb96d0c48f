import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { BootError } from '../../../lib/common/boot-error.js';
import { systemClock, systemRandom } from '../../../lib/common/clock.js';
import { silentLogger } from '../../../lib/common/logger.js';
import { clientToken, clientUsesOf, clientVariantsOf, InjectClient } from '../../../lib/metadata/inject-client.decorator.js';
import { InjectRpc, InjectSettings } from '../../../lib/metadata/inject.decorator.js';
import { RpcContract } from '../../../lib/metadata/rpc-contract.decorator.js';
import { RPC_MODULE, RpcModule } from '../../../lib/metadata/rpc-module.decorator.js';
import { APP_HANDLE, type AppHandle } from '../../../lib/metadata/tokens.js';

@RpcContract('hello')
abstract class Hello {}

const slow = { timeoutMs: 60_000 };

@Injectable()
class Greeter {
  @InjectClient(Hello, slow)
  readonly onProperty!: unknown;

  constructor(
    @InjectClient(Hello) readonly hello: unknown,
    @InjectClient(() => Later) readonly later: unknown,
    @InjectRpc() readonly rpc: unknown,
    @InjectSettings() readonly settings: unknown,
  ) {}
}

@RpcContract('later')
abstract class Later {}

@RpcModule({ type: 'greeter', version: '2.0.0', providers: [Greeter] })
class GreeterModule {}

const handle: AppHandle = {
  health: () => ({ state: 'ready', ready: true, serving: true, parts: [] }),
  rpcOf: (type) => `rpc of ${type}`,
  settingsOf: (type) => `settings of ${type}`,
  clientOf: () => undefined,
  ...{ adopt() {}, configValue() {}, logger: silentLogger, clock: systemClock, random: systemRandom },
};

@Module({ providers: [{ provide: APP_HANDLE, useValue: handle }], exports: [APP_HANDLE] })
class Core {}

describe('injection decorators', () => {
  it('inject the clients by the tokens that the contract declares, and rpc and settings by module', async () => {
    const clients = [Hello, Later].flatMap((contract) =>
      clientVariantsOf(contract).map(({ token, options }) => ({ provide: token, useValue: `${contract.name} ${options?.timeoutMs ?? 'default'}` })),
    );
    const app = await Test.createTestingModule({
      imports: [{ module: Core, global: true }, { module: class Clients {}, global: true, providers: clients, exports: clients }, GreeterModule],
    }).compile();
    const greeter = app.get(Greeter, { strict: false });
    assert.deepEqual({ ...greeter }, { onProperty: 'Hello 60000', hello: 'Hello default', later: 'Later default', rpc: 'rpc of greeter', settings: 'settings of greeter' });
    await app.close();
  });

  it('say where a missing client must be listed', async () => {
    @RpcContract('lonely')
    abstract class Lonely {}
    @Injectable()
    class Wants {
      constructor(@InjectClient(Lonely) readonly client: unknown) {}
    }
    await assert.rejects(Test.createTestingModule({ providers: [Wants] }).setLogger({ log() {}, error() {}, warn() {} }).compile(), /list it: AnthillModule\.forRoot\(\{ clients: \[Lonely\] \}\)/);
  });

  it('give each options object its own token and no options the shared one', () => {
    assert.equal(clientToken(Hello), clientToken(Hello));
    assert.equal(clientToken(Hello, slow), clientToken(Hello, slow));
    assert.notEqual(clientToken(Hello, slow), clientToken(Hello));
    assert.notEqual(clientToken(Hello), clientToken(Later));
  });

  it('record the uses on the consumer, inherited ones too', () => {
    class Sub extends Greeter {}
    const uses = clientUsesOf(Sub).map((use) => [use.contract().name, use.options, use.token() === clientToken(use.contract(), use.options)]);
    assert.deepEqual(
      new Set(uses.map((use) => JSON.stringify(use))),
      new Set([['Hello', slow, true], ['Hello', undefined, true], ['Later', undefined, true]].map((use) => JSON.stringify(use))),
    );
  });

  it('explain an undefined class', () => {
    assert.throws(() => InjectClient(undefined as never)({}, 'x'), (error) => error instanceof BootError && /import each other/.test(error.message));
  });

  it('keep the module options as written', () => {
    assert.equal(RPC_MODULE.own(GreeterModule)?.type, 'greeter');
    assert.equal(RPC_MODULE.own(GreeterModule)?.version, '2.0.0');
    assert.ok(Object.isFrozen(RPC_MODULE.own(GreeterModule)));
  });
});
