import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import type { AppPart, HealthReport } from '../../lib/common/lifecycle.js';
import { RpcError } from '../../lib/common/rpc-error.js';
import { GrpcHandler, GrpcService } from '../../lib/grpc/grpc.decorators.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { createTestingApp } from '../../lib/testing/testing-app.js';
import { portOf, SHOP_PROTO } from '../integration/grpc.support.js';
import { describeWith } from '../services/index.js';
import { goTool } from './go-grpc-peer.js';

@GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })
@RpcModule({ type: 'shop' })
class Shop {
  @GrpcHandler()
  add({ a, b }: { a: string; b: string }): object {
    if (a === '13') throw new RpcError({ code: 'ABORTED', reason: 'UNLUCKY', message: 'not thirteen', details: { tries: 1 } });
    return { value: BigInt(a) + BigInt(b), itemNames: { key: 'value' } };
  }
  @GrpcHandler()
  *count({ from, to }: { from: number; to: number }): Generator<object> {
    for (let number = from; number < to; number++) yield { number };
  }
  @GrpcHandler()
  async collect(items: AsyncIterable<{ number: number }>): Promise<object> {
    let value = 0;
    for await (const { number } of items) value += number;
    return { value };
  }
  @Handler('/say/hi')
  sayHi(name: string): object {
    return { text: `hi ${name}` };
  }
}

class Mood implements AppPart {
  readonly name = 'mood';
  readonly phase = 'resource';
  status: HealthReport['status'] = 'up';
  health(): HealthReport {
    return { status: this.status };
  }
}

describeWith('Go programs and our gRPC server', ['go'], () => {
  const mood = new Mood();
  let app: RpcApplication;

  before(async () => {
    app = await createTestingApp({ modules: [Shop], parts: [mood], grpc: { generic: 'all' } });
  });
  after(() => app.stop());

  const address = (): string => `127.0.0.1:${portOf(app)}`;
  const curl = async (...args: string[]): Promise<string> => {
    const { code, output } = await goTool('grpcurl', ['-plaintext', ...args]);
    if (code !== 0) throw new Error(output);
    return output;
  };
  const call = async (method: string, data: string): Promise<unknown> => JSON.parse(`[${(await curl('-d', data, address(), method)).replace(/\}\s*\{/g, '},{')}]`);

  it('grpcurl sees the services as the proto has them', async () => {
    assert.deepEqual((await curl(address(), 'list')).trim().split('\n'), ['anthill.v1.Rpc', 'grpc.health.v1.Health', 'grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection', 'shop.v1.Shop']);
    assert.match(await curl(address(), 'describe', 'shop.v1.Shop'), /rpc Count \( \.shop\.v1\.Range \) returns \( stream \.shop\.v1\.Item \);/);
    assert.match(await curl(address(), 'describe', 'shop.v1.Total'), /map<string, string> item_names = 3;/);
  });

  it('grpcurl calls by what reflection told it', async () => {
    assert.deepEqual(await call('shop.v1.Shop/add', '{"a": "9007199254740993", "b": 1}'), [{ value: '9007199254740994', item_names: { key: 'value' } }]);
    assert.deepEqual(await call('shop.v1.Shop/Count', '{"from": 1, "to": 3}'), [{ number: 1 }, { number: 2 }]);
    assert.deepEqual(await call('shop.v1.Shop/Collect', '{"number": 1} {"number": 2}'), [{ value: '3' }]);
    assert.deepEqual(await call('anthill.v1.Rpc/Call', '{"target": "shop", "path": "/say/hi", "args": ["x"]}'), [{ result: { text: 'hi x' } }]);
  });

  it('grpcurl shows code, message and details of an error', async () => {
    const output = await call('shop.v1.Shop/add', '{"a": 13}').then(() => assert.fail('it went well'), (error: unknown) => (error as Error).message);
    assert.match(output, /Code: Aborted\s+Message: not thirteen\s+Details:/);
    assert.match(output, /google\.rpc\.ErrorInfo/);
    assert.match(output, /"tries": 1/);
  });

  it('grpc_health_probe takes the readiness of the app for what it is', async () => {
    const ask = async (service: string): Promise<number> => (await goTool('grpc-health-probe', [`-addr=${address()}`, `-service=${service}`])).code;
    for (const service of ['', 'shop', 'Shop', 'shop.v1.Shop']) assert.equal(await ask(service), 0, service);
    // 3: the answer was an error, 4: not serving.
    assert.equal(await ask('nothing'), 3);
    mood.status = 'down';
    assert.equal(await ask(''), 4);
    mood.status = 'up';
    assert.equal(await ask(''), 0);
  });
});
