import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Module } from '@nestjs/common';
import { AnthillModule } from '../../lib/bootstrap/anthill.module.js';
import { BootError } from '../../lib/common/boot-error.js';
import { HttpGateway } from '../../lib/gateway/http/http-gateway.js';
import { HttpGatewayModule } from '../../lib/gateway/http/http-gateway.module.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { isolated } from './app.support.js';
import { gateway } from './http-gateway.support.js';

const waiting: (() => void)[] = [];

@RpcModule({ type: 'x' })
class X {
  @Handler('/echo', { public: true, concurrent: true })
  echo(text: string): string {
    return text;
  }

  @Handler('/wait', { public: true, concurrent: true })
  wait(): Promise<void> {
    return new Promise((resolve) => waiting.push(resolve));
  }
}

describe('extras of the gateway', () => {
  it('let pages of named origins call', async (t) => {
    const { ask } = await gateway(t, [X], { cors: { origins: ['https://app.example'] } });
    const preflight = (origin: string) => ask('/x/echo', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } });
    assert.equal((await preflight('https://app.example')).headers.get('access-control-allow-origin'), 'https://app.example');
    assert.equal((await preflight('https://evil.example')).headers.get('access-control-allow-origin'), null);
    const answer = await ask('/x/echo?args=["a"]', { headers: { origin: 'https://app.example' } });
    assert.deepEqual([answer.text, answer.headers.get('access-control-allow-origin'), answer.headers.get('access-control-expose-headers')], ['"a"', 'https://app.example', 'x-request-id, retry-after']);
    const none = await gateway(t, [X]);
    assert.equal((await none.ask('/x/echo?args=["a"]', { headers: { origin: 'https://app.example' } })).headers.get('access-control-allow-origin'), null);
    await assert.rejects(gateway(t, [X], { cors: { origins: '*', credentials: true } }), (error: BootError) => error.reason === 'HTTP_OPTIONS');
  });

  it('refuse what is over the rate', async (t) => {
    const { ask } = await gateway(t, [X], { rateLimit: { max: 2 } });
    const answers = [await ask('/x/echo?args=["a"]'), await ask('/x/echo?args=["a"]'), await ask('/x/echo?args=["a"]')];
    assert.deepEqual(answers.map(({ status }) => status), [200, 200, 429]);
    assert.equal(answers[2]!.json.reason, 'RATE_LIMIT');
    assert.match(answers[2]!.headers.get('retry-after')!, /^[1-9]\d*$/);
  });

  it('count by the address that a proxy tells, and not by what its client says', async (t) => {
    const forwarded = (list: string) => ({ headers: { 'x-forwarded-for': list } });
    const { ask } = await gateway(t, [X], { rateLimit: { max: 1 }, trustedProxies: ['127.0.0.0/8'] });
    // Each one claims to be somebody else; the proxy has put the true address behind it.
    const answers = [await ask('/x/echo?args=["a"]', forwarded('1.1.1.1, 9.9.9.9')), await ask('/x/echo?args=["a"]', forwarded('2.2.2.2, 9.9.9.9')), await ask('/x/echo?args=["a"]', forwarded('9.9.9.8'))];
    assert.deepEqual(answers.map(({ status }) => status), [200, 429, 200]);
    for (const wrong of ['proxy.local', '10.0.0.0/99', '10.0.0.0/']) {
      await assert.rejects(gateway(t, [X], { trustedProxies: [wrong] }), (error: BootError) => error.reason === 'HTTP_OPTIONS' && error.message.includes(`'${wrong}'`));
    }
    const plain = await gateway(t, [X], { rateLimit: { max: 1 } });
    assert.equal((await plain.ask('/x/echo?args=["a"]', forwarded('1.1.1.1'))).status, 200);
    assert.equal((await plain.ask('/x/echo?args=["a"]', forwarded('2.2.2.2'))).status, 429, 'nobody is believed');
  });

  it('refuse what is more than can be at work', async (t) => {
    const { ask, app } = await gateway(t, [X], { inFlight: 2 });
    const asked = [ask('/x/wait'), ask('/x/wait')];
    while (waiting.length < 2) await new Promise(setImmediate);
    assert.equal(app.get<HttpGateway>(HttpGateway).inFlight, 2);
    const refused = await ask('/x/echo?args=["a"]');
    assert.deepEqual([refused.status, refused.json.reason, refused.headers.get('retry-after')], [503, 'TOO_MANY_IN_FLIGHT', '1']);
    for (const resolve of waiting.splice(0)) resolve();
    assert.deepEqual((await Promise.all(asked)).map(({ status }) => status), [200, 200]);
    assert.equal((await ask('/x/echo?args=["a"]')).status, 200);
  });

  it('compress answers', async (t) => {
    const { post } = await gateway(t, [X], { compress: true });
    const answer = await post('/x/echo', ['a'.repeat(5000)], { 'accept-encoding': 'gzip' });
    assert.deepEqual([answer.headers.get('content-encoding'), answer.text.length], ['gzip', 5002]);
  });
});

describe('the gateway in a Nest app of the user', () => {
  async function app(adapter?: FastifyAdapter) {
    @Module({ imports: [AnthillModule.forRoot({ ...isolated, modules: [X] }), HttpGatewayModule.forRoot()] })
    class AppModule {}
    return adapter ? NestFactory.create(AppModule, adapter, { logger: false, abortOnError: false }) : NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  }

  it('mounts on its Fastify adapter, which listens', async (t) => {
    const nest = (await app(new FastifyAdapter())) as Awaited<ReturnType<typeof NestFactory.create>>;
    t.after(() => nest.close());
    await nest.listen(0, '127.0.0.1');
    const answer = await fetch(`${await nest.getUrl()}/x/echo?args=["a"]`);
    assert.deepEqual([answer.status, await answer.text()], [200, '"a"']);
  });

  it('says what to do where there is no Fastify', async () => {
    await assert.rejects(app(), (error: BootError) => error.reason === 'HTTP_ADAPTER' && error.message.includes('new FastifyAdapter()'));
  });
});
