import { BootError, bootErrors } from '../common/boot-error.js';
import type { ClientContract, ClientMethod } from '../common/client-contract.js';
import { handlersOf } from '../metadata/handler.decorator.js';
import { RPC_CONTRACT } from '../metadata/rpc-contract.decorator.js';
import { RPC_MODULE } from '../metadata/rpc-module.decorator.js';
import type { ClientClass } from '../metadata/tokens.js';
import { misplaced } from './handler-checks.js';
import { argumentCount, readParams, sessionArgument } from './handler-params.js';
import { signatureOf } from './handler-types.js';

/**
 * What a typed client of `contract` can do. Needs no container: the class is not instantiated.
 * @throws BootError CLIENT_CONTRACT, or HANDLER_TARGET for what no service could serve either
 */
export function readContract(contract: ClientClass): ClientContract {
  const { name } = contract;
  const type = (RPC_MODULE.read(contract) ?? RPC_CONTRACT.read(contract))?.type;
  const wrong = (what: string) => new BootError('CLIENT_CONTRACT', `a client of ${name} cannot be made: ${what}`);
  if (typeof type !== 'string' || type === '') {
    throw wrong(`${name} has neither @RpcModule({ type }) nor @RpcContract(type), so that nobody knows which service to call`);
  }
  const handlers = handlersOf(contract);
  if (handlers.length === 0) throw wrong(`it has no method with @Handler(path)`);
  const errors: BootError[] = [];
  const methods = new Map<string, ClientMethod>();
  for (const entry of handlers) {
    const { method, path, options, kind } = entry;
    if (methods.has(method)) continue; // an alias: the first path is as good as any
    if (kind !== 'method') {
      errors.push(...misplaced(`${name}.${method}`, contract, entry, entry.declaredBy));
      continue;
    }
    if (method === 'then') errors.push(wrong(`a handler method named "then" makes every client look like a promise; rename the method (the path may stay)`));
    const read = readParams(contract, method);
    const { argTypes, returns } = signatureOf(read, options);
    const count = argumentCount(read);
    const sessionAt = sessionArgument(read.params);
    const arity = count === undefined || sessionAt === undefined ? count : count - 1;
    methods.set(method, Object.freeze({ name: method, path, arity, argTypes, returns, ...(sessionAt !== undefined && { sessionAt }) }));
  }
  if (errors.length > 0) throw bootErrors(errors);
  const declared = new Set(handlers.flatMap(({ options }) => options.errors ?? []));
  return Object.freeze({ type, name, methods: Object.freeze([...methods.values()]), errors: Object.freeze([...declared]) });
}
