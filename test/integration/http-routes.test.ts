import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BootError } from '../../lib/common/boot-error.js';
import type { RpcContext } from '../../lib/common/call-context.js';
import type { Selector } from '../../lib/common/selection.js';
import { goApi } from '../../lib/gateway/http/go-api.handler.js';
import { HttpRoute } from '../../lib/gateway/http/http-route.decorator.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { contractMethod, RpcContract } from '../../lib/metadata/rpc-contract.decorator.js';
import { Ctx } from '../../lib/metadata/params.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { MemoryHub, memory as memoryRegistry } from '../../lib/registry/memory.registry.js';
import { version } from '../../lib/selector/filters.js';
import { createTestingApp } from '../../lib/testing/testing-app.js';
import { memoryHub } from '../../lib/transport/memory/memory.hub.js';
import { memory as memoryTransport } from '../../lib/transport/memory/memory.transport.js';
import { gateway } from './http-gateway.support.js';

const open = { public: true, concurrent: true } as const;

@RpcModule({ type: 'users' })
class Users {
  @Handler('/user/get', { ...open, optional: 2 })
  @HttpRoute('GET', '/users/:id', { args: ['params.id', 'query.limit', 'headers.x-tenant'] })
  find(id: string, limit?: string, tenant?: string): unknown {
    return { id, limit, tenant };
  }

  @Handler('/user/put', open)
  @HttpRoute('PUT', '/users/:name')
  put(user: object): unknown {
    return user;
  }

  @Handler('/user/drop', open)
  @HttpRoute('DELETE', '/users/:id', { args: ['params.id'], status: 204 })
  drop(id: string): string {
    return `${id} is gone`;
  }

  @Handler('/hidden', { concurrent: true })
  hidden(...args: unknown[]): unknown {
    return { hidden: args };
  }
}

@RpcContract('users')
abstract class UsersContract {
  @Handler('/user/get', open)
  @HttpRoute('GET', '/people/:id', { args: ['params.id'] })
  find(_id: string): Promise<unknown> {
    return contractMethod();
  }
}

describe('routes on handlers', () => {
  it('bind path, query, body and headers', async (t) => {
    const { ask } = await gateway(t, [Users]);
    assert.deepEqual((await ask('/users/a%2Fb?limit=3', { headers: { 'x-tenant': 't1' } })).json, { id: 'a/b', limit: '3', tenant: 't1' });
    const json = { 'content-type': 'application/json' };
    assert.deepEqual((await ask('/users/7?a=1', { method: 'PUT', body: '{"b":2,"name":"no"}', headers: json })).json, { a: '1', b: 2, name: '7' });
    assert.equal((await ask('/users/7', { method: 'PUT', body: '[1]', headers: json })).status, 400);
    const gone = await ask('/users/7', { method: 'DELETE' });
    assert.deepEqual([gone.status, gone.text], [204, '']);
    assert.equal((await ask('/users/7', { method: 'HEAD' })).status, 200);
    const refused = await ask('/users/7', { method: 'PATCH' });
    assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD, PUT, DELETE, OPTIONS']);
  });

  it('are served for contracts and for services of other processes', async (t) => {
    const hubs = { registry: new MemoryHub(), transport: memoryHub() };
    const parts = () => ({ registry: memoryRegistry(hubs.registry), transport: memoryTransport(hubs.transport) });
    const service = await createTestingApp({ modules: [Users], ...parts() });
    t.after(() => service.stop());
    const { ask } = await gateway(t, [], { contracts: [UsersContract] }, parts());
    assert.deepEqual((await ask('/people/5')).json, { id: '5' });
  });

  it('that cannot be served are mistakes at the start', async (t) => {
    @RpcModule({ type: 'bad' })
    class Bad {
      @Handler('/private')
      @HttpRoute('GET', '/private')
      hidden(): void {}

      @HttpRoute('GET', '/none')
      none(): void {}

      @Handler('/twin', open)
      @HttpRoute('GET', '/users/:user')
      twin(): void {}
    }
    await assert.rejects(gateway(t, [Users, Bad]), (error: Error) => {
      for (const part of ['is not public', 'is on no handler', 'is the route of users /user/get as well']) assert.match(error.message, new RegExp(part));
      return true;
    });
  });
});

describe('a route table', () => {
  it('names handlers, public or not, and rewrites paths', async (t) => {
    const { ask } = await gateway(t, [Users], {
      routes: [
        { method: 'get', path: '/direct/:id', target: 'users', fn: '/hidden', args: ['params.id'] },
        { path: '/v1/*', target: 'users', rewrite: (path) => path.replace('/v1', '/user') },
        { path: '/all/*', target: 'users' },
      ],
    });
    assert.deepEqual((await ask('/direct/9')).json, { hidden: ['9'] });
    assert.deepEqual((await ask('/v1/get?args=["4"]')).json, { id: '4' });
    assert.deepEqual((await ask('/all/user/get?args=["5"]')).json, { id: '5' });
    assert.equal((await ask('/all/hidden')).status, 404, 'whom a client names must be public');
  });
});

describe('a route', () => {
  @RpcModule({ type: 'slow' })
  class Slow {
    @Handler('/wait', open)
    @HttpRoute('GET', '/wait', { args: [], timeoutMs: 30 })
    wait(@Ctx() { signal }: RpcContext): Promise<void> {
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    }
  }

  it('has a deadline of its own', async (t) => {
    const { ask } = await gateway(t, [Slow], { timeoutMs: 60_000, routes: [{ path: '/table', target: 'slow', fn: '/wait', args: [], timeoutMs: 30 }] });
    for (const path of ['/wait', '/table']) assert.deepEqual([(await ask(path)).status, (await ask(path)).json.reason], [504, 'DEADLINE_EXCEEDED'], path);
  });

  it('chooses among nodes in its own way', async (t) => {
    const hubs = { registry: new MemoryHub(), transport: memoryHub() };
    const parts = () => ({ registry: memoryRegistry(hubs.registry), transport: memoryTransport(hubs.transport) });
    for (const id of ['a', 'b']) {
      @RpcModule({ type: 'named', id, version: id === 'a' ? '1.0.0' : '2.0.0' })
      class Named {
        @Handler('/who', open)
        who(): string {
          return id;
        }
      }
      const app = await createTestingApp({ modules: [Named], ...parts() });
      t.after(() => app.stop());
    }
    const last: Selector = { name: 'last', pick: (nodes) => nodes.toSorted((x, y) => x.id.localeCompare(y.id)).at(-1) };
    const { ask } = await gateway(t, [], { routes: [{ path: '/last', target: 'named', fn: '/who', args: [], selector: last }, { path: '/first', target: 'named', fn: '/who', args: [], filters: [version('1.0.0')] }] }, parts());
    for (let tries = 0; tries < 4; tries++) assert.deepEqual([(await ask('/last')).json, (await ask('/first')).json], ['b', 'a']);
  });
});

describe('two routes that take the same requests', () => {
  const a = { path: '/a/:id', target: 'users', fn: '/x' };
  for (const [what, routes] of [
    ['a path twice', [a, { ...a, method: 'GET' }]],
    ['paths that differ in the name of a parameter', [a, { ...a, path: '/a/:name' }]],
    ['all paths beside the default route', [{ path: '/*', target: 'users' }]],
  ] as const) {
    it(`are a mistake at the start: ${what}`, async (t) => {
      await assert.rejects(gateway(t, [Users], { routes }), (error: BootError) => error.reason === 'HTTP_ROUTE' && error.message.includes('two routes of the gateway take GET /'));
    });
  }

  it('are no routes at all, with a method, a path or a key that there is not', async (t) => {
    for (const [entry, word] of [[{ method: 'GTE' }, "'GTE'"], [{ path: '/a/*/b' }, '/a/*/b'], [{ path: 'a' }, "'a'"], [{ path: '/a/:id(^(a+)+$)' }, 'pattern'], [{ fnn: '/x' }, 'fnn']] as const) {
      await assert.rejects(gateway(t, [Users], { routes: [{ ...a, ...entry }] }), (error: BootError) => error.reason === 'HTTP_OPTIONS' && error.message.includes(word));
    }
    await assert.rejects(gateway(t, [Users], { inFlight: 0 }), (error: BootError) => error.reason === 'HTTP_OPTIONS');
  });

  it('are two where their methods differ', async (t) => {
    await gateway(t, [Users], { routes: [{ ...a, method: 'GET' }, { ...a, path: '/a/:name', method: 'POST' }] });
  });
});

describe('go.api', () => {
  const web = goApi(async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname.endsWith('/missing')) return new Response('no', { status: 404, headers: { 'content-type': 'text/plain' } });
    return Response.json({ method: request.method, pathname, q: searchParams.get('q'), body: await request.text(), agent: request.headers.get('x-agent') }, { status: 201, headers: { 'x-made': 'here' } });
  });

  for (const wires of [['anthill/1'], ['mqant']]) {
    it(`carries requests to a service and back over ${wires[0]}`, async (t) => {
      const hubs = { registry: new MemoryHub(), transport: memoryHub() };
      const parts = () => ({ registry: memoryRegistry(hubs.registry), transport: memoryTransport(hubs.transport), wires });
      const service = await createTestingApp({ modules: [Users], serverHooks: web, ...parts() });
      t.after(() => service.stop());
      const { ask } = await gateway(t, [], { routes: [{ path: '/users/*', target: 'users', style: 'mqant' }] }, parts());
      const answer = await ask('/users/x/y?q=1', { method: 'POST', body: 'text', headers: { 'x-agent': 'me' } });
      assert.deepEqual([answer.status, answer.headers.get('x-made'), answer.json], [201, 'here', { method: 'POST', pathname: '/users/x/y', q: '1', body: 'text', agent: 'me' }]);
      const missing = await ask('/users/missing');
      assert.deepEqual([missing.status, missing.text, missing.headers.get('content-type')], [404, 'no', 'text/plain']);
    });
  }
});
