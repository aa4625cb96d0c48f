import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { GrpcClientHandle } from '../../lib/grpc/client/create-grpc-client.js';
import { clientOf, collect, type Numbers, PlainServer } from './grpc-client.support.js';

describe('a gRPC client of one address', () => {
  let server: PlainServer;
  let handle: GrpcClientHandle<Numbers>;

  before(async () => {
    server = await PlainServer.start('one');
    handle = await clientOf({ target: server.address });
  });
  after(() => {
    handle.close();
    server.kill();
  });

  it('calls unary methods, exact past 2^53', async () => {
    assert.deepEqual(await handle.client.add({ a: '9007199254740993', b: '9007199254740993' }), { v: '18014398509481986', err: 'one' });
  });

  it('takes streams of replies', async () => {
    const numbers = await collect(handle.client.count({ upTo: 100 }));
    assert.deepEqual(numbers.map(({ n }) => n), Array.from({ length: 100 }, (_, i) => i + 1));
  });

  it('sends streams of requests, from lists and generators', async () => {
    assert.deepEqual(await handle.client.sum([{ n: 1 }, { n: 2 }]), { n: 3 });
    const numbers = async function* () {
      for (let n = 0; n < 50; n++) yield { n };
    };
    assert.deepEqual(await handle.client.sum(numbers()), { n: 1225 });
    assert.deepEqual(await handle.client.sum([]), { n: 0 });
  });

  it('streams both ways, each reply before the next request', async () => {
    const heard: number[] = [];
    let answered: () => void = () => {};
    const ask = async function* () {
      for (let n = 1; n <= 3; n++) {
        const done = new Promise<void>((resolve) => (answered = resolve));
        yield { n };
        await done;
      }
    };
    for await (const { n } of handle.client.double(ask())) {
      heard.push(n);
      answered();
    }
    assert.deepEqual(heard, [2, 4, 6]);
  });
});
