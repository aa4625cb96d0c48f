import type { EtcdClient } from '../../backend/etcd/etcd.client.js';
import type { FollowDeps } from '../../backend/etcd/etcd.follow.js';
import { openEtcdClient } from '../../backend/etcd/etcd.open.js';
import type { HealthReport } from '../../common/lifecycle.js';
import type { ServiceNode } from '../../common/service-node.js';
import { linkSignals } from '../linked-signal.js';
import { RegistryBackend } from '../registry-backend.js';
import type { RegistrationOptions, Registry, ServiceSnapshot } from '../registry.js';
import { snapshotOf } from '../snapshot.js';
import { EtcdGuard } from './etcd.guard.js';
import { resolveEtcdOptions, type EtcdOptions, type ResolvedEtcdOptions } from './etcd.options.js';
import { decodeRecord, serviceOfKey, servicePrefix } from './etcd.record.js';
import { EtcdRegistrations } from './etcd.registrations.js';
import { watchService, type RecentNodes } from './etcd.watch.js';

/**
 * Discovery through etcd v3, in mqant's record format. Needs the package `@grpc/grpc-js`; nothing is loaded or connected before first use.
 * @public
 * @throws BootError ETCD_OPTIONS
 */
export function etcd(options: EtcdOptions = {}): Registry {
  return new EtcdRegistry(resolveEtcdOptions(options));
}

class EtcdRegistry implements Registry {
  readonly name = 'etcd';
  private readonly backend: RegistryBackend<EtcdClient>;
  private readonly registrations: EtcdRegistrations;
  private readonly guard: EtcdGuard;
  /** What `get` brought, for a watch that follows it. */
  private readonly recent = new Map<string, RecentNodes & { readonly at: number }>();

  constructor(private readonly options: ResolvedEtcdOptions) {
    const { address, clock, logger } = options;
    this.backend = new RegistryBackend({ where: `etcd at ${address}`, clock, logger, open: () => openEtcdClient(options) });
    this.registrations = new EtcdRegistrations(this.backend.client, options);
    this.guard = new EtcdGuard(this.registrations, this.following, options);
  }

  async connect(signal?: AbortSignal): Promise<void> {
    await this.backend.ask('read', signal, (client, until) => client.status(until));
  }

  async register(node: ServiceNode, options: Required<RegistrationOptions>, signal?: AbortSignal): Promise<void> {
    await this.backend.ask('write', signal, (_, until) => this.registrations.register(node, options.ttlMs, until));
    this.guard.adjust();
  }

  async deregister(node: ServiceNode, signal?: AbortSignal): Promise<void> {
    await this.backend.ask('write', signal, (_, until) => this.registrations.deregister(node, until));
    this.guard.adjust();
  }

  async get(service: string, signal?: AbortSignal): Promise<ServiceSnapshot> {
    const { rows, revision } = await this.backend.ask('read', signal, (client, until) => client.range({ prefix: servicePrefix(this.options.prefix, service) }, {}, until));
    const snapshot = snapshotOf(service, rows.flatMap((row) => decodeRecord(service, row)));
    // Real services only: names of strangers must not stay in memory.
    if (snapshot.nodes.length > 0) this.recent.set(service, { nodes: snapshot.nodes, revision, at: this.options.clock.now() });
    return snapshot;
  }

  async list(signal?: AbortSignal): Promise<readonly string[]> {
    const { prefix } = this.options;
    const { rows } = await this.backend.ask('read', signal, (client, until) => client.range({ prefix: `${prefix}/` }, { keysOnly: true }, until));
    return [...new Set(rows.flatMap(({ key }) => serviceOfKey(prefix, key) ?? []))].sort();
  }

  async *watch(service: string, signal: AbortSignal): AsyncIterable<ServiceSnapshot> {
    const { signal: until, unlink } = linkSignals(signal, this.backend.ended);
    try {
      yield* watchService({ ...this.following, prefix: this.options.prefix, holdMs: this.options.holdMs, ...this.takeRecent(service) }, service, until);
    } finally {
      unlink();
    }
  }

  health(): HealthReport {
    return this.backend.health();
  }

  async close(): Promise<void> {
    this.guard.stop();
    await this.backend.close();
  }

  private takeRecent(service: string): { recent?: RecentNodes } {
    const recent = this.recent.get(service);
    this.recent.delete(service);
    return recent !== undefined && this.options.clock.now() - recent.at < this.options.holdMs ? { recent } : {};
  }

  private get following(): FollowDeps {
    const { clock, random } = this.options;
    const { backend } = this;
    return { client: backend.client, clock, random, succeeded: () => backend.succeeded('read'), failed: (cause) => backend.failed('read', cause) };
  }
}
