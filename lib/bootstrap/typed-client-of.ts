import type { ClientOptions } from '../common/client-contract.js';
import type { ClientClass } from '../metadata/tokens.js';
import type { ErrorTypes } from '../rpc/error-types.js';
import type { Rpc } from '../rpc/rpc.client.js';
import { createTypedClient } from '../rpc/typed-client.js';
import { version as versionFilter } from '../selector/filters.js';
import { readContract } from '../wiring/contract.explorer.js';
import { errorTypesOf } from './error-classes.js';

/** What `@InjectClient(contract, options)` injects. @throws BootError CLIENT_CONTRACT, ERROR_CLASS */
export function typedClient(rpc: Rpc, contract: ClientClass, options: ClientOptions | undefined, errors: ErrorTypes): object {
  const described = readContract(contract);
  for (const type of errorTypesOf(described.errors)) errors.add(type);
  if (options === undefined) return createTypedClient(rpc, described);
  const { version, ...calls } = options;
  const filters = version === undefined ? calls.filters : [...(calls.filters ?? []), versionFilter(version)];
  return createTypedClient(rpc.with({ ...calls, ...(filters && { filters }) }), described);
}
