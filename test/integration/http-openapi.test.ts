import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { z } from 'zod';
import type { OpenApiDocument } from '../../lib/gateway/http/openapi/document.js';
import { HttpRoute } from '../../lib/gateway/http/http-route.decorator.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { Payload } from '../../lib/metadata/params.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { gateway } from './http-gateway.support.js';

const open = { public: true } as const;

@RpcModule({ type: 'shop' })
class Shop {
  @Handler('/item/get', open)
  @HttpRoute('GET', '/items/:id', { args: ['params.id', 'query.limit', 'headers.x-tenant'] })
  get(_id: string, _limit: number = 1, _tenant: string = ''): object {
    return {};
  }

  @Handler('/item/put', open)
  @HttpRoute('PUT', '/items/:id', { status: 204 })
  put(@Payload({ schema: z.object({ id: z.string(), price: z.number().min(0) }) }) _item: object): void {}

  @Handler('/named', open)
  named(@Payload('a') _a: string, @Payload('b') _b: number): string {
    return '';
  }

  @Handler('/{odd}', open)
  odd(..._all: unknown[]): Uint8Array {
    return new Uint8Array();
  }

  @Handler('/secret')
  secret(): void {}
}

describe('the OpenAPI document', () => {
  it('is valid by a validator of others, and names public handlers only', async (t) => {
    const { ask } = await gateway(t, [Shop], { openapi: true, info: { title: 'Shop <1>', version: '2.0.0' } });
    const answer = await ask('/openapi.json');
    const result = await new Validator().validate(JSON.parse(answer.text) as Record<string, unknown>);
    assert.deepEqual([result.valid, result.errors], [true, undefined]);
    const { openapi, info, paths } = answer.json as unknown as OpenApiDocument;
    assert.deepEqual([openapi, info.title], ['3.1.0', 'Shop <1>']);
    assert.deepEqual(Object.keys(paths), ['/items/{id}', '/shop/item/get', '/shop/item/put', '/shop/named', '/shop/%7Bodd%7D']);
    const parameters = paths['/items/{id}']!.get!.parameters;
    assert.deepEqual(parameters, [
      { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
      { name: 'limit', in: 'query', required: false, schema: { type: 'number' } },
      { name: 'x-tenant', in: 'header', required: false, schema: { type: 'string' } },
    ]);
    const body = JSON.stringify(paths['/items/{id}']!.put!.requestBody);
    assert.match(body, /"price":\{"type":"number","minimum":0\}/);
    const list = JSON.stringify(paths['/shop/named']!.post!.requestBody);
    assert.match(list, /"prefixItems":\[\{"type":"object","properties":\{"a":\{"type":"string"\},"b":\{"type":"number"\}\},"required":\["a","b"\]\}\],"minItems":1,"maxItems":1/);
  });

  it('has a page without scripts, and neither is there unless asked for', async (t) => {
    const { ask } = await gateway(t, [Shop], { openapi: true, info: { title: 'Shop <1>', version: '2.0.0' } });
    const page = await ask('/docs');
    assert.match(page.text, /<h1>Shop &#60;1&#62; 2.0.0<\/h1>/);
    assert.ok(!page.text.includes('<script'));
    assert.match(page.headers.get('content-security-policy')!, /default-src 'none'/);
    const silent = await gateway(t, [Shop]);
    assert.equal((await silent.ask('/openapi.json')).status, 404);
  });
});
