import { currentContext } from '../common/call-context.js';
import type { ClientContract, ClientMethod } from '../common/client-contract.js';
import type { ReplyType } from '../common/value-types.js';
import type { CallOptions } from './call-options.js';
import { LIFECYCLE_METHODS } from './client-type.js';
import type { Rpc } from './rpc.client.js';

/** What a typed client calls through. */
export type Caller = Pick<Rpc, 'call'>;

const HIDDEN: ReadonlySet<string> = new Set<string>([...LIFECYCLE_METHODS, 'then']);

/**
 * Makes a typed client: a frozen plain object with one function per handler. Never a Proxy: a proxy answers to every name, `then` and Nest's hooks included.
 * @param target `type` or `type@id` @default the contract's type
 */
export function createTypedClient(rpc: Caller, contract: ClientContract, target: string = contract.type): object {
  const client: Record<string, unknown> = {};
  for (const method of contract.methods) if (!HIDDEN.has(method.name)) client[method.name] = callerOf(rpc, target, method);
  return Object.freeze(client);
}

function callerOf(rpc: Caller, target: string, method: ClientMethod): (...args: unknown[]) => Promise<unknown> {
  const { path, arity, argTypes, returns, sessionAt } = method;
  const declared = argTypes === undefined && returns === undefined ? undefined : { ...(argTypes && { args: argTypes }), ...(returns !== undefined && { returns: returns as ReplyType }) };
  if (sessionAt !== undefined) return withSession(rpc, target, method, sessionAt, declared);
  if (arity === undefined) return (...args) => rpc.call(target, path, args, declared);
  return (...args) => {
    if (args.length <= arity) return rpc.call(target, path, args, declared);
    const options = args[arity] as CallOptions | undefined;
    return rpc.call(target, path, args.slice(0, arity), declared === undefined ? options : { ...declared, ...options });
  };
}

/** The session of the call in progress stands where the callee wants one; without a session, null does. */
function withSession(rpc: Caller, target: string, { path, arity }: ClientMethod, at: number, declared: CallOptions | undefined): (...args: unknown[]) => Promise<unknown> {
  return (...given) => {
    const args = arity === undefined ? given : given.slice(0, arity);
    while (args.length < at) args.push(null);
    args.splice(at, 0, currentContext()?.session ?? null);
    const options = arity === undefined ? undefined : (given[arity] as CallOptions | undefined);
    return rpc.call(target, path, args, declared === undefined ? options : { ...declared, ...options });
  };
}
