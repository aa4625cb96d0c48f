import { rpcError } from '../common/error-catalog.js';
import { hostPort, parseHostPort } from '../common/host-port.js';
import type { Selector } from '../common/selection.js';
import { NODE_META, type ServiceNode } from '../common/service-node.js';
import { isForbidden } from './filters.js';
import { tagged } from './tagged.js';
import { weighted } from './weighted.selector.js';

/** Which instances of a service, and which of these. @public */
export interface ServiceQuery {
  /** A tag that they have, such as another environment's name. `false`: whatever they have. @default the app's environment, when config names one */
  tag?: string | false;
  /** `weighted`: at random, by weight. `largest`: the one of the largest weight, of equal ones always the same, as hrpc has it. @default 'weighted' */
  choose?: 'weighted' | 'largest';
}

/** An instance that can be connected to. @public */
export interface ServiceInstance {
  /** Service name. */
  readonly name: string;
  /** Host, without port: of the instance itself. */
  readonly endpoint: string;
  readonly port: number;
  /** As selectors read it; 100 where the registry has none. */
  readonly weight: number;
  readonly node: ServiceNode;
  /**
   * An address made of the name, for whoever resolves names: DNS, a mesh. `{name}`, `{host}`, `{port}`, `{tag}` and hrpc's `{namespace}` (`dev` for
   * development, else `prod`) are replaced. @param template @default '{name}:{port}'
   */
  target(template?: string): string;
  /** `endpoint:port` */
  toString(): string;
}

const DEFAULT_WEIGHT = 100;

/**
 * Instances of services that clients of one's own connect to, as hrpc's `service.Get` gives them: those with a gRPC endpoint, from the last snapshot of the
 * registry. Calls of `Rpc`, typed clients and gRPC clients choose nodes by themselves.
 * @public
 */
export class Services {
  /** @internal */
  constructor(
    private readonly nodesOf: (type: string) => Promise<readonly ServiceNode[]>,
    private readonly environment: () => string | undefined,
    private readonly byWeight: Selector = weighted({ default: DEFAULT_WEIGHT }),
  ) {}

  /** One instance. @throws RpcError SERVICE_NOT_FOUND, REGISTRY_UNAVAILABLE */
  async get(name: string, query: ServiceQuery = {}): Promise<ServiceInstance> {
    const found = await this.all(name, query);
    const instance = query.choose === 'largest' ? largest(found) : this.chosen(name, found);
    if (instance) return instance;
    const tag = this.tagOf(query);
    const known = await this.nodesOf(name);
    const why = known.length === 0 ? '' : `; of its ${known.length} nodes none has ${tag === undefined ? 'a gRPC endpoint' : `a gRPC endpoint and the tag '${tag}'`}`;
    throw rpcError('SERVICE_NOT_FOUND', `[${name}] not found or no permission to read${why}`);
  }

  /** All instances, in the order of their ids. Empty for a service that nobody has. @throws RpcError REGISTRY_UNAVAILABLE */
  async all(name: string, query: Pick<ServiceQuery, 'tag'> = {}): Promise<readonly ServiceInstance[]> {
    const tag = this.tagOf(query);
    const accepts = tag === undefined ? () => true : tagged(tag);
    const nodes = (await this.nodesOf(name)).filter((node) => accepts(node) && !isForbidden(node));
    return nodes.flatMap((node) => instanceOf(node, tag) ?? []);
  }

  private tagOf({ tag }: Pick<ServiceQuery, 'tag'>): string | undefined {
    return tag === false ? undefined : (tag ?? this.environment());
  }

  private chosen(type: string, instances: readonly ServiceInstance[]): ServiceInstance | undefined {
    if (instances.length === 0) return undefined;
    const node = this.byWeight.pick(instances.map((instance) => instance.node), { type, path: '' });
    return instances.find((instance) => instance.node === node);
  }
}

function largest(instances: readonly ServiceInstance[]): ServiceInstance | undefined {
  return instances.reduce<ServiceInstance | undefined>((best, each) => (best === undefined || each.weight > best.weight ? each : best), undefined);
}

function instanceOf(node: ServiceNode, tag: string | undefined): ServiceInstance | undefined {
  const found = parseHostPort(node.metadata[NODE_META.grpc] ?? '');
  if (found === undefined) return undefined;
  const { host, port } = found;
  const given = node.metadata['weight'];
  const weight = given === undefined || given.trim() === '' || !(Number(given) >= 0) ? DEFAULT_WEIGHT : Number(given);
  const environment = tag ?? node.metadata[NODE_META.environment] ?? node.metadata[NODE_META.tags]?.split(',')[0] ?? '';
  const words: Record<string, string> = { name: node.type, host, port: String(port), tag: environment, namespace: environment === 'development' ? 'dev' : 'prod' };
  return Object.freeze({
    name: node.type,
    endpoint: host,
    port,
    weight,
    node,
    target: (template = '{name}:{port}') => template.replace(/\{(\w+)\}/g, (whole, word: string) => (Object.hasOwn(words, word) ? words[word]! : whole)),
    toString: () => hostPort(host, port),
  });
}
