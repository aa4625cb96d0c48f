import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants, createServer as createHttp2Server, type OutgoingHttpHeaders } from 'node:http2';
import { connect as dial, createServer, type Socket } from 'node:net';
import { after, before, describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { GrpcContext, GrpcHandler, GrpcServer, GrpcService } from '../../lib/grpc/index.js';
import { Ctx, RpcModule } from '../../lib/index.js';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { clientOf, failure, proto, until } from './grpc-client.support.js';

/** Contexts of calls that wait for their end. */
const held: GrpcContext[] = [];

@GrpcService('numbers.Numbers', { proto })
@RpcModule({ type: 'numbers' })
class Numbers {
  @GrpcHandler()
  async add({ a }: { a: string; b: string }, @Ctx() ctx: GrpcContext): Promise<{ v: string }> {
    if (a === '0') {
      held.push(ctx);
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }));
    }
    return { v: a };
  }
}

const START = { ':method': 'POST', ':path': '/numbers.Numbers/add', 'content-type': 'application/grpc', te: 'trailers' };
/** Pair { a: 7 }, with the five bytes that gRPC puts before a message. */
const PAIR = Buffer.from('00000000020807', 'hex');

/** A way to a port that can be frozen, as when a host is gone without a word. */
async function frozenWay(t: TestContext, port: number): Promise<{ port: number; freeze: () => void }> {
  const sockets: Socket[] = [];
  const way = createServer((near) => {
    const far = dial(port, '127.0.0.1');
    for (const [one, other] of [[near, far], [far, near]] as const) one.on('data', (bytes: Buffer) => other.write(bytes)).on('error', () => {}).on('close', () => other.destroy());
    sockets.push(near, far);
  }).listen(0, '127.0.0.1');
  await once(way, 'listening');
  t.after(() => {
    way.close();
    for (const socket of sockets) socket.destroy();
  });
  const freeze = (): void => {
    for (const socket of sockets) socket.removeAllListeners('data').removeAllListeners('close').pause();
  };
  return { port: (way.address() as { port: number }).port, freeze };
}

describe('a gRPC server and strangers', () => {
  let app: RpcApplication;
  let session: ClientHttp2Session;
  const port = (): number => app.get(GrpcServer).port!;
  before(async () => {
    app = await createTestingApp({ modules: [Numbers], grpc: { host: '127.0.0.1', port: 0 } });
    session = connect(`http://127.0.0.1:${port()}`);
  });
  after(async () => {
    session.destroy();
    await app.stop();
  });

  /** Sends it; gives the status of gRPC, or of HTTP, or how the stream ended. */
  async function send(headers: OutgoingHttpHeaders, body: Buffer = PAIR): Promise<string> {
    const stream = session.request({ ...START, ...headers });
    let said = '';
    stream.on('error', () => {}).on('response', (got) => (said ||= String(got['grpc-status'] ?? (got[':status'] === 200 ? '' : `HTTP ${got[':status']}`)))).on('trailers', (got) => (said ||= String(got['grpc-status'])));
    stream.end(body);
    stream.resume();
    await new Promise((resolve) => stream.on('close', resolve));
    return said || `RST ${stream.rstCode}`;
  }

  it('answers what can be read of metadata that are malformed, and goes on', async () => {
    const readable: OutgoingHttpHeaders[] = [
      { 'x-raw-bin': 'this is no base64!' },
      { 'x-raw-bin': ['AQ==', '', '=====', 'AQ==,%%%'] },
      { 'anthill-text-bin': 'AQID' },
      { 'anthill-text-bin': Buffer.from('{"__proto__":"x","constructor":"y"}').toString('base64') },
      { 'anthill-chain': '[[[[' },
      { 'anthill-chain': 'x'.repeat(5000) },
      { 'anthill-caller': '\\ud800\\u0000' },
      { 'hrpc_md_message': '{"server_name":{"a":1},"trace_id":[],"request_timeout":"soon","client_info":7}' },
      { 'x-plain': 'ÄÖÜ' },
      { 'x-plain': '\t' },
      { 'x-empty': '' },
      { 'grpc-accept-encoding': 'nonsense,,;' },
      { 'user-agent': 'x'.repeat(4000) },
    ];
    for (const headers of readable) assert.equal(await send(headers), '0', JSON.stringify(headers));
    // What is refused, by whom it may be: with an answer, and not with the end of the connection.
    const refused: [OutgoingHttpHeaders, Buffer?][] = [
      [{ 'grpc-timeout': 'soon' }],
      [{ 'grpc-timeout': '0m' }],
      [{ 'grpc-encoding': 'nonsense' }, Buffer.from('01000000020807', 'hex')],
      [{ 'content-type': 'text/plain' }],
      [{ ':path': '/numbers.Numbers/add?x=1' }],
      [{}, Buffer.from('0000000005', 'hex')],
      [{}, Buffer.from('00ffffffff0807', 'hex')],
      [{}, Buffer.alloc(0)],
      [Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`x-${i}`, '1']))],
    ];
    for (const [headers, body] of refused) {
      const outcome = await send(headers, body);
      assert.notEqual(outcome, '0', JSON.stringify(headers));
      assert.equal(session.destroyed, false, `${JSON.stringify(headers)}: ${outcome}`);
      assert.equal(await send({}), '0', `after ${JSON.stringify(headers)}`);
    }
  });

  it('unpacks no more than it takes', async () => {
    // Sum { err: 64 MiB of zeros } in 64 KiB.
    const packed = gzipSync(Buffer.concat([Buffer.from('128080802020', 'hex'), Buffer.alloc(64 * 1024 * 1024)]));
    const frame = Buffer.alloc(5);
    frame[0] = 1;
    frame.writeUInt32BE(packed.length, 1);
    assert.equal(await send({ 'grpc-encoding': 'gzip' }, Buffer.concat([frame, packed])), String(status.RESOURCE_EXHAUSTED));
    assert.equal(await send({}), '0');

    const server = createHttp2Server().on('stream', (stream) => {
      stream.on('error', () => {}).respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-encoding': 'gzip' });
      stream.end(Buffer.concat([frame, packed]));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { client, close } = await clientOf({ target: `127.0.0.1:${(server.address() as { port: number }).port}` });
    const { code, reason } = await failure(client.add({ a: '1', b: '2' }));
    assert.deepEqual([code, reason], ['RESOURCE_EXHAUSTED', 'PAYLOAD_TOO_LARGE']);
    close();
    server.close();
  });

  it('survives streams that are opened and reset without end', async () => {
    const other = connect(`http://127.0.0.1:${port()}`);
    other.on('error', () => {});
    for (let i = 0; i < 3000 && !other.destroyed; i++) {
      const stream = other.request(START);
      stream.on('error', () => {});
      stream.close(constants.NGHTTP2_CANCEL);
      if (i % 200 === 0) await new Promise(setImmediate);
    }
    assert.equal(await send({}), '0');
    other.destroy();
    assert.equal(await send({}), '0');
  });

  it('drops a client that is gone without a word, and its handlers hear of it', async (t) => {
    const pinging = await createTestingApp({ modules: [Numbers], grpc: { host: '127.0.0.1', port: 0, keepaliveMs: 200, keepaliveTimeoutMs: 200 } });
    t.after(() => pinging.stop());
    const way = await frozenWay(t, pinging.get(GrpcServer).port!);
    const { client, close } = await clientOf({ target: `127.0.0.1:${way.port}` });
    t.after(close);
    held.length = 0;
    const call = failure(client.add({ a: '0', b: '0' }, { timeoutMs: 600_000 }));
    await until(() => held.length === 1);
    way.freeze();
    await until(() => held[0]!.aborted);
    assert.equal(held[0]!.abortError!.code, 'CANCELLED');
    close();
    assert.equal((await call).code, 'CANCELLED');
  });
});

describe('a gRPC client and a server that is gone without a word', () => {
  it('ends its calls when pings are not answered, though they have no deadline', async (t) => {
    const app = await createTestingApp({ modules: [Numbers], grpc: { host: '127.0.0.1', port: 0 }, killWaitMs: 500 });
    t.after(() => app.stop().catch(() => {}));
    const way = await frozenWay(t, app.get(GrpcServer).port!);
    const { client, close } = await clientOf({ target: `127.0.0.1:${way.port}`, keepaliveMs: 200, keepaliveTimeoutMs: 200 });
    t.after(close);
    held.length = 0;
    const call = failure(client.add({ a: '0', b: '0' }, { timeoutMs: Infinity }));
    await until(() => held.length === 1);
    way.freeze();
    const { code, reason, undelivered } = await call;
    assert.deepEqual([code, reason, undelivered], ['UNAVAILABLE', 'NODE_UNREACHABLE', false]);
  });
});
