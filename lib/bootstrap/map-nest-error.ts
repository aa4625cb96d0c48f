import { HttpException } from '@nestjs/common';
import { isCodeName, type RpcCodeName } from '../common/rpc-code.js';
import { RpcError } from '../common/rpc-error.js';
import { RPC_ERROR_CLASS } from '../metadata/rpc-error-class.decorator.js';
import { ErrorTypes } from '../rpc/error-types.js';
import { errorTypesOf } from './error-classes.js';

/** HTTP status to code, for those that say more than their hundred. */
const CODE_OF_STATUS: Readonly<Record<number, RpcCodeName>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  408: 'DEADLINE_EXCEEDED',
  409: 'ALREADY_EXISTS',
  413: 'RESOURCE_EXHAUSTED',
  422: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/**
 * Errors that Nest code throws, as what they mean to a caller: HttpException by its status, RpcException of @nestjs/microservices by its
 * payload, a class with `@RpcErrorClass` that no handler lists. Undefined for all others: those are bugs, and go to the log.
 */
export function mapNestError(error: unknown): RpcError | undefined {
  if (isHttpException(error)) return fromHttp(error);
  if (isRpcException(error)) return fromPayload(error.getError(), error);
  if (isFilteredPayload(error)) return fromPayload(error, undefined);
  if (error instanceof Error && RPC_ERROR_CLASS.own(error.constructor)) {
    return new ErrorTypes(errorTypesOf([error.constructor as new () => Error])).toWire(error);
  }
  return undefined;
}

/** Two copies of @nestjs/common in one process happen; both count. */
function isHttpException(error: unknown): error is HttpException {
  if (error instanceof HttpException) return true;
  const like = error as Partial<HttpException> | null;
  return error instanceof Error && typeof like?.getStatus === 'function' && typeof like.getResponse === 'function';
}

/** Known by its shape: @nestjs/microservices is not loaded for the sake of an `instanceof`. */
function isRpcException(error: unknown): error is Error & { getError(): unknown } {
  return error instanceof Error && typeof (error as { getError?: unknown }).getError === 'function';
}

/** What filters of @nestjs/microservices make of an RpcException: its payload, or `{ status: 'error', message }`. */
function isFilteredPayload(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || Object.getPrototypeOf(error) !== Object.prototype) return false;
  const { code, status, message } = error as Record<string, unknown>;
  return typeof message === 'string' && (isCodeName(code) || status === 'error');
}

function fromHttp(error: HttpException): RpcError | undefined {
  const status = error.getStatus();
  const code = CODE_OF_STATUS[status] ?? (status >= 400 && status < 500 ? 'FAILED_PRECONDITION' : undefined);
  if (code === undefined) return undefined;
  const response: unknown = error.getResponse();
  // As in Nest's HTTP apps, the text of an Error given as response stays at home.
  if (response instanceof Error) return new RpcError({ code, message: `refused with status ${status}`, metadata: { status: String(status) }, cause: error });
  const body = typeof response === 'object' && response !== null ? (response as Record<string, unknown>) : undefined;
  const { message, error: title, statusCode: _status, errorCode, ...rest } = body ?? {};
  // What pipes found wrong is a list: each line for people, the list for machines.
  const list = Array.isArray(message) ? message : undefined;
  const details = { ...(list && { messages: list }), ...rest };
  return new RpcError({
    code,
    message: list ? list.join('; ') : typeof message === 'string' ? message : typeof response === 'string' ? response : typeof title === 'string' ? title : error.message,
    ...(typeof errorCode === 'string' && { reason: errorCode }),
    metadata: { status: String(status) },
    ...(Object.keys(details).length > 0 && { details }),
    cause: error,
  });
}

/** `new RpcException('text')` or `new RpcException({ code, message, ... })`. */
function fromPayload(payload: unknown, cause: Error | undefined): RpcError {
  if (RpcError.is(payload)) return payload;
  if (typeof payload !== 'object' || payload === null) return new RpcError({ code: 'UNKNOWN', message: String(payload), cause });
  const { code, reason, message, metadata, details, status, ...rest } = payload as Record<string, unknown>;
  const unnamed = { ...rest, ...(status !== undefined && status !== 'error' && { status }), ...(code !== undefined && !isCodeName(code) && { code }) };
  const extra = details ?? (Object.keys(unnamed).length > 0 ? unnamed : undefined);
  return new RpcError({
    code: isCodeName(code) ? code : 'UNKNOWN',
    message: typeof message === 'string' ? message : (cause?.message ?? 'refused'),
    ...(typeof reason === 'string' && { reason }),
    ...(typeof metadata === 'object' && metadata !== null && { metadata: metadata as Record<string, string> }),
    ...(extra !== undefined && { details: extra }),
    cause,
  });
}
