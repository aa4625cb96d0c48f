import { AsyncResource } from 'node:async_hooks';
import type { NodeFilter, NodePicker } from '../../common/selection.js';
import type { RpcClientDeps } from '../../rpc/client-deps.js';
import { Rpc } from '../../rpc/rpc.client.js';
import { version, where } from '../../selector/filters.js';
import type { LoadedService } from '../grpc.proto.js';
import type { GrpcLibrary } from '../load-grpc.js';
import { type GrpcClientOptions, settingsOf } from './client-options.js';
import { grpcAddressOf } from './client-target.js';
import { securityOf } from './client-tls.js';
import { Endpoints } from './endpoints.js';
import { GrpcCarrier, type GrpcRpcOptions } from './grpc.carrier.js';
import type { HrpcCallOptions } from './hrpc-call.js';

/** What a connection is made of. */
export interface ConnectionInit {
  readonly grpc: GrpcLibrary;
  readonly service: LoadedService;
  /** What the app's calls are made with, or what stands in for it. */
  readonly base: RpcClientDeps;
  readonly picker: NodePicker;
  readonly options: GrpcClientOptions;
  /** The app's, for hrpc services. */
  readonly environment?: string | undefined;
  /** For messages. */
  readonly where: string;
}

/** A service of gRPC, called by `Rpc`: paths are its methods'. */
export class GrpcConnection {
  readonly rpc: Rpc;
  readonly endpoints: Endpoints;
  private readonly carrier: GrpcCarrier;

  /** @throws BootError GRPC_CLIENT_OPTIONS, GRPC_TLS */
  constructor({ grpc, service, base, picker, options, environment, where: place }: ConnectionInit) {
    const settings = settingsOf(options, place);
    this.endpoints = new Endpoints({ grpc, clock: base.clock, settings, security: securityOf(grpc, settings.tls, place), outside: new AsyncResource('anthill.grpc.channels') }, picker);
    this.carrier = new GrpcCarrier({
      grpc,
      methods: new Map([...service.methods.values()].map((method) => [method.path, method])),
      endpoints: this.endpoints,
      maxMessageBytes: settings.maxMessageBytes,
      hrpc: hrpcOf(options, environment),
      unreachable: (node) => picker.markUnreachable(node),
      redirect: (call, error) => this.rpc.redirect(call, error),
    });
    const deps: RpcClientDeps = {
      ...base,
      picker,
      // A node of this process is called over its endpoint like the others: what it serves there is no handler of the native wire.
      host: () => undefined,
      peer: () => this.carrier,
      get timeoutMs() {
        return base.timeoutMs;
      },
    };
    this.rpc = new Rpc(deps, defaultsOf(options));
  }

  /** Calls that have not ended. */
  get inFlight(): number {
    return this.carrier.inFlight;
  }

  /** Calls in flight end with CANCELLED. */
  close(): void {
    this.carrier.close();
    this.endpoints.close();
  }
}

/** One object, so that its result is kept per snapshot of nodes and not made for each call. */
const speaksGrpc: NodeFilter = where((node) => grpcAddressOf(node) !== undefined, 'has a gRPC endpoint');

function defaultsOf({ timeoutMs, metadata, redirects, selector, hashKey, idempotent, version: only, filters = [] }: GrpcClientOptions): GrpcRpcOptions {
  const given = { timeoutMs, metadata, redirects, selector, hashKey, idempotent };
  return {
    ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as GrpcRpcOptions),
    filters: [speaksGrpc, ...(only === undefined ? [] : [version(only)]), ...filters],
  };
}

function hrpcOf({ hrpc }: GrpcClientOptions, environment: string | undefined): HrpcCallOptions | undefined {
  if (hrpc === undefined || hrpc === false) return undefined;
  return { ...(environment !== undefined && { namespace: environment }), ...(hrpc === true ? {} : hrpc) };
}
