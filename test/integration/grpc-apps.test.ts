import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import * as grpc from '@grpc/grpc-js';
import { AnthillModule } from '../../lib/bootstrap/anthill.module.js';
import { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { RpcFactory } from '../../lib/bootstrap/rpc.factory.js';
import { GrpcHandler, GrpcService } from '../../lib/grpc/grpc.decorators.js';
import { GrpcModule } from '../../lib/grpc/grpc.module.js';
import { GrpcServer } from '../../lib/grpc/grpc.server.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { createTestingApp } from '../../lib/testing/testing-app.js';
import { isolated } from './app.support.js';
import { failure, Peer, portOf, SHOP_PROTO } from './grpc.support.js';

@GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })
@RpcModule({ type: 'shop' })
class Shop {
  @GrpcHandler()
  add(): object {
    return { value: 1 };
  }
}

const LOOPBACK = { host: '127.0.0.1', port: 0 };

function peerOf(t: TestContext, port: number): Peer {
  const peer = new Peer(port);
  t.after(() => peer.close());
  return peer;
}

describe('apps with a gRPC server', () => {
  it('of the user\'s own, with forRoot', async (t) => {
    @Module({ imports: [AnthillModule.forRoot({ ...isolated, modules: [Shop], grpc: LOOPBACK })] })
    class AppModule {}
    const nest = await NestFactory.createApplicationContext(AppModule, { logger: false });
    t.after(() => nest.close());
    const app = nest.get(RpcApplication);
    assert.equal(app.state, 'ready');
    assert.equal((await peerOf(t, portOf(app)).unary('/shop.v1.Shop/add', {})).value, '1');
  });

  it('with forRoot and classes outside of its modules import GrpcModule', async (t) => {
    @Module({ imports: [AnthillModule.forRoot({ ...isolated, modules: [], grpc: LOOPBACK }), Shop, GrpcModule] })
    class AppModule {}
    const nest = await NestFactory.createApplicationContext(AppModule, { logger: false });
    t.after(() => nest.close());
    assert.equal((await peerOf(t, nest.get(GrpcServer).port!).unary('/shop.v1.Shop/add', {})).value, '1');
  });

  it('serve the modules of their process group only', async (t) => {
    @GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })
    @RpcModule({ type: 'elsewhere' })
    class Elsewhere {
      @GrpcHandler()
      ping(): void {}
    }
    const groups = { name: 'test', load: async () => ({ name: 'server.json', tree: { Module: { shop: [{ Id: '1', ProcessID: 'development' }], elsewhere: [{ Id: '2', ProcessID: 'other' }] } } }) };
    const app = await createTestingApp({ modules: [Shop, Elsewhere], sources: [groups] });
    t.after(() => app.stop());
    const peer = peerOf(t, portOf(app));
    assert.equal((await peer.unary('/shop.v1.Shop/add', {})).value, '1');
    assert.equal((await failure(peer.unary('/shop.v1.Shop/Ping', {}))).code, grpc.status.UNIMPLEMENTED);
  });

  it('are none where all gRPC classes run elsewhere', async (t) => {
    @RpcModule({ type: 'here' })
    class Here {}
    const groups = { name: 'test', load: async () => ({ name: 'server.json', tree: { Module: { here: [{ Id: '1', ProcessID: 'development' }], shop: [{ Id: '2', ProcessID: 'other' }] } } }) };
    const app = await createTestingApp({ modules: [Shop, Here], sources: [groups] });
    t.after(() => app.stop());
    assert.throws(() => app.get(GrpcServer));
  });

  it('say what config cannot by GrpcModule.forRoot', async (t) => {
    @Module({ imports: [GrpcModule.forRoot({ credentials: grpc.ServerCredentials.createInsecure(), channelOptions: { 'grpc.max_receive_message_length': 10 } })] })
    class Options {}
    const app = await createTestingApp({ modules: [Shop, Options] });
    t.after(() => app.stop());
    const peer = peerOf(t, portOf(app));
    assert.equal((await peer.unary('/shop.v1.Shop/add', {})).value, '1');
    assert.equal((await failure(peer.unary('/shop.v1.Shop/add', { a: '1152921504606846976', b: '1152921504606846976' }))).code, grpc.status.RESOURCE_EXHAUSTED);
  });

  it('that stop while they start leave no port behind', async () => {
    const app = await RpcFactory.create({ ...isolated, modules: [Shop], grpc: LOOPBACK });
    const starting = app.start();
    await Promise.all([starting.catch(() => {}), app.stop()]);
    assert.equal(app.get(GrpcServer).port, undefined);
  });

  it('stop twice as once, and at once when idle', async () => {
    const app = await createTestingApp({ modules: [Shop] });
    const peer = new Peer(portOf(app));
    await peer.unary('/shop.v1.Shop/add', {});
    await Promise.all([app.stop(), app.stop()]);
    peer.close();
    assert.equal(app.state, 'stopped');
  });
});
