import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsDateString, IsEmail, IsEnum, IsInt, IsOptional, IsString, IsUUID, Length, Matches, Max, Min, ValidateNested } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { z } from 'zod';
import type { OpenApiDocument } from '../../lib/gateway/http/openapi/document.js';
import { HttpDoc } from '../../lib/gateway/http/http-doc.decorator.js';
import { HttpRoute } from '../../lib/gateway/http/http-route.decorator.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { Payload } from '../../lib/metadata/params.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { Child } from './child.js';
import { gateway } from './http-gateway.support.js';

const open = { public: true } as const;

enum Level {
  low = 1,
  high,
}

enum Colour {
  red = 'r',
  green = 'g',
}

class Place {
  @IsString()
  @Length(2, 40)
  city!: string;

  @IsOptional()
  @Matches(/^\d{5}$/)
  zip?: string;
}

@JSONSchema({ description: 'What a customer wants' })
class Order {
  @IsUUID()
  id!: string;

  // The bound is the last one to be read, and says nothing of the type.
  @Min(1)
  @Max(99)
  @IsInt()
  count!: number;

  // Without a decorator that says a type.
  @Min(0)
  weight!: number;

  @IsEmail()
  @JSONSchema({ description: 'Where the bill goes', example: 'a@b.example' })
  email!: string;

  @IsEnum(Level)
  level!: Level;

  @IsEnum(Colour)
  colour!: Colour;

  @IsArray()
  @ArrayMaxSize(5)
  @IsString({ each: true })
  tags!: string[];

  @ValidateNested()
  @Type(() => Place)
  to!: Place;

  @IsOptional()
  @ValidateNested({ each: true })
  @Type(() => Place)
  stops?: Place[];

  @IsDateString()
  at!: string;
}

class Search {
  @IsString()
  @JSONSchema({ description: 'Words to look for' })
  q!: string;

  @IsOptional()
  @IsInt()
  limit?: number;
}

interface Tree {
  name: string;
  children: Tree[];
}
const tree: z.ZodType<Tree> = z.lazy(() => z.object({ name: z.string(), children: z.array(tree) }));

@RpcModule({ type: 'shop' })
class Shop {
  @Handler('/order', open)
  @HttpRoute('POST', '/orders', { status: 201 })
  @HttpDoc({ summary: 'Orders something', description: 'At *once*.', result: [Order], tags: ['orders'], deprecated: true })
  async order(_order: Order): Promise<Order[]> {
    return [];
  }

  @Handler('/search', open)
  @HttpRoute('GET', '/orders/:q')
  search(_search: Search): void {}

  @Handler('/find', open)
  @HttpRoute('GET', '/find', { args: ['query'] })
  find(@Payload({ schema: z.object({ page: z.number().int().min(1).default(1), q: z.string().describe('Words') }) }) _query: object): void {}

  @Handler('/tree', open)
  @HttpDoc({ result: z.object({ depth: z.number() }) })
  tree(@Payload({ schema: tree }) _tree: object): object {
    return {};
  }
}

async function documentOf(t: TestContext): Promise<OpenApiDocument> {
  const { ask } = await gateway(t, [Shop], { openapi: true });
  const { json } = await ask('/openapi.json');
  const result = await new Validator().validate(structuredClone(json));
  assert.deepEqual([result.valid, result.errors], [true, undefined]);
  return json as unknown as OpenApiDocument;
}

describe('schemas in the OpenAPI document', () => {
  it('are those of class-validator: types, bounds, formats, lists, nested classes, what is optional, and words', async (t) => {
    const { paths, components } = await documentOf(t);
    const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
    assert.deepEqual(paths['/orders']!['post']!.requestBody, { required: true, content: { 'application/json': { schema: ref('Order') } } });
    assert.deepEqual(paths['/shop/order']!['post']!.requestBody!.content!['application/json']!.schema, { type: 'array', prefixItems: [ref('Order')], minItems: 1, maxItems: 1 });
    assert.deepEqual(components.schemas['Order'], {
      type: 'object',
      description: 'What a customer wants',
      properties: {
        id: { type: 'string', format: 'uuid' },
        count: { type: 'integer', minimum: 1, maximum: 99 },
        weight: { type: 'number', minimum: 0 },
        email: { type: 'string', format: 'email', description: 'Where the bill goes', example: 'a@b.example' },
        level: { type: 'number', enum: [1, 2] },
        colour: { type: 'string', enum: ['r', 'g'] },
        tags: { type: 'array', maxItems: 5, items: { type: 'string' } },
        to: ref('Place'),
        stops: { type: 'array', items: ref('Place') },
        at: { type: 'string', format: 'date-time' },
      },
      required: ['at', 'tags', 'colour', 'level', 'email', 'weight', 'count', 'id', 'to'].sort((a, b) => (components.schemas['Order']!['required'] as string[]).indexOf(a) - (components.schemas['Order']!['required'] as string[]).indexOf(b)),
    });
    assert.deepEqual(components.schemas['Place'], { type: 'object', properties: { city: { type: 'string', minLength: 2, maxLength: 40 }, zip: { type: 'string', pattern: '^\\d{5}$' } }, required: ['city'] });
  });

  it('become parameters where a request has no body', async (t) => {
    const { paths } = await documentOf(t);
    assert.deepEqual(paths['/orders/{q}']!['get']!.parameters, [
      { name: 'q', in: 'path', required: true, schema: { type: 'string' } },
      { name: 'limit', in: 'query', required: false, schema: { type: 'integer' } },
    ]);
    assert.deepEqual(paths['/find']!['get']!.parameters, [
      { name: 'page', in: 'query', required: false, schema: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, default: 1 } },
      { name: 'q', in: 'query', required: true, description: 'Words', schema: { type: 'string', description: 'Words' } },
    ]);
  });

  it('that refer to themselves still do', async (t) => {
    const { paths, components } = await documentOf(t);
    const text = JSON.stringify({ body: paths['/shop/tree']!['post']!.requestBody, components });
    const targets = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target!);
    assert.ok(targets.length >= 3, text);
    for (const target of targets) assert.ok(target.startsWith('#/components/schemas/') && target.slice('#/components/schemas/'.length) in components.schemas, target);
    assert.match(text, /"children":\{"type":"array","items":\{"\$ref":"#\/components\/schemas\/Schema/);
  });

  it('have what is said of a handler beside them', async (t) => {
    const { paths } = await documentOf(t);
    const { summary, description, deprecated, tags, responses } = paths['/orders']!['post']!;
    assert.deepEqual([summary, description, deprecated, tags], ['Orders something', 'At *once*.', true, ['orders']]);
    assert.deepEqual(responses['201'], { description: 'The result', content: { 'application/json': { schema: { type: 'array', items: { $ref: '#/components/schemas/Order' } } } } });
    assert.deepEqual(paths['/shop/tree']!['post']!.responses['200']!.content!['application/json']!.schema, { type: 'object', properties: { depth: { type: 'number' } }, required: ['depth'], additionalProperties: false });
  });

  it('are read as types on the page, with nothing of theirs as HTML', async (t) => {
    @RpcModule({ type: 'odd' })
    class Odd {
      @Handler('/odd', open)
      @HttpDoc({ summary: '<script>alert(1)</script>', description: '"&\'', tags: ['<b>'] })
      odd(@Payload({ schema: z.object({ '<i>': z.string().regex(/<x>/).describe('<u>') }) }) _odd: object): void {}
    }
    const { ask } = await gateway(t, [Shop, Odd], { openapi: true });
    const { text } = await ask('/docs');
    for (const part of ['<h2>orders</h2>', '<b class="post">POST</b><code>/orders</code><span>Orders something</span>', 'Deprecated.', 'count: integer <i>(≥ 1, ≤ 99)</i>', 'stops?: <a href="#schema-Place">Place</a>[]', 'id="schema-Place"', 'email: string <i>(email)</i> <em>Where the bill goes</em>']) {
      assert.ok(text.includes(part), part);
    }
    const tags = new Set([...text.matchAll(/<\/?([a-z!][a-z0-9]*)/gi)].map(([, tag]) => tag!.toLowerCase()));
    assert.ok(!tags.has('script') && !tags.has('u') && !tags.has('x'), [...tags].join());
    assert.equal(/<i>'|<b>[^<]*<\/h2>/.exec(text), null);
  });

  it('have the name of a class where nothing is installed that knows more', async (t) => {
    const hide = new URL('./fixture/hide-packages.js', import.meta.url).href;
    const child = new Child(t, './fixture/openapi-app.js', { execArgv: ['--import', hide], env: { HIDDEN: 'class-validator-jsonschema,class-validator,class-transformer' } });
    assert.deepEqual(await child.exit, { code: 0, signal: null }, child.output);
    assert.match(child.notes()[0]!, /"prefixItems":\[\{"type":"object","title":"Order"\}\]/);
  });
});
