import { rpcError } from '../common/error-catalog.js';
import { defineMetadata } from './define-metadata.js';

/** @public */
export interface RpcContractOptions {
  /** Name of the service that keeps the contract. */
  type: string;
}

/** On the contract class. A class that extends it keeps the contract too. */
export const RPC_CONTRACT = defineMetadata<Readonly<RpcContractOptions>>('rpc contract');

/**
 * A service as callers need to know it: `@Handler`s without the implementation, so that callers import no foreign code.
 * The implementation extends it and inherits the handlers, or repeats them.
 * @param options the service name, or `{ type }`
 * @public
 */
export function RpcContract(options: string | RpcContractOptions): ClassDecorator {
  return RPC_CONTRACT.decorate(Object.freeze(typeof options === 'string' ? { type: options } : { ...options }));
}

/** Body of a contract's methods: `@Handler('/say/hi') sayHi(name: string): Promise<string> { return contractMethod(); }` @public */
export function contractMethod(): never {
  throw rpcError('NOT_IMPLEMENTED', 'this method is only a contract; override it in the service that extends the contract');
}
