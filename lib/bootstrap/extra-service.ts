import { BootError } from '../common/boot-error.js';
import { sleep } from '../common/clock.js';
import type { AppState } from '../common/lifecycle.js';
import type { HandlerDescriptor } from '../rpc/handler-entry.js';
import type { ServiceOptions } from '../rpc/service-host.js';
import { errorTypesOf } from './error-classes.js';
import type { LocalNode } from './local-node.js';
import { addNode, type PreparedApp } from './prepare-app.js';

/** How long a late service waits for the registry to take it before it goes on without; registration goes on behind. */
const REGISTER_WAIT_MS = 3000;

/** A node for handlers that belong to no `@RpcModule`. @throws BootError RPC_MODULE_OPTIONS, DUPLICATE_MODULE, NODE_ID, DUPLICATE_HANDLER, APP_STOPPED */
export function addService(prepared: PreparedApp, state: AppState, options: ServiceOptions, handlers: readonly HandlerDescriptor[]): LocalNode {
  const { runtime, nodes, config, random } = prepared;
  const { type } = options;
  if (state !== 'created' && state !== 'ready') throw new BootError('APP_STOPPED', `the app is ${state}: the service '${type}' cannot be served any more`);
  if (typeof type !== 'string' || !/^[A-Za-z0-9_.-]+$/.test(type)) {
    throw new BootError('RPC_MODULE_OPTIONS', `type '${String(type)}' is no service name; use letters, digits, "_", "." and "-"`);
  }
  if (nodes.has(type)) throw new BootError('DUPLICATE_MODULE', `the app serves '${type}' already: a process runs one node of a service; give one of them another type`);
  const node = addNode(runtime, options, config, random.hex(8));
  nodes.set(type, node);
  for (const handler of handlers) node.server.add(handler);
  for (const errorType of errorTypesOf(handlers.flatMap((handler) => handler.options.errors ?? []))) runtime.errorTypes.add(errorType);
  return node;
}

/** Serves a node that came after the app's start: reachable first, then in the registry. */
export async function openService({ runtime, registry, clock, logger }: PreparedApp, node: LocalNode): Promise<void> {
  await runtime.open(node);
  const taken = runtime.publish(node).then(() => true);
  const timer = new AbortController();
  const inTime = await Promise.race([taken, sleep(clock, REGISTER_WAIT_MS, timer.signal, true).then(() => false)]);
  timer.abort();
  if (!inTime) logger.warn(`${registry.name} has not taken ${node.id} yet; going on, registration is retried`);
}
