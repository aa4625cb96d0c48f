import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { goApi } from '../../lib/gateway/http/go-api.handler.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { memory } from '../../lib/registry/memory.registry.js';
import type { ServerHooks } from '../../lib/rpc/server-hooks.js';
import { gateway } from '../integration/http-gateway.support.js';
import { raw, request, statuses } from './http-raw.js';

const open = { public: true, concurrent: true } as const;

let release: () => void = () => {};

@RpcModule({ type: 'x' })
class X {
  @Handler('/echo', open)
  echo(value: unknown): unknown {
    return value;
  }

  @Handler('/two', open)
  two(a: number, b: number): number {
    return a + b;
  }

  @Handler('/merge', open)
  merge(value: object): unknown {
    return { isPolluted: 'polluted' in Object.assign({}, value), polluted: ({} as Record<string, unknown>)['polluted'] ?? null };
  }

  @Handler('/int', { ...open, args: ['int'] })
  int(value: number): number {
    return value;
  }

  @Handler('/wait', open)
  wait(): Promise<string> {
    return new Promise((resolve) => (release = () => resolve('waited')));
  }
}

const JSON_BODY = 'Content-Type: application/json';

/** A gateway, and what it answers to bytes. */
async function rig(t: TestContext, options: Parameters<typeof gateway>[2] = {}) {
  const { port, ask, app } = await gateway(t, [X], options);
  const send = async (line: string, headers?: readonly string[], body?: string | Uint8Array): Promise<string> => raw(port, ...request(line, headers, body)).answer;
  return { port, ask, send, id: app.modules.get('x')!.id };
}

describe('requests that two servers could read in two ways', () => {
  for (const [what, headers] of [
    ['two lengths', ['Content-Length: 5', 'Content-Length: 3']],
    ['the same length twice', ['Content-Length: 5', 'Content-Length: 5']],
    ['a length and chunks', ['Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['a length below zero', ['Content-Length: -5']],
    ['a coding that is none', ['Transfer-Encoding: chunked, odd']],
    ['a folded header', ['X-Request-Id: a\r\n b']],
    ['a line feed alone', ['X-Request-Id: a\nX-Evil: 1']],
    ['a space before the colon', ['Content-Length : 5']],
  ] as const) {
    it(`are refused: ${what}`, async (t) => {
      const { send } = await rig(t);
      const answer = await send('POST /x/echo', [JSON_BODY, ...headers], '["a"]');
      assert.deepEqual(statuses(answer), [400]);
      assert.match(answer, /application\/problem\+json[^]*"reason":"REQUEST_REFUSED"/);
      assert.match(answer, /connection: close/i);
    });
  }

  it('a request that is no HTTP at all is told so, and others are served', async (t) => {
    const { port, ask } = await rig(t);
    assert.deepEqual(statuses(await raw(port, '\x16\x03\x01\x02\x00\x01\x00').answer), [400]);
    assert.deepEqual(statuses(await raw(port, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n').answer), [400]);
    assert.equal((await ask('/x/echo?args=[1]')).status, 200);
  });
});

describe('requests one behind the other on a connection', () => {
  it('are answered in their order', async (t) => {
    const { port } = await rig(t);
    const ask = (n: number, more = ''): string => `GET /x/echo?args=["no${n}"] HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
    const answer = await raw(port, ask(1) + ask(2) + ask(3, 'Connection: close\r\n')).answer;
    assert.deepEqual(statuses(answer), [200, 200, 200]);
    assert.deepEqual(answer.match(/no\d/g), ['no1', 'no2', 'no3']);
  });

  it('what is no request is not told in the place of an earlier answer', async (t) => {
    const { port } = await rig(t);
    const { answer } = raw(port, 'GET /x/wait HTTP/1.1\r\nHost: x\r\n\r\nGET /x/echo HTTP/1.1\r\nHost: x\r\nContent-Length: a\r\n\r\n');
    // Without an answer the client knows that it does not know.
    assert.equal(await answer, '');
    release();
  });
});

describe('bodies', () => {
  it('past the limit are cut off while they come, with and without a length', async (t) => {
    const { port, ask } = await rig(t, { bodyBytes: 10_000 });
    const told = await raw(port, ...request('POST /x/echo', [JSON_BODY, 'Content-Length: 1000000000'])).answer;
    assert.deepEqual(statuses(told), [413]);
    const { socket, answer } = raw(port, ...request('POST /x/echo', [JSON_BODY, 'Transfer-Encoding: chunked']));
    const chunk = `1000\r\n${'a'.repeat(4096)}\r\n`;
    const feed = (): void => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on('drain', feed);
    feed();
    assert.deepEqual(statuses(await answer), [413]);
    assert.ok(socket.bytesWritten < 50_000_000, 'it never ends');
    assert.equal((await ask('/x/echo?args=[1]')).status, 200);
  });

  it('that would have to be unpacked are refused, whatever is in them', async (t) => {
    const { send } = await rig(t, { compress: true });
    const bomb = gzipSync(Buffer.alloc(10_000_000, '['));
    for (const coding of ['gzip', 'deflate', 'br', 'gzip, gzip']) {
      const answer = await send('POST /x/echo', [JSON_BODY, `Content-Encoding: ${coding}`, `Content-Length: ${bomb.length}`], bomb);
      assert.deepEqual(statuses(answer), [415], coding);
      assert.match(answer, /accept-encoding: identity/);
    }
  });

  it('that are no JSON, or not in UTF-8, are the fault of who sent them', async (t) => {
    const { send } = await rig(t);
    for (const body of [Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]), Buffer.from([0x5b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x5d]), '[1,]', 'NaN', '["a"] x', '\u0000']) {
      const answer = await send('POST /x/echo', [JSON_BODY, `Content-Length: ${Buffer.byteLength(body)}`], body);
      assert.deepEqual(statuses(answer), [400], String(body));
      assert.match(answer, /JSON_MALFORMED/);
    }
  });

  it('cannot reach a prototype', async (t) => {
    const { send } = await rig(t);
    const post = (body: string): Promise<string> => send('POST /x/merge', [JSON_BODY, `Content-Length: ${body.length}`], body);
    for (const body of ['{"__proto__":{"polluted":1}}', '[{"a":{"__proto__":{"polluted":1}}}]', '{"constructor":{"prototype":{"polluted":1}}}', '{"\\u005f\\u005fproto__":{"polluted":1}}']) {
      assert.match(await post(body), /JSON_REFUSED/);
    }
    assert.match(await send('GET /x/merge?__proto__=1'), /ARGUMENTS/);
    assert.match(await post('[{"safe":1}]'), /\{"isPolluted":false,"polluted":null\}/);
  });
});

describe('paths', () => {
  for (const path of ['/x/../x/echo', '/x/%2e%2e/x/echo', '/x/..%2fecho', '/x/%5c..', '/x/a%00', '/x/%ff', '/x/%e0%a4', '/%zz/x', '/x/%', '/x/a%0d%0aX-Evil:%201', '/x/./echo']) {
    it(`are refused: ${path}`, async (t) => {
      const { send } = await rig(t);
      const answer = await send(`GET ${path}`);
      assert.deepEqual(statuses(answer), [400]);
      assert.match(answer, /"reason":"PATH_MALFORMED"[^]*"requestId":"[0-9a-f]{32}"/);
      assert.match(answer, /x-request-id: [0-9a-f]{32}\r\n/);
      assert.doesNotMatch(answer, /X-Evil: 1/);
    });
  }

  it('to other sites lead nowhere', async (t) => {
    const { send } = await rig(t);
    for (const path of ['//evil.example/x', 'http://evil.example/x/echo', '/@evil.example/x', '/x;y/echo']) assert.deepEqual(statuses(await send(`GET ${path}`)), [404], path);
  });
});

describe('headers', () => {
  it('past the limit are refused', async (t) => {
    const { send } = await rig(t);
    assert.deepEqual(statuses(await send('GET /x/echo', [`X-Long: ${'a'.repeat(20_000)}`])), [431]);
    assert.deepEqual(statuses(await send(`GET /x/${'a'.repeat(20_000)}`)), [431]);
  });

  it('of a request come back only where they are sane', async (t) => {
    const { send } = await rig(t);
    for (const header of ['X-Request-Id: a b', 'X-Request-Id: <script>', `X-Request-Id: ${'a'.repeat(200)}`, 'X-Request-Id: a\r\nX-Request-Id: b', 'X-Request-Id: \u00e9']) {
      assert.match(await send('GET /x/echo?args=[1]', [header]), /x-request-id: [0-9a-f]{32}\r\n/, header);
    }
  });

  it('of a service cannot split an answer', async (t) => {
    const evil = { statusCode: 200, header: { 'X-Evil': ['a\r\nX-Split: 1'], 'X-Split\r\nX-More': ['1'], 'Content-Length': ['1000'], 'Transfer-Encoding': ['chunked'], 'X-Fine': ['yes'] }, body: Buffer.from('body') };
    // A service of Go may say what the types of fetch refuse.
    const hooks: ServerHooks = { unknown: (path) => ({ ...goApi(() => new Response()).unknown!(path)!, invoke: () => Promise.resolve(evil) }) };
    const { port } = await gateway(t, [X], { routes: [{ path: '/go/*', target: 'x', style: 'mqant' }] }, { serverHooks: hooks });
    const answer = await raw(port, ...request('GET /go/any')).answer;
    assert.deepEqual(statuses(answer), [200]);
    assert.match(answer, /x-fine: yes\r\n/);
    assert.match(answer, /\r\ncontent-length: 4\r\n[^]*\r\n\r\nbody$/);
    assert.doesNotMatch(answer, /X-Split|X-More|chunked/i);
  });
});

describe('what strangers learn', () => {
  it('of mistakes in arguments: what is wanted, and not of whom', async (t) => {
    const { ask, id } = await rig(t);
    const detail = async (path: string): Promise<unknown[]> => {
      const { status, json, text } = await ask(path);
      assert.ok(!text.includes(id), text);
      return [status, json.reason, json.detail];
    };
    assert.deepEqual(await detail('/x/two'), [400, 'ARGUMENT_COUNT', 'the handler takes 2 argument(s), got 0']);
    assert.deepEqual(await detail('/x/two?args=[1,2,3]'), [400, 'ARGUMENT_COUNT', 'the handler takes 2 argument(s), got 3']);
    assert.deepEqual(await detail('/x/int?args=["a"]'), [400, 'ARGUMENT_TYPE', 'argument 1 must be a 32-bit integer']);
    assert.deepEqual(await detail('/x/none'), [404, 'HANDLER_NOT_FOUND', 'the service serves nothing at this path']);
  });

  it('of names of services: nothing, and the registry is not asked for each', async (t) => {
    let asked = 0;
    const registry = memory();
    for (const question of ['get', 'watch', 'list'] as const) {
      const real = registry[question].bind(registry) as (...args: unknown[]) => unknown;
      Object.assign(registry, { [question]: (...args: unknown[]) => (asked++, real(...args)) });
    }
    const { ask } = await gateway(t, [X], {}, { registry: registry });
    assert.equal((await ask('/x/echo?args=[1]')).status, 200);
    asked = 0;
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => ask(`/stranger${i}/any`)));
    assert.deepEqual([...new Set(answers.map(({ status, json }) => `${status} ${String(json.reason)} ${String(json.detail)}`))], ['404 SERVICE_NOT_FOUND no such service']);
    assert.ok(asked > 0 && asked < 400, `${asked} questions`);
  });
});
