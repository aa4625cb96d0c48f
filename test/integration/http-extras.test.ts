import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Module } from '@nestjs/common';
import { AnthillModule } from '../../lib/bootstrap/anthill.module.js';
import { BootError } from '../../lib/common/boot-error.js';
import { HttpGatewayModule } from '../../lib/gateway/http/http-gateway.module.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { isolated } from './app.support.js';
import { gateway } from './http-gateway.support.js';

@RpcModule({ type: 'x' })
class X {
  @Handler('/echo', { public: true, concurrent: true })
  echo(text: string): string {
    return text;
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
