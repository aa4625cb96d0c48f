import { hostname } from 'node:os';
import type { Clock, RandomSource } from '../common/clock.js';
import { DeadlineQueue } from '../common/deadline-queue.js';
import type { DiscoveryOptions } from '../common/discovery-options.js';
import { rpcError } from '../common/error-catalog.js';
import type { NodeToAdvertise } from '../common/lifecycle.js';
import type { Logger } from '../common/logger.js';
import type { RpcError } from '../common/rpc-error.js';
import type { NodeFilter, Selector } from '../common/selection.js';
import { NODE_META, type ServiceNode } from '../common/service-node.js';
import { Advertiser } from '../registry/advertiser.js';
import type { Registry } from '../registry/registry.js';
import { ClientShared } from '../rpc/client-shared.js';
import type { CallOptions } from '../rpc/call-options.js';
import type { Codec } from '../rpc/codec.js';
import { ErrorTypes } from '../rpc/error-types.js';
import type { Interceptor } from '../rpc/interceptor.js';
import { Rpc } from '../rpc/rpc.client.js';
import { RpcServer } from '../rpc/rpc.server.js';
import type { ServerHooks } from '../rpc/server-hooks.js';
import type { Transport } from '../rpc/transport.js';
import type { Wire, WirePeer } from '../rpc/wire.js';
import { ServiceDirectory } from '../selector/service-directory.js';
import { DrainingPicker } from './draining-picker.js';
import { LocalNode, type NodeSpec } from './local-node.js';
import { NodeClaims } from './node-claims.js';

/** What a process's RPC is made of, all choices made. */
export interface RuntimeOptions {
  readonly transport: Transport;
  /** Best first: a caller speaks the first one that the callee speaks too. */
  readonly wires: readonly Wire[];
  readonly registry: Registry;
  readonly codec: Codec;
  readonly codecs: readonly Codec[];
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
  readonly timeoutMs: number;
  readonly processName: string;
  /** Where others reach this process, for endpoints besides the transport. */
  readonly host: string;
  readonly selector?: Selector | undefined;
  readonly zone?: string | undefined;
  readonly discovery?: DiscoveryOptions | undefined;
  readonly filters?: readonly NodeFilter[] | undefined;
  readonly clientInterceptors: readonly Interceptor[];
  readonly serverInterceptors: readonly Interceptor[] | undefined;
  readonly hooks?: ServerHooks | undefined;
  readonly mapRoute?: ((target: string, path: string) => string) | undefined;
  readonly mapError: (error: unknown) => RpcError | undefined;
  readonly maxConcurrent?: number | undefined;
  readonly queue?: number | undefined;
  readonly calls?: CallOptions | undefined;
}

/**
 * The RPC side of one process: its nodes, its client, its wires over one transport, its place in the registry. Knows no container;
 * the application drives it step by step, in the order of DESIGN section 5.
 */
export class RpcRuntime {
  readonly rpc: Rpc;
  readonly directory: ServiceDirectory;
  readonly errorTypes = new ErrorTypes();
  readonly deadlines: DeadlineQueue;
  readonly processId: string;
  /** Set by the app: what its parts add to the metadata of a node. */
  endpoints: (node: NodeToAdvertise) => Readonly<Record<string, string>> = () => ({});
  private readonly nodes = new Map<string, LocalNode>();
  private readonly peers = new Map<string, WirePeer>();
  private readonly chosen = new WeakMap<ServiceNode, WirePeer>();
  private readonly advertiser: Advertiser;
  private readonly claims: NodeClaims;
  private readonly picker: DrainingPicker;
  private listening = false;

  constructor(private readonly options: RuntimeOptions) {
    const { clock, random, logger, registry, selector, filters, zone, discovery } = options;
    this.deadlines = new DeadlineQueue(clock);
    this.processId = random.hex(8);
    this.directory = new ServiceDirectory(registry, { clock, random, logger, ...discovery, ...(zone !== undefined && { zone }), ...(selector && { selector }), ...(filters && { filters }) });
    this.picker = new DrainingPicker(this.directory);
    this.claims = new NodeClaims(options);
    this.advertiser = new Advertiser(registry, { clock, random, logger });
    this.rpc = new Rpc(
      {
        picker: this.picker,
        shared: new ClientShared(),
        host: (nodeId) => this.host(nodeId),
        peer: (node) => this.peer(node),
        deadlines: this.deadlines,
        clock,
        codec: options.codec,
        errorTypes: this.errorTypes,
        timeoutMs: options.timeoutMs,
        caller: options.processName,
        interceptors: options.clientInterceptors,
        mapRoute: options.mapRoute,
      },
      options.calls,
    );
    options.transport.on({ onUndeliverable: (token) => this.undeliverable(token), onLink: (up) => this.linkChanged(up) });
  }

  /** The default deadline, after a reload. */
  setTimeoutMs(timeoutMs: number): void {
    this.rpc.deps.timeoutMs = timeoutMs;
  }

  get local(): readonly LocalNode[] {
    return [...this.nodes.values()];
  }

  /** Before {@link listen}; a node that comes later wants {@link open} and {@link publish} of its own. @throws BootError when the registry cannot register it so */
  addNode(spec: NodeSpec, hooks?: ServerHooks): LocalNode {
    const { clock, random, logger, mapError, maxConcurrent, queue, serverInterceptors } = this.options;
    const nodeId = `${spec.type}@${spec.id}`;
    if (spec.registration.record !== undefined) this.options.registry.checkRegistration?.(nodeId, spec.registration.record);
    const server = new RpcServer({
      nodeId,
      clock,
      random,
      deadlines: this.deadlines,
      logger,
      errorTypes: this.errorTypes,
      interceptors: serverInterceptors,
      maxConcurrent,
      queue,
      mapError,
      hooks: hooks ?? this.options.hooks ?? {},
    });
    const local = new LocalNode(server, spec, this.advertiser, (zone) => (this.directory.zone = zone ?? this.options.zone));
    this.nodes.set(nodeId, local);
    // Where a node of ours says it is, we are.
    this.directory.zone ??= spec.metadata?.zone;
    return local;
  }

  /** Handlers are bound: from here on messages may come. Rejects as the transport does. */
  async listen(): Promise<void> {
    const { transport, wires, clock, logger, codecs } = this.options;
    const byName = new Map(codecs.map((codec) => [codec.name, codec]));
    for (const wire of wires) {
      const peer = wire.open({
        transport,
        clock,
        logger,
        codecs: byName,
        deadlines: this.deadlines,
        processId: this.processId,
        host: (nodeId) => this.host(nodeId),
        unreachable: (node) => this.directory.markUnreachable(node),
        reachable: (node) => this.directory.markReachable(node),
      });
      this.peers.set(wire.name, peer);
      await peer.start();
    }
    for (const local of this.nodes.values()) await this.open(local);
    this.listening = true;
  }

  /** Makes a node reachable. @throws BootError NODE_ID_TAKEN */
  async open(local: LocalNode): Promise<void> {
    const { transport } = this.options;
    const { type, id, isNamed } = local.spec;
    if (isNamed) await this.claims.check(type, local.id, transport.address('process', this.processId));
    local.address = transport.address('node', `${type}.${id}`);
    for (const peer of this.peers.values()) await peer.serve(local.server, local.address);
  }

  /** Puts all nodes in the registry. The promises settle as the registry answers; it is retried for as long as it takes. */
  advertise(): Promise<void>[] {
    return this.local.map((node) => this.publish(node));
  }

  /** Puts one node in the registry. @throws BootError when a part gives it an endpoint that is none */
  publish(node: LocalNode): Promise<void> {
    const wires = [...this.peers.keys()].join(',');
    const ours: Record<string, string> = { [NODE_META.wires]: wires, [NODE_META.transport]: this.options.transport.name };
    for (const peer of this.peers.values()) Object.assign(ours, peer.advertisement);
    // mqant puts the same four on each of its nodes (server/rpc_server.go:120, base_module.go:134).
    const mqant = { server: 'rpc', registry: this.options.registry.name, hostname: hostname(), pid: String(process.pid) };
    const added = this.endpoints({ type: node.spec.type, host: this.options.host });
    return node.advertise({ ...mqant, ...added, ...node.spec.metadata, ...ours });
  }

  /** Takes the nodes out of the registry; work in flight still reaches them. */
  withdraw(signal: AbortSignal): Promise<void> {
    this.picker.own = (type) => this.local.find((node) => node.spec.type === type)?.node;
    return this.advertiser.withdrawAll(signal);
  }

  /** New calls of other processes, or all new calls, get UNAVAILABLE. */
  refuse(whom: 'others' | 'all' = 'all'): void {
    for (const { server } of this.nodes.values()) server.refuse(whom);
  }

  /** Resolves when no node has work left, or when `signal` aborts. What one does may call another: it counts when all rest at the same time. */
  async idle(signal: AbortSignal): Promise<void> {
    do await Promise.all(this.local.map(({ server }) => server.idle(signal)));
    while (!signal.aborted && this.local.some(({ server }) => server.size > 0));
  }

  /** Returns `node path` of what was cut off. */
  abortAll(): string[] {
    return this.local.flatMap(({ server }) => server.abortAll().map((path) => `${server.nodeId} ${path}`));
  }

  /** Replies that are due leave, then the wires and the transport close. */
  async close(): Promise<void> {
    this.listening = false;
    // What was sent to us a moment ago is still under way: it gets its refusal, which sends it elsewhere.
    await Promise.all([...this.peers.values()].map((peer) => peer.drain()));
    for (const peer of this.peers.values()) peer.close();
    await this.options.transport.flush().catch(() => {});
    await this.options.transport.close();
    this.picker.own = undefined;
    this.directory.close();
    this.deadlines.close();
  }

  health(): { name: string; status: 'up' | 'down'; detail?: string }[] {
    return [
      { name: `transport ${this.options.transport.name}`, ...this.options.transport.health() },
      { name: `registry ${this.options.registry.name}`, ...this.options.registry.health() },
      { name: 'registration', ...this.advertiser.health() },
    ];
  }

  private host(nodeId: string): RpcServer | undefined {
    return this.nodes.get(nodeId)?.server;
  }

  private peer(node: ServiceNode): WirePeer {
    const known = this.chosen.get(node);
    if (known) return known;
    if (!this.listening) throw rpcError('APP_NOT_STARTED', `${node.id} is in another process and this app does not listen yet: call it from run(), or after start()`);
    const spoken = (node.metadata[NODE_META.wires] ?? 'mqant').split(',');
    const transport = node.metadata[NODE_META.transport];
    for (const [name, peer] of this.peers) {
      if (!spoken.includes(name) || (transport !== undefined && transport !== this.options.transport.name)) continue;
      this.chosen.set(node, peer);
      return peer;
    }
    throw rpcError('WIRE_MISMATCH', `${node.id} speaks ${spoken.join(', ')} over ${transport ?? 'nats'}, this process ${[...this.peers.keys()].join(', ')} over ${this.options.transport.name}`);
  }

  private undeliverable(token: number): void {
    if (this.claims.undeliverable(token)) return;
    for (const peer of this.peers.values()) if (peer.undeliverable(token)) return;
  }

  private linkChanged(up: boolean): void {
    const { logger, transport } = this.options;
    if (up) logger.info(`${transport.name} is connected again`);
    else logger.warn(`${transport.name} is gone; calls to other processes fail until it is back`, { detail: transport.health().detail });
    for (const peer of this.peers.values()) peer.link(up);
  }
}
