import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { RpcFactory } from '../../lib/bootstrap/rpc.factory.js';
import { goApi } from '../../lib/gateway/http/go-api.handler.js';
import { HttpGateway } from '../../lib/gateway/http/http-gateway.js';
import { HttpGatewayModule } from '../../lib/gateway/http/http-gateway.module.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { consul } from '../../lib/registry/consul/index.js';
import { nats } from '../../lib/transport/nats/index.js';
import { describeWith, startConsul, startNats } from '../services/index.js';
import { GoPeer, type World } from './go-peer.js';

@RpcModule({ type: 'tsweb', imports: [HttpGatewayModule.forRoot({ routes: [{ path: '/goweb/*', target: 'goweb', style: 'mqant' }] })] })
class TsWeb {}

const web = goApi(async (request) => {
  const { pathname, search } = new URL(request.url);
  if (pathname === '/tsweb/missing') return new Response('none', { status: 404, headers: { 'content-type': 'text/plain' } });
  return Response.json({ method: request.method, pathname, search, agent: request.headers.get('x-agent'), type: request.headers.get('content-type'), body: await request.text() });
});

/** The first answer of a gateway that has heard of the service; the last one, when it never does. */
async function known(ask: () => Promise<Response>): Promise<Response> {
  for (let tries = 0; tries < 50; tries++) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined && answer.status !== 500) return answer;
    await delay(100);
  }
  return ask();
}

describeWith('HTTP gateways of real mqant', ['nats-server', 'consul', 'go'], () => {
  let world: World;
  let app: RpcApplication;
  let go: { peer: GoPeer; port: number };

  before(async () => {
    world = { nats: await startNats(), consul: await startConsul() };
    app = await RpcFactory.create(TsWeb, {
      transport: nats({ servers: world.nats.url }),
      registry: consul({ addr: world.consul.url }),
      serverHooks: web,
      http: { host: '127.0.0.1', port: 0 },
      logger: false,
      flags: false,
      env: {},
    });
    await app.start({ failFast: true });
    go = await GoPeer.http(world);
  });

  after(async () => {
    await go?.peer.stop();
    await app?.stop();
    await Promise.all([world?.nats.stop(), world?.consul.stop()]);
  });

  const ours = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${app.get<HttpGateway>(HttpGateway).port}${path}`, init);
  const theirs = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${go.port}${path}`, init);

  it('a Go service behind NoFoundFunction serves through our gateway', async () => {
    let answer = await ours('/goweb/a/b?q=1&q=2', { method: 'POST', body: 'text ✓', headers: { 'x-agent': 'me', 'x-forwarded-for': '6.6.6.6' } });
    // Consul tells our app of the new service a moment later than its own.
    for (let tries = 0; answer.status === 404 && tries < 50; tries++) {
      await delay(100);
      answer = await ours('/goweb/a/b?q=1&q=2', { method: 'POST', body: 'text ✓', headers: { 'x-agent': 'me', 'x-forwarded-for': '6.6.6.6' } });
    }
    const { method, path, url, body, get, post, header } = (await answer.json()) as Record<string, unknown> & { header: Record<string, string[]> };
    assert.deepEqual([answer.status, answer.headers.get('x-go'), answer.headers.get('content-type')], [200, 'yes', 'application/json']);
    assert.deepEqual({ method, path, url, body, get, post }, { method: 'POST', path: '/goweb/a/b', url: '/goweb/a/b?q=1&q=2', body: 'text ✓', get: { q: ['1', '2'] }, post: {} });
    assert.deepEqual([header['X-Agent'], header['X-Forwarded-For']], [['me'], ['127.0.0.1']]);
    assert.equal((await ours('/goweb/teapot')).status, 418);
    const form = await ours('/goweb/form', { method: 'POST', body: new URLSearchParams({ a: 'x y' }) });
    assert.deepEqual(((await form.json()) as Record<string, unknown>).post, { a: ['x y'] });
  });

  it('our service answers behind mqant\'s gateway', async () => {
    // mqant's gateway panics, and so closes the connection, until its registry tells of our service.
    const answer = await known(() => theirs('/tsweb/x%20y?q=1', { method: 'POST', body: 'text ✓', headers: { 'x-agent': 'me', 'content-type': 'text/plain' } }));
    assert.deepEqual([answer.status, await answer.json()], [200, { method: 'POST', pathname: '/tsweb/x%20y', search: '?q=1', agent: 'me', type: 'text/plain', body: 'text ✓' }]);
    const missing = await theirs('/tsweb/missing');
    assert.deepEqual([missing.status, await missing.text(), missing.headers.get('content-type')], [404, 'none', 'text/plain']);
    const form = await theirs('/tsweb/form', { method: 'POST', body: new URLSearchParams({ a: 'x y' }) });
    assert.equal(((await form.json()) as Record<string, unknown>).body, 'a=x+y');
  });
});
