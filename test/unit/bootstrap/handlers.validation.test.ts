import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Injectable, ParseIntPipe, StandardSchemaValidationPipe, UsePipes, ValidationPipe } from '@nestjs/common';
import { APP_PIPE } from '@nestjs/core';
import { IsInt, IsString, MinLength } from 'class-validator';
import { z } from 'zod';
import type { RpcContext } from '../../../lib/common/call-context.js';
import type { RpcError } from '../../../lib/common/rpc-error.js';
import { Handler } from '../../../lib/metadata/handler.decorator.js';
import { Ctx, Payload } from '../../../lib/metadata/params.decorator.js';
import { RpcModule } from '../../../lib/metadata/rpc-module.decorator.js';
import { serve, type Served } from './handlers.support.js';

class Order {
  @IsString()
  @MinLength(2)
  item!: string;

  @IsInt()
  count!: number;
}

@Injectable()
class Orders {
  @Handler('/order')
  order(order: Order, @Ctx() ctx: RpcContext): unknown[] {
    return [order instanceof Order, order.item, ctx.path];
  }

  @Handler('/plain')
  plain(text: string, count: number): unknown[] {
    return [text, count];
  }
}

@RpcModule({ type: 'global', providers: [Orders, { provide: APP_PIPE, useValue: new ValidationPipe({ transform: true, whitelist: true }) }] })
class Global {}

@RpcModule({ type: 'method' })
class OnMethod {
  @Handler('/order')
  @UsePipes(new ValidationPipe())
  order(order: Order): string {
    return order.item;
  }
}

const user = z.object({ name: z.string().min(2), age: z.coerce.number().int() });

@RpcModule({ type: 'schemas' })
class Schemas {
  @Handler('/schema')
  withSchema(@Payload({ schema: user }) value: z.infer<typeof user>): unknown {
    return value;
  }

  @Handler('/schema-and-pipe')
  withBoth(@Payload(0, { schema: user, pipes: [new StandardSchemaValidationPipe({ transform: false })] }) value: unknown, other: string): unknown[] {
    return [value, other];
  }

  @Handler('/schema-of-second')
  second(first: string, @Payload(1, { schema: z.coerce.number() }) count: number): unknown[] {
    return [first, count];
  }

  @Handler('/schema-of-property')
  property(@Payload('id', { schema: z.string().regex(/^\d+$/), pipes: [ParseIntPipe] }) id: unknown): unknown {
    return id;
  }
}

async function failure(call: Promise<unknown>): Promise<RpcError> {
  return call.then(
    () => assert.fail('it was accepted'),
    (error: RpcError) => error,
  );
}

describe('validation', () => {
  let global: Served;
  let method: Served;
  let schemas: Served;
  before(async () => {
    [global, method, schemas] = await Promise.all([serve([Global]), serve([OnMethod]), serve([Schemas])]);
  });
  after(() => Promise.all([global, method, schemas].map(({ app }) => app.close())));

  it('by a global ValidationPipe reaches undecorated parameters and makes their class', async () => {
    assert.deepEqual(await global.call('/order', { item: 'tea', count: 1, extra: true }), [true, 'tea', '/order']);
    assert.deepEqual(await global.call('/plain', 'text', 2), ['text', 2]);
  });

  it('tells the caller every mistake, for people and for machines', async () => {
    const error = await failure(global.call('/order', { item: 'x', count: 'y' }));
    assert.equal(error.code, 'INVALID_ARGUMENT');
    assert.deepEqual(error.details, { messages: ['item must be longer than or equal to 2 characters', 'count must be an integer number'] });
    assert.equal(error.message, 'item must be longer than or equal to 2 characters; count must be an integer number');
  });

  it('by a ValidationPipe on the method', async () => {
    assert.equal(await method.call('/order', { item: 'tea', count: 1 }), 'tea');
    assert.equal((await failure(method.call('/order', {}))).code, 'INVALID_ARGUMENT');
  });

  it('by a Standard Schema needs no pipe to be named', async () => {
    assert.deepEqual(await schemas.call('/schema', { name: 'Bo', age: '7' }), { name: 'Bo', age: 7 });
    const error = await failure(schemas.call('/schema', { name: 'B', age: 1.5 }));
    assert.equal(error.code, 'INVALID_ARGUMENT');
    const { messages } = error.details as { messages: string[] };
    assert.deepEqual(messages.map((message) => message.split(':')[0]), ['name', 'age']);
  });

  it('by a Standard Schema is done once where its pipe is named', async () => {
    assert.deepEqual(await schemas.call('/schema-and-pipe', { name: 'Bo', age: '7' }, 'x'), [{ name: 'Bo', age: '7' }, 'x']);
    assert.equal((await failure(schemas.call('/schema-and-pipe', {}, 'x'))).code, 'INVALID_ARGUMENT');
  });

  it('by a Standard Schema works on any argument, also a missing one, and on a property', async () => {
    assert.deepEqual(await schemas.call('/schema-of-second', 'a', '3'), ['a', 3]);
    assert.equal((await failure(schemas.call('/schema-of-second', 'a'))).code, 'INVALID_ARGUMENT');
    assert.equal((await failure(schemas.call('/schema-of-property', { id: 'x' }))).code, 'INVALID_ARGUMENT');
  });
});
