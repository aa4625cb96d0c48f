import { BootError } from '../common/boot-error.js';
import type { ErrorClass } from '../common/handler-options.js';
import { RPC_ERROR_CLASS } from '../metadata/rpc-error-class.decorator.js';
import { reasonOf, type ErrorType } from '../rpc/error-types.js';

/** The wire form of error classes that some handler or option names. @throws BootError ERROR_CLASS */
export function errorTypesOf(classes: Iterable<ErrorClass>): ErrorType[] {
  return [...new Set(classes)].map((type) => {
    const options = RPC_ERROR_CLASS.own(type);
    if (options === undefined) {
      throw new BootError('ERROR_CLASS', `${type.name} is listed in { errors } but is not declared: put @RpcErrorClass() on it, so that callers can recognise it`);
    }
    return { type, code: options.code ?? 'FAILED_PRECONDITION', reason: options.reason ?? reasonOf(type.name) };
  });
}
