import type { ErrorTypeOptions } from '../common/handler-options.js';
import { defineMetadata } from './define-metadata.js';

/** On the error class. Subclasses are error classes of their own. */
export const RPC_ERROR_CLASS = defineMetadata<Readonly<ErrorTypeOptions>>('rpc error class');

/**
 * Declares an error class that travels: thrown in a handler of one process, caught with `instanceof` in another. Its enumerable fields travel
 * too; its constructor does not run on the other side.
 * @public
 */
export function RpcErrorClass(options: ErrorTypeOptions = {}): ClassDecorator {
  return RPC_ERROR_CLASS.decorate(Object.freeze({ ...options }));
}
