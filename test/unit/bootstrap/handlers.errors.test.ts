import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  BadRequestException,
  ConflictException,
  ForbiddenException,
  GatewayTimeoutException,
  HttpException,
  ImATeapotException,
  InternalServerErrorException,
  NotFoundException,
  ServiceUnavailableException,
  UnauthorizedException,
} from '@nestjs/common';
import { BaseRpcExceptionFilter, RpcException } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { mapNestError } from '../../../lib/bootstrap/map-nest-error.js';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { RpcErrorClass } from '../../../lib/metadata/rpc-error-class.decorator.js';

describe('mapNestError', () => {
  const byStatus: [HttpException, string | undefined][] = [
    [new BadRequestException('x'), 'INVALID_ARGUMENT'],
    [new UnauthorizedException('x'), 'UNAUTHENTICATED'],
    [new ForbiddenException('x'), 'PERMISSION_DENIED'],
    [new NotFoundException('x'), 'NOT_FOUND'],
    [new ConflictException('x'), 'ALREADY_EXISTS'],
    [new HttpException('x', 429), 'RESOURCE_EXHAUSTED'],
    [new ServiceUnavailableException('x'), 'UNAVAILABLE'],
    [new GatewayTimeoutException('x'), 'DEADLINE_EXCEEDED'],
    [new ImATeapotException('x'), 'FAILED_PRECONDITION'],
    [new InternalServerErrorException('x'), undefined],
    [new HttpException('x', 302), undefined],
  ];
  for (const [error, code] of byStatus) {
    it(`makes ${code ?? 'nothing'} of status ${error.getStatus()}`, () => {
      const mapped = mapNestError(error);
      assert.equal(mapped?.code, code);
      if (mapped) assert.deepEqual([mapped.message, mapped.metadata, mapped.cause, mapped.details], ['x', { status: String(error.getStatus()) }, error, undefined]);
    });
  }

  it('keeps what a custom response says', () => {
    const mapped = mapNestError(new HttpException({ message: 'gone', until: 7 }, 404));
    assert.deepEqual([mapped?.message, mapped?.details], ['gone', { until: 7 }]);
  });

  it('takes an error code as reason', () => {
    assert.equal(mapNestError(new ConflictException('x', { errorCode: 'USER_EXISTS' }))?.reason, 'USER_EXISTS');
  });

  it('keeps the text of an Error given as response at home', () => {
    const mapped = mapNestError(new HttpException(new Error('password is 123') as never, 400));
    assert.equal(mapped?.message, 'refused with status 400');
    assert.equal(mapped.details, undefined);
  });

  it('reads an RpcException by its payload', () => {
    const full = mapNestError(new RpcException({ code: 'NOT_FOUND', reason: 'NO_USER', message: 'no user', metadata: { id: '1' }, details: [1] }));
    assert.deepEqual(full?.toJSON(), { code: 'NOT_FOUND', reason: 'NO_USER', message: 'no user', metadata: { id: '1' }, details: [1] });
    assert.deepEqual(mapNestError(new RpcException('text'))?.toJSON(), { code: 'UNKNOWN', reason: 'UNKNOWN', message: 'text', metadata: {} });
    assert.deepEqual(mapNestError(new RpcException({ code: 42, message: 'foreign code' }))?.toJSON(), {
      code: 'UNKNOWN',
      reason: 'UNKNOWN',
      message: 'foreign code',
      metadata: {},
      details: { code: 42 },
    });
    const inner = new RpcError({ code: 'ABORTED', message: 'x' });
    assert.equal(mapNestError(new RpcException(inner)), inner);
  });

  it('reads what filters of @nestjs/microservices throw', async () => {
    const thrown = (error: unknown) => lastValueFrom(new BaseRpcExceptionFilter().catch(error as Error, {} as never)).catch((filtered: unknown) => mapNestError(filtered)?.toJSON());
    assert.deepEqual(await thrown(new RpcException('text')), { code: 'UNKNOWN', reason: 'UNKNOWN', message: 'text', metadata: {} });
    assert.deepEqual(await thrown(new RpcException({ code: 'NOT_FOUND', message: 'no user' })), { code: 'NOT_FOUND', reason: 'NOT_FOUND', message: 'no user', metadata: {} });
  });

  it('recognises classes with @RpcErrorClass that no handler lists', () => {
    @RpcErrorClass({ code: 'NOT_FOUND' })
    class OutOfStock extends Error {
      constructor(readonly item: string) {
        super(`no ${item}`);
      }
    }
    const mapped = mapNestError(new OutOfStock('tea'));
    assert.deepEqual(mapped?.toJSON(), { code: 'NOT_FOUND', reason: 'OUT_OF_STOCK', message: 'no tea', metadata: {}, details: { item: 'tea' } });
  });

  it('leaves all others to the log', () => {
    for (const error of [new TypeError('x'), 'text', undefined, null, { message: 'x' }, { getError: () => 'x' }]) assert.equal(mapNestError(error), undefined);
  });
});
