import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { describe, it } from 'node:test';
import { GrpcHandler, GrpcService } from '../../lib/grpc/grpc.decorators.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { createTestingApp } from '../../lib/testing/testing-app.js';
import { portOf, SHOP_PROTO } from '../integration/grpc.support.js';

const ITEMS = process.env['ANTHILL_SOAK'] === '1' ? 100_000 : 20_000;

@GrpcService('shop.v1.Shop', { proto: SHOP_PROTO })
@RpcModule({ type: 'shop' })
class Shop {
  produced = 0;
  @GrpcHandler()
  async *count(): AsyncGenerator<object> {
    const payload = Buffer.alloc(100);
    for (; this.produced < ITEMS; this.produced++) yield { number: this.produced, payload };
  }
}

describe('a long gRPC stream', () => {
  it(`brings ${ITEMS} items to a client that takes its time, few of them at a time`, async (t) => {
    const app = await createTestingApp({ modules: [Shop] });
    const shop = app.get(Shop);
    const session = connect(`http://127.0.0.1:${portOf(app)}`);
    t.after(async () => {
      session.destroy();
      await app.stop();
    });
    const stream = session.request({ ':method': 'POST', ':path': '/shop.v1.Shop/Count', 'content-type': 'application/grpc', te: 'trailers' });
    stream.end(Buffer.alloc(5));
    const heapBefore = process.memoryUsage().heapUsed;
    let rest = Buffer.alloc(0);
    let read = 0;
    let ahead = 0;
    let heap = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      rest = Buffer.concat([rest, chunk]);
      let at = 0;
      for (; rest.length - at >= 5 && rest.length - at >= 5 + rest.readUInt32BE(at + 1); read++) at += 5 + rest.readUInt32BE(at + 1);
      rest = rest.subarray(at);
      ahead = Math.max(ahead, shop.produced - read);
      heap = Math.max(heap, process.memoryUsage().heapUsed);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(read, ITEMS);
    // A window of 64 KiB, and the buffers on the way.
    assert.ok(ahead < 5000, `the handler was ${ahead} items ahead`);
    assert.ok(heap - heapBefore < 64 * 1024 * 1024, `the heap grew by ${((heap - heapBefore) / 1024 / 1024).toFixed(0)} MB`);
  });
});
