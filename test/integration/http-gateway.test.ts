import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { BadRequestException, Controller, Get, Inject } from '@nestjs/common';
import type { RpcContext } from '../../lib/common/call-context.js';
import { RpcError } from '../../lib/common/rpc-error.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { Ctx, Meta, Payload } from '../../lib/metadata/params.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { gateway } from './http-gateway.support.js';

const open = { public: true, concurrent: true } as const;

@Controller('plain')
class Plain {
  constructor(@Inject('page') private readonly text: string) {}

  @Get('page')
  page(): string {
    return this.text;
  }
}

let seen: (context: RpcContext) => void = () => {};
let release: () => void = () => {};

@RpcModule({ type: 'helloworld', controllers: [Plain], providers: [{ provide: 'page', useValue: 'a page of Nest' }] })
class HelloWorld {
  @Handler('/say/hi', open)
  sayHi(name: string): string {
    return `hi ${name}`;
  }

  @Handler('/args', open)
  args(...all: unknown[]): unknown {
    return all;
  }

  @Handler('/named', open)
  named(@Payload('a') a: string, @Payload('b') b: number): unknown {
    return { a, b };
  }

  @Handler('/nothing', open)
  nothing(): void {}

  @Handler('/null', open)
  nil(): null {
    return null;
  }

  @Handler('/bytes', open)
  bytes(): Uint8Array {
    return new Uint8Array([1, 2, 255]);
  }

  @Handler('/mixed', open)
  mixed(): unknown {
    return { small: 5n, big: 2n ** 62n, bytes: new Uint8Array([1, 2]) };
  }

  @Handler('/meta', open)
  meta(@Meta() metadata: Meta): unknown {
    return metadata;
  }

  @Handler('/fail', open)
  fail(code: string): never {
    if (code === 'bug') throw new Error('secret text');
    if (code === 'nest') throw new BadRequestException(['a must be a text']);
    throw new RpcError({ code: code as 'NOT_FOUND', reason: 'MINE', message: 'what I say', details: { at: 1 } });
  }

  @Handler('/secret')
  secret(): string {
    return 'private';
  }

  @Handler('/wait', open)
  async wait(@Ctx() ctx: RpcContext): Promise<string> {
    seen(ctx);
    await new Promise<void>((resolve) => {
      release = resolve;
      ctx.signal.addEventListener('abort', () => resolve());
    });
    return 'waited';
  }
}

describe('the default route', () => {
  it('calls a public handler with JSON or a query', async (t) => {
    const { ask, post } = await gateway(t, [HelloWorld]);
    const hi = await post('/helloworld/say/hi', ['Ann']);
    assert.deepEqual([hi.status, hi.text, hi.headers.get('content-type')], [200, '"hi Ann"', 'application/json; charset=utf-8']);
    assert.equal((await post('/helloworld/say/hi', 'Bob')).text, '"hi Bob"');
    assert.equal((await ask('/helloworld/say/hi?args=["Eve"]')).text, '"hi Eve"');
    assert.deepEqual((await ask('/helloworld/args?a=1&b=2&b=3')).json, [{ a: '1', b: ['2', '3'] }]);
    assert.deepEqual((await ask('/helloworld/args')).json, []);
    assert.deepEqual((await post('/helloworld/named', { a: 'x', b: 2 })).json, { a: 'x', b: 2 });
    assert.deepEqual((await ask('/helloworld/args', { method: 'PUT', body: '[1,[2]]' })).status, 415, 'fetch says text/plain');
    assert.deepEqual((await ask('/helloworld/args', { method: 'DELETE', body: '[1,[2]]', headers: { 'content-type': 'application/json' } })).json, [1, [2]]);
  });

  it('gives results of all kinds', async (t) => {
    const { ask } = await gateway(t, [HelloWorld]);
    assert.deepEqual([(await ask('/helloworld/nothing')).status, (await ask('/helloworld/nothing')).text], [200, 'null']);
    assert.deepEqual([(await ask('/helloworld/null')).status, (await ask('/helloworld/null')).text], [200, 'null']);
    const bytes = await ask('/helloworld/bytes');
    assert.deepEqual([bytes.headers.get('content-type'), bytes.headers.get('content-length')], ['application/octet-stream', '3']);
    assert.deepEqual((await ask('/helloworld/mixed')).json, { small: 5, big: '4611686018427387904', bytes: 'AQI=' });
    const head = await ask('/helloworld/args', { method: 'HEAD' });
    assert.deepEqual([head.status, head.text, head.headers.get('content-length')], [200, '', '2']);
  });

  it('reaches nothing that is not public, and does not tell what there is', async (t) => {
    const { ask } = await gateway(t, [HelloWorld]);
    const [hidden, missing] = [await ask('/helloworld/secret'), await ask('/helloworld/missing')];
    assert.equal(hidden.status, 404);
    assert.deepEqual({ ...hidden.json, requestId: '' }, { ...missing.json, requestId: '' });
    assert.ok(!hidden.text.includes('say/hi'));
    assert.equal((await ask('/nobody/here')).json.reason, 'SERVICE_NOT_FOUND');
    assert.equal((await ask('/')).status, 404);
  });

  it('obeys the list of services, and lets nobody name a node unless told to', async (t) => {
    const { ask, app } = await gateway(t, [HelloWorld], { defaultRoute: { services: ['other'], prefix: '/api' } });
    assert.equal((await ask('/api/helloworld/args')).json.reason, 'ROUTE_NOT_FOUND');
    const { id } = app.modules.get('helloworld')!;
    const closed = await gateway(t, [HelloWorld]);
    assert.equal((await closed.ask(`/${id}/args`)).json.reason, 'ROUTE_NOT_FOUND');
    const named = await gateway(t, [HelloWorld], { defaultRoute: { nodes: true } });
    assert.equal((await named.ask(`/${named.app.modules.get('helloworld')!.id}/args`)).status, 200);
    assert.equal((await named.ask('/helloworld@nobody/args')).json.reason, 'NODE_NOT_FOUND');
  });

  it('works beside the routes of Nest', async (t) => {
    const { ask } = await gateway(t, [HelloWorld]);
    assert.equal((await ask('/plain/page')).text, 'a page of Nest');
    assert.equal((await ask('/plain/other')).status, 404);
  });

  it('works with overrides of the testing app', async (t) => {
    const { ask } = await gateway(t, [HelloWorld], {}, { overrides: [{ provide: 'page', useValue: 'another' }] });
    assert.equal((await ask('/helloworld/args')).status, 200);
    assert.equal((await ask('/plain/page')).text, 'another');
  });
});

describe('errors over HTTP', () => {
  it('are problem details', async (t) => {
    const { post } = await gateway(t, [HelloWorld]);
    const answer = await post('/helloworld/fail', ['NOT_FOUND'], { 'x-request-id': 'abc-1' });
    assert.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8');
    assert.deepEqual(answer.json, { type: 'about:blank', title: 'Not Found', status: 404, detail: 'what I say', code: 'NOT_FOUND', reason: 'MINE', requestId: 'abc-1', details: { at: 1 } });
    assert.equal((await post('/helloworld/fail', ['nest'])).status, 400);
    const bug = await post('/helloworld/fail', ['bug']);
    assert.equal(bug.status, 500);
    assert.ok(!bug.text.includes('secret') && /log has the cause under [0-9a-f]{16}/.test(bug.text), bug.text);
    const busy = await post('/helloworld/fail', ['UNAVAILABLE']);
    assert.deepEqual([busy.status, busy.headers.get('retry-after')], [503, '1']);
  });

  it('are as mqant has them, on request and by option', async (t) => {
    const { post } = await gateway(t, [HelloWorld]);
    const body = { id: 'httpgateway', code: 404, detail: 'what I say', status: 'Not Found' };
    assert.deepEqual((await post('/helloworld/fail', ['NOT_FOUND'], { accept: 'application/vnd.mqant+json' })).json, body);
    const always = await gateway(t, [HelloWorld], { errors: 'mqant' });
    assert.deepEqual((await always.post('/helloworld/fail', ['NOT_FOUND'])).json, body);
  });

  it('tell what is wrong with a request', async (t) => {
    const { ask, post } = await gateway(t, [HelloWorld], { bodyBytes: 1000 });
    const reason = async (path: string, init?: RequestInit): Promise<unknown[]> => {
      const { status, json } = await ask(path, init);
      return [status, json.reason];
    };
    const json = { 'content-type': 'application/json' };
    assert.deepEqual(await reason('/helloworld/args', { method: 'POST', body: '{', headers: json }), [400, 'JSON_MALFORMED']);
    assert.deepEqual(await reason('/helloworld/args', { method: 'POST', body: '{"__proto__":{"a":1}}', headers: json }), [400, 'JSON_REFUSED']);
    assert.deepEqual(await reason('/helloworld/args', { method: 'POST', body: '{"\\u005f_proto__":{"a":1}}', headers: json }), [400, 'JSON_REFUSED']);
    assert.deepEqual(await reason('/helloworld/args', { method: 'POST', body: '[{"constructor":{"prototype":{"a":1}}}]', headers: json }), [400, 'JSON_REFUSED']);
    assert.deepEqual(await reason('/helloworld/args', { method: 'POST', body: `${'['.repeat(400)}${']'.repeat(400)}`, headers: json }), [400, 'JSON_REFUSED']);
    assert.deepEqual(await reason('/helloworld/args', { method: 'POST', body: 'x'.repeat(1001), headers: json }), [413, 'PAYLOAD_TOO_LARGE']);
    assert.deepEqual(await reason('/helloworld/args', { method: 'POST', body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } }), [415, 'MEDIA_TYPE']);
    assert.deepEqual(await reason('/helloworld/args?__proto__=1'), [400, 'ARGUMENTS']);
    assert.deepEqual(await reason('/helloworld/args?args=5'), [400, 'ARGUMENTS']);
    assert.deepEqual(await reason('/helloworld/args', { method: 'TRACE' }).catch(() => [405, 'fetch refuses']), [405, 'fetch refuses']);
    assert.equal((await post('/helloworld/say/hi', [])).status, 400);
    const options = await ask('/helloworld/args', { method: 'OPTIONS' });
    assert.deepEqual([options.status, options.headers.get('allow')], [204, 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS']);
  });

  it('refuse paths that climb, hide a slash or break headers', async (t) => {
    const { port } = await gateway(t, [HelloWorld]);
    const status = (path: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const asked = request({ host: '127.0.0.1', port, path }, (answer) => {
          answer.resume();
          answer.on('end', () => resolve(answer.statusCode!));
        });
        asked.on('error', reject);
        asked.end();
      });
    for (const path of ['/helloworld/../x', '/helloworld/%2e%2e/x', '/helloworld/say%2fhi', '/helloworld/a%5cb', '/helloworld/a%00', '/helloworld/%ff', '/helloworld/a%0d%0aX-Evil:1', '/%zz/x']) {
      assert.equal(await status(path), 400, path);
    }
    assert.equal(await status('/hello%20world/x'), 404);
  });
});

describe('a request', () => {
  it('has an id that the handler sees, and forwards the headers it is told to', async (t) => {
    const { ask } = await gateway(t, [HelloWorld], { forwardHeaders: ['Authorization'] });
    const answer = await ask('/helloworld/meta', { headers: { 'x-request-id': 'mine', authorization: 'Bearer x', cookie: 'no' } });
    assert.deepEqual([answer.headers.get('x-request-id'), answer.json], ['mine', { 'x-request-id': 'mine', authorization: 'Bearer x' }]);
    const odd = await ask('/helloworld/meta', { headers: { 'x-request-id': 'a b;c' } });
    assert.match(odd.headers.get('x-request-id')!, /^[0-9a-f]{32}$/);
    assert.equal(odd.json['x-request-id'], odd.headers.get('x-request-id'));
  });

  it('that its client gives up ends the call', async (t) => {
    const { ask } = await gateway(t, [HelloWorld]);
    const context = new Promise<RpcContext>((resolve) => (seen = resolve));
    const leave = new AbortController();
    const asked = ask('/helloworld/wait', { signal: leave.signal });
    const { signal } = await context;
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    leave.abort();
    await assert.rejects(asked);
    await aborted;
  });

  it('that runs into the deadline of the gateway is answered 504', async (t) => {
    const { ask } = await gateway(t, [HelloWorld], { timeoutMs: 20 });
    const answer = await ask('/helloworld/wait');
    assert.deepEqual([answer.status, answer.json.reason], [504, 'DEADLINE_EXCEEDED']);
    const ofApp = await (await gateway(t, [HelloWorld], {}, { calls: { timeoutMs: 20 } })).ask('/helloworld/wait');
    assert.deepEqual([ofApp.status, ofApp.json.reason], [504, 'DEADLINE_EXCEEDED'], 'what the app says of all calls');
  });
});

describe('the end of a gateway', () => {
  it('answers what is in flight, ends its connection, and takes no new one', async (t) => {
    const { app, ask, port } = await gateway(t, [HelloWorld]);
    const context = new Promise<RpcContext>((resolve) => (seen = resolve));
    const asked = ask('/helloworld/wait');
    await context;
    const stopped = app.stop();
    // Withdrawn first; the gateway stops next.
    while (app.health().state !== 'draining') await new Promise(setImmediate);
    release();
    const answer = await asked;
    assert.deepEqual([answer.status, answer.text, answer.headers.get('connection')], [200, '"waited"', 'close']);
    await stopped;
    await new Promise<void>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => reject(new Error('connected')));
      socket.on('error', () => resolve());
    });
  });
});
