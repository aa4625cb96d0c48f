import type { ChannelOptions, experimental } from '@grpc/grpc-js';
import { BootError } from '../../common/boot-error.js';
import type { ServiceNode } from '../../common/service-node.js';
import type { Discovery } from '../../registry/registry.js';
import { isForbidden } from '../../selector/filters.js';
import { type GrpcLibrary, loadGrpc } from '../load-grpc.js';
import { grpcAddressOf } from './client-target.js';

type Listener = experimental.ResolverListener;
type Uri = experimental.GrpcUri;

const SCHEME = 'registry';
const KEY = 'anthill_registry';
const UNAVAILABLE = 14;

/**
 * Options with which channels of grpc-js find `registry:///name` by themselves: for clients that are not ours, of generated code or of
 * `@nestjs/microservices`. `new AddClient('registry:///add', credentials, await registryResolver(registry))`. They balance by `round_robin`, unless a
 * `grpc.service_config` says otherwise; selectors, filters and redirects are for clients of {@link createGrpcClient} and `@InjectGrpcClient`.
 * @param discovery stays yours to close, after the channels
 * @throws BootError PEER_MISSING
 * @public
 */
export async function registryResolver(discovery: Discovery): Promise<ChannelOptions> {
  const grpc = await loadGrpc('registryResolver()');
  const { registerResolver, SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX } = grpc.experimental;
  const key = `${SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX}.${KEY}`;
  // The library's table is one for the process. The class in it holds nothing: each channel brings its registry along.
  registerResolver(SCHEME, resolverClass(grpc, key));
  // A web proxy of the environment would be asked for the name.
  return { [key]: new Holder(discovery), 'grpc.enable_http_proxy': 0 };
}

/** The library writes options into its debug log as JSON, which a registry may not bear. */
class Holder {
  constructor(readonly discovery: Discovery) {}
  toJSON(): string {
    return 'registry';
  }
}

function resolverClass(grpc: GrpcLibrary, key: string): Parameters<GrpcLibrary['experimental']['registerResolver']>[1] {
  return class {
    private readonly follower: Follower;

    constructor(target: Uri, listener: Listener, options: ChannelOptions) {
      const holder = options[key] as Holder | undefined;
      if (holder === undefined) throw new BootError('GRPC_TARGET', `a channel to registry:///${target.path} without a registry: give it the options of registryResolver(registry)`);
      this.follower = new Follower(grpc, holder.discovery, nameOf(target), listener, options['grpc.service_config'] !== undefined);
    }

    updateResolution(): void {
      this.follower.update();
    }

    destroy(): void {
      this.follower.stop();
    }

    static getDefaultAuthority(target: Uri): string {
      return nameOf(target);
    }
  };
}

function nameOf({ path }: Uri): string {
  return path.replace(/^\/+/, '');
}

/** Tells one channel of the nodes of one service, for as long as it is asked to. */
class Follower {
  private watching: AbortController | undefined;

  constructor(
    private readonly grpc: GrpcLibrary,
    private readonly discovery: Discovery,
    private readonly service: string,
    private readonly listener: Listener,
    private readonly hasConfig: boolean,
  ) {}

  /** What is known has been told, and changes will be: a balancer asks at each lost connection, and repeating the answer makes it ask again. */
  update(): void {
    if (this.watching === undefined) void this.follow((this.watching = new AbortController()).signal);
  }

  stop(): void {
    this.watching?.abort();
    this.watching = undefined;
  }

  private async follow(signal: AbortSignal): Promise<void> {
    try {
      for await (const snapshot of this.discovery.watch(this.service, signal)) {
        if (signal.aborted) return;
        this.tell(snapshot.nodes);
      }
    } catch {
      // A watch never fails, says its contract; one that does is begun again when the library asks the next time. What is known serves until then.
      if (this.watching?.signal === signal) this.watching = undefined;
    }
  }

  private tell(nodes: readonly ServiceNode[]): void {
    const { statusOrFromValue, statusOrFromError } = this.grpc.experimental;
    const addresses = new Set(nodes.flatMap((node) => (isForbidden(node) ? [] : (grpcAddressOf(node) ?? []))));
    const config = this.hasConfig ? null : statusOrFromValue({ loadBalancingConfig: [{ round_robin: {} }], methodConfig: [] });
    const endpoints = [...addresses].map(endpointOf);
    const result = endpoints.length > 0 ? statusOrFromValue(endpoints) : statusOrFromError<experimental.Endpoint[]>({ code: UNAVAILABLE, details: `no node of service "${this.service}" with a gRPC endpoint is registered` });
    this.listener(result, {}, config as Parameters<Listener>[2], '');
  }
}

/** A name is resolved when it is connected to. */
function endpointOf(address: string): experimental.Endpoint {
  const colon = address.lastIndexOf(':');
  return { addresses: [{ host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(colon + 1)) }] };
}
