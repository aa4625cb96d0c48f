import { didYouMean } from '../common/did-you-mean.js';
import { rpcError } from '../common/error-catalog.js';
import type { RpcError } from '../common/rpc-error.js';
import type { NodeFilter } from '../common/selection.js';
import { describeFilter } from './filter-set.js';
import { isForbidden } from './filters.js';
import type { KnownService } from './known-service.js';

/** A name as it may stand in a message: names can come from strangers. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
}

export function serviceNotFound(type: string, known: Iterable<string>): RpcError {
  const hint = didYouMean(type.slice(0, 100), known);
  return rpcError('SERVICE_NOT_FOUND', `no node of service ${quote(type)} is registered${hint}; is it started, and with the same registry?`, { metadata: { service: type.slice(0, 100) } });
}

export function registryUnavailable(type: string, cause: unknown): RpcError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return rpcError('REGISTRY_UNAVAILABLE', `service ${quote(type)} cannot be looked up, and it was never seen before: ${why}`, { cause, undelivered: true });
}

export function nodeNotFound(id: string, service: KnownService): RpcError {
  const ids = service.nodes.map((node) => node.id);
  const shown = ids.slice(0, 3).map(quote).join(', ') + (ids.length > 3 ? ', …' : '');
  const instead = ids.length === 0 ? 'none at all now' : `${ids.length}: ${shown}`;
  return rpcError('NODE_NOT_FOUND', `node ${quote(id)} is not registered; service ${quote(service.type)} has ${instead}. Nodes get a new id at each start unless one is given`, {
    metadata: { node: id.slice(0, 200) },
  });
}

export function nodeTried(id: string): RpcError {
  return rpcError('NO_NODE_MATCHES', `node ${id} has failed in this call, and it is the only one named`, { metadata: { node: id }, undelivered: true });
}

/** Says how many nodes there were and what dropped them. */
export function noNodeMatches(service: KnownService, filters: readonly NodeFilter[], tried: ReadonlySet<string> | undefined, selector?: string): RpcError {
  const why: string[] = [];
  let left = service.nodes;
  const drop = (what: string, keep: (node: (typeof left)[number]) => boolean) => {
    const kept = left.filter(keep);
    if (kept.length < left.length) why.push(`${left.length - kept.length} dropped by ${what}`);
    left = kept;
  };
  drop('state "forbidden"', (node) => !isForbidden(node));
  for (const filter of filters) drop(`filter ${describeFilter(filter)}`, filter);
  if (tried !== undefined && tried.size > 0) drop('failing earlier in this call', (node) => !tried.has(node.id));
  if (left.length > 0 && selector !== undefined) why.push(`${left.length} refused by selector ${selector}`);

  const total = service.nodes.length;
  const name = quote(service.type);
  const versions = [...new Set(service.nodes.map((node) => node.version))].slice(0, 5).join(', ');
  const message =
    total === 0
      ? `service ${name} has no running node now, though it had some a while ago; start one, or look why they stopped`
      : `none of the ${total} nodes of service ${name} can be used: ${why.join(', ')}. Their versions: ${versions || 'none given'}; check the filters of call, client and app`;
  return rpcError('NO_NODE_MATCHES', message, { metadata: { service: service.type, nodes: `${total}` }, undelivered: true });
}
