import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import protobuf from 'protobufjs';
import { GO_REQUEST, GO_RESPONSE, type GoRequest, type GoResponse } from '../../../../lib/gateway/http/go-api.js';
import { goRequest, replyOfGo, webRequest } from '../../../../lib/gateway/http/go-exchange.js';
import type { HttpRequest } from '../../../../lib/gateway/http/exchange.js';
import { Canceller } from '../../../../lib/rpc/canceller.js';

// The messages as mqant's api.proto has them, read by another implementation.
const { root } = protobuf.parse(`syntax = "proto3"; package go.api;
  message Pair { string key = 1; repeated string values = 2; }
  message Request { string method = 1; string path = 2; map<string, Pair> header = 3; map<string, Pair> get = 4; map<string, Pair> post = 5; string body = 6; string url = 7; }
  message Response { int32 statusCode = 1; map<string, Pair> header = 2; string body = 3; }`);
const theirs = { request: root.lookupType('go.api.Request'), response: root.lookupType('go.api.Response') };
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const request: GoRequest = { method: 'POST', path: '/web/ä', header: { Accept: ['a', 'b'], Empty: [] }, get: { q: ['1'] }, post: { f: ['x y'] }, body: utf8('text ✓'), url: '/web/%C3%A4?q=1' };
const response: GoResponse = { statusCode: 404, header: { 'Content-Type': ['text/plain'] }, body: utf8('none') };

describe('messages of go.api', () => {
  it('are read by another implementation as they were written', () => {
    const pairs = (values: GoRequest['header']) => Object.fromEntries(Object.entries(values).map(([key, list]) => [key, { key, ...(list.length > 0 && { values: [...list] }) }]));
    const read = theirs.request.toObject(theirs.request.decode(GO_REQUEST.encode(request).finish()));
    assert.deepEqual(plain(read), { method: 'POST', path: '/web/ä', header: pairs(request.header), get: pairs(request.get), post: pairs(request.post), body: 'text ✓', url: request.url });
    assert.deepEqual(plain(theirs.response.toObject(theirs.response.decode(GO_RESPONSE.encode(response).finish()))), { statusCode: 404, header: pairs(response.header), body: 'none' });
  });

  it('are read as another implementation wrote them', () => {
    const pair = (key: string, values: string[]) => ({ [key]: { key, values } });
    const bytes = theirs.request.encode(theirs.request.fromObject({ method: 'GET', path: '/a', header: pair('X', ['1', '2']), get: pair('__proto__x', ['']), body: 'b', url: '/a?' })).finish();
    const read = GO_REQUEST.decode(bytes);
    assert.deepEqual(plain(read.header), { X: ['1', '2'] });
    assert.deepEqual([read.method, read.path, Buffer.from(read.body).toString(), read.url, plain(read.get), plain(read.post)], ['GET', '/a', 'b', '/a?', { __proto__x: [''] }, {}]);
    assert.deepEqual(GO_RESPONSE.decode(new Uint8Array(0)).statusCode, 0);
  });

  it('that are broken throw, and are no maps of any size', () => {
    assert.throws(() => GO_REQUEST.decode(new Uint8Array([0x0a, 0xff])));
    assert.throws(() => GO_REQUEST.decode(new Uint8Array([0x0b])), /wire type 3/);
    assert.throws(() => GO_REQUEST.decode(new Uint8Array(30_000).fill(8)), /./);
  });
});

const asked = (more: Partial<HttpRequest>): HttpRequest => ({ method: 'GET', path: '/web/a', search: '', headers: {}, body: undefined, params: {}, ip: '10.0.0.1', id: 'r1', canceller: new Canceller(), ...more });

describe('a request on its way to a Go service', () => {
  it('has canonical headers, the real address, and no headers of the connection', () => {
    const { header } = goRequest(asked({ headers: { host: 'a.example', 'x-forwarded-for': '1.2.3.4', connection: 'keep-alive', 'content-length': '3', 'accept-language': 'de' } }));
    assert.deepEqual(plain(header), { Host: ['a.example'], 'X-Forwarded-For': ['10.0.0.1'], 'Accept-Language': ['de'], 'X-Request-Id': ['r1'] });
  });

  it('has a form in post and not in the body, and refuses what no proto string can hold', () => {
    const form = goRequest(asked({ method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: utf8('a=1&a=2&b=x+y') }));
    assert.deepEqual([plain(form.post), form.body.length], [{ a: ['1', '2'], b: ['x y'] }, 0]);
    assert.throws(() => goRequest(asked({ method: 'POST', body: new Uint8Array([0xff]) })), /UTF-8/);
  });
});

describe('an answer of a Go service', () => {
  it('keeps status and sound headers', () => {
    const header = { 'Set-Cookie': ['a=1', 'b=2'], 'X-Bad': ['a\r\nX-Evil: 1'], 'Bad Name': ['1'], 'Transfer-Encoding': ['chunked'], 'Content-Length': ['9'], 'X-Ok': ['1'] };
    assert.deepEqual(replyOfGo({ statusCode: 201, header, body: utf8('x') }), { status: 201, headers: { 'set-cookie': ['a=1', 'b=2'], 'x-ok': '1', 'content-type': 'application/json' }, body: utf8('x') });
    assert.deepEqual([0, 99, 999].map((statusCode) => replyOfGo({ statusCode, header: {}, body: utf8('') }).status), [200, 502, 502]);
  });
});

describe('a request of a gateway in the types of fetch', () => {
  it('is what the client asked', async () => {
    const web = webRequest({ ...request, header: { Host: ['shop.example:81'], 'Content-Type': ['application/x-www-form-urlencoded'] } }, new AbortController().signal);
    assert.deepEqual([web.method, web.url, await web.text()], ['POST', 'http://shop.example:81/web/%C3%A4?q=1', 'f=x+y']);
    const odd = webRequest({ ...request, method: 'GET', url: '//evil.example/x', header: { Host: ['a/b@c'] } }, new AbortController().signal);
    assert.equal(new URL(odd.url).host, 'localhost');
  });
});
