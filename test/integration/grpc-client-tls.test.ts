import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { type GrpcClientTls, GrpcHandler, GrpcServer, GrpcService } from '../../lib/grpc/index.js';
import { Ctx, RpcModule } from '../../lib/index.js';
import { GrpcContext } from '../../lib/grpc/grpc.context.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { type Certificate, selfSigned } from '../services/certificate.js';
import { describeWith } from '../services/index.js';
import { clientOf, failure, proto } from './grpc-client.support.js';

@GrpcService('numbers.Numbers', { proto })
@RpcModule({ type: 'numbers' })
class Numbers {
  @GrpcHandler()
  add(_request: object, @Ctx() ctx: GrpcContext): object {
    return { v: '1', err: String(ctx.peerCertificate?.subject.O) };
  }
}

describeWith('a gRPC client over TLS', ['openssl'], () => {
  const folder = mkdtempSync(join(tmpdir(), 'anthill-grpc-client-'));
  let server: Certificate;
  let client: Certificate;
  let app: RpcApplication;
  const closing: (() => void)[] = [];

  before(async () => {
    for (const name of ['server', 'client']) mkdirSync(join(folder, name));
    [server, client] = await Promise.all([selfSigned(join(folder, 'server')), selfSigned(join(folder, 'client'))]);
    app = await createTestingApp({ modules: [Numbers], grpc: { host: '127.0.0.1', port: 0, tls: { cert: server.cert, key: server.key, ca: client.cert, requireClientCert: true } } });
  });
  after(async () => {
    for (const close of closing) close();
    await app?.stop();
    rmSync(folder, { recursive: true });
  });

  async function add(tls: Parameters<typeof clientOf>[0]['tls'], host = '127.0.0.1') {
    const { client: numbers, close } = await clientOf({ target: `${host}:${app.get(GrpcServer).port}`, tls: tls!, timeoutMs: 5000 });
    closing.push(close);
    return numbers.add({ a: '1', b: '0' });
  }

  it('proves the server, and itself with a certificate: files, texts and bytes', async () => {
    assert.equal((await add({ ca: server.cert, cert: client.cert, key: client.key })).err, 'test');
    const [ca, cert, key] = [server.cert, client.cert, client.key].map((file) => readFileSync(file));
    assert.equal((await add({ ca: ca!, cert: cert!, key: key! })).err, 'test');
    assert.equal((await add({ ca: String(ca), cert: String(cert), key: String(key) }, 'localhost')).err, 'test');
    assert.equal((await add({ ca: ca!, cert: cert!, key: key!, serverName: 'localhost' })).err, 'test');
  });

  it('does not speak with a server that it cannot prove, nor without a certificate that the server wants, nor in plain', async () => {
    const both = { cert: client.cert, key: client.key };
    const stranger = await failure(add({ ca: client.cert, ...both }));
    assert.deepEqual([stranger.code, stranger.undelivered], ['UNAVAILABLE', true]);
    assert.match(stranger.message, /certificate/i);
    assert.match((await failure(add({ ca: server.cert, ...both, serverName: 'elsewhere.example' }))).message, /elsewhere\.example|altnames/);
    assert.match((await failure(add(true))).message, /certificate/i);
    for (const tls of [{ ca: server.cert }, false]) assert.equal((await failure(add(tls))).code, 'UNAVAILABLE');
  });

  it('says at once what is wrong with certificates', async () => {
    for (const [tls, message] of [
      [{ cert: client.cert }, /cert without key/],
      [{ key: client.key }, /key without cert/],
      [{ ca: join(folder, 'none.pem') }, /tls\.ca cannot be read/],
      [{ cert: client.key, key: client.cert }, /cannot be used/],
      [{ CA: server.cert }, /tls has no option "CA".*it has ca, cert, key, serverName/],
      ['yes', /tls is yes; it is true, or/],
    ] as const) {
      await assert.rejects(clientOf({ target: 'localhost:1', tls: tls as GrpcClientTls }), { reason: 'GRPC_TLS', message });
    }
  });
});
