import { BootError } from '../../common/boot-error.js';
import { NODE_META, type ServiceNode } from '../../common/service-node.js';

/** Where calls go: a service of the registry (or one node of it), or addresses that are given. */
export type GrpcTarget = { readonly kind: 'registry'; readonly name: string } | { readonly kind: 'addresses'; readonly addresses: readonly string[] };

const REGISTRY = /^registry:(?:\/\/\/|\/\/?)?(.*)$/;
/** Schemes that grpc-js resolves itself. */
const GRPC_SCHEMES = ['dns', 'ipv4', 'ipv6', 'unix'];
/** A name or IPv4 address without `:`, or an IPv6 address in brackets; and a port. */
const HOST_PORT = /^(?:[^\s:/[\]]+|\[[0-9a-fA-F:.%]+\]):(\d{1,5})$/;

/** True for `host:port`, `1.2.3.4:port` and `[::1]:port`. */
export function isHostPort(text: string): boolean {
  const port = HOST_PORT.exec(text)?.[1];
  return port !== undefined && Number(port) > 0 && Number(port) < 65_536;
}

/** @throws BootError GRPC_TARGET */
export function targetOf(target: string | readonly string[], where: string): GrpcTarget {
  const given = typeof target === 'string' ? [target] : target;
  const wrong = (what: string): BootError => new BootError('GRPC_TARGET', `${where}: ${what}; targets are registry:///name, host:port (or a list of them), dns:///host:port`);
  if (!Array.isArray(given) || given.length === 0 || !given.every((one) => typeof one === 'string')) throw wrong(`the target ${JSON.stringify(target)} is no text and no list of texts`);
  const name = REGISTRY.exec(given[0]!)?.[1];
  if (name !== undefined) {
    if (given.length > 1) throw wrong('a registry is a target of its own, not one of several');
    if (name === '' || name.includes('/')) throw wrong(`the target "${given[0]}" has no service name`);
    return { kind: 'registry', name: decoded(name) };
  }
  for (const address of given) {
    if (isHostPort(address) || GRPC_SCHEMES.some((scheme) => address.startsWith(`${scheme}:`))) continue;
    throw wrong(`the target "${address}" has ${/^[a-z]+:\/\//i.test(address) ? 'a scheme that is not known' : 'no port'}`);
  }
  return { kind: 'addresses', addresses: given };
}

/** Where a node speaks gRPC: what it says of itself, or its address where that is one. Undefined: it does not. */
export function grpcAddressOf(node: ServiceNode): string | undefined {
  const said = node.metadata[NODE_META.grpc];
  if (said !== undefined && said !== '') return said;
  return isHostPort(node.address) ? node.address : undefined;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
