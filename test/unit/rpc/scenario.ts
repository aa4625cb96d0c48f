import assert from 'node:assert/strict';
import type { RpcError } from '../../../lib/common/rpc-error.js';
import type { Rpc } from '../../../lib/rpc/rpc.client.js';
import { failure, type HandlerSpec, type TestHandler } from './support.js';

/** One thing that must be the same whether the node is in this process or in another one. */
export interface Scenario {
  readonly name: string;
  readonly handlers: Readonly<Record<string, TestHandler | HandlerSpec>>;
  run(rpc: Rpc): Promise<void>;
}

export const echo: TestHandler = ([value]) => value;
export const handlers = { '/echo': echo };
export const expectError = async (call: Promise<unknown>, expected: Partial<RpcError>, message?: RegExp): Promise<RpcError> => {
  const error = await failure(call);
  for (const [key, value] of Object.entries(expected)) assert.deepEqual((error as unknown as Record<string, unknown>)[key], value, key);
  if (message) assert.match(error.message, message);
  return error;
};

/** Throws whatever is asked of it. */
export function hostile(): object {
  const no = (): never => {
    throw new Error('hands off');
  };
  return new Proxy({}, { get: no, has: no, ownKeys: no, getPrototypeOf: no, getOwnPropertyDescriptor: no, set: no });
}
