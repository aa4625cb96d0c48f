import type { EtcdClient } from '../../backend/etcd/etcd.client.js';
import type { FollowDeps } from '../../backend/etcd/etcd.follow.js';
import { openEtcdClient } from '../../backend/etcd/etcd.open.js';
import type { HealthReport } from '../../common/lifecycle.js';
import type { ServiceNode } from '../../common/service-node.js';
import { BackendState, type Direction } from '../backend-state.js';
import { linkSignals, sharedController } from '../linked-signal.js';
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
  private readonly ending = sharedController();
  private readonly state: BackendState;
  private readonly registrations: EtcdRegistrations;
  private readonly guard: EtcdGuard;
  /** What `get` brought, for a watch that follows it. */
  private readonly recent = new Map<string, RecentNodes & { readonly at: number }>();
  private opening: Promise<EtcdClient> | undefined;

  constructor(private readonly options: ResolvedEtcdOptions) {
    this.state = new BackendState(`etcd at ${options.address}`, options.clock, options.logger);
    this.registrations = new EtcdRegistrations(this.client, options);
    this.guard = new EtcdGuard(this.registrations, this.following, options);
  }

  async connect(signal?: AbortSignal): Promise<void> {
    await this.track('read', signal, (client, until) => client.status(until));
  }

  async register(node: ServiceNode, options: Required<RegistrationOptions>, signal?: AbortSignal): Promise<void> {
    await this.track('write', signal, (_, until) => this.registrations.register(node, options.ttlMs, until));
    this.guard.adjust();
  }

  async deregister(node: ServiceNode, signal?: AbortSignal): Promise<void> {
    await this.track('write', signal, (_, until) => this.registrations.deregister(node, until));
    this.guard.adjust();
  }

  async get(service: string, signal?: AbortSignal): Promise<ServiceSnapshot> {
    const { rows, revision } = await this.track('read', signal, (client, until) => client.range({ prefix: servicePrefix(this.options.prefix, service) }, {}, until));
    const snapshot = snapshotOf(service, rows.flatMap((row) => decodeRecord(service, row)));
    // Real services only: names of strangers must not stay in memory.
    if (snapshot.nodes.length > 0) this.recent.set(service, { nodes: snapshot.nodes, revision, at: this.options.clock.now() });
    return snapshot;
  }

  async list(signal?: AbortSignal): Promise<readonly string[]> {
    const { prefix } = this.options;
    const { rows } = await this.track('read', signal, (client, until) => client.range({ prefix: `${prefix}/` }, { keysOnly: true }, until));
    return [...new Set(rows.flatMap(({ key }) => serviceOfKey(prefix, key) ?? []))].sort();
  }

  async *watch(service: string, signal: AbortSignal): AsyncIterable<ServiceSnapshot> {
    const { signal: until, unlink } = linkSignals(signal, this.ending.signal);
    try {
      yield* watchService({ ...this.following, prefix: this.options.prefix, holdMs: this.options.holdMs, ...this.takeRecent(service) }, service, until);
    } finally {
      unlink();
    }
  }

  health(): HealthReport {
    return this.state.health();
  }

  async close(): Promise<void> {
    this.ending.abort(new Error(`the registry etcd at ${this.options.address} is closed`));
    this.guard.stop();
    await this.opening?.then((client) => client.close(), () => {});
  }

  /** Loaded at first use, once; a failed load (the package is missing) is tried again. */
  private readonly client = (): Promise<EtcdClient> => {
    this.ending.signal.throwIfAborted();
    this.opening ??= openEtcdClient(this.options).catch((cause: unknown) => {
      this.opening = undefined;
      throw cause;
    });
    return this.opening;
  };

  private takeRecent(service: string): { recent?: RecentNodes } {
    const recent = this.recent.get(service);
    this.recent.delete(service);
    return recent !== undefined && this.options.clock.now() - recent.at < this.options.holdMs ? { recent } : {};
  }

  private get following(): FollowDeps {
    const { clock, random } = this.options;
    return { client: this.client, clock, random, succeeded: () => this.state.succeeded('read'), failed: (cause) => this.fail('read', cause) };
  }

  private async track<T>(direction: Direction, signal: AbortSignal | undefined, work: (client: EtcdClient, until: AbortSignal) => Promise<T>): Promise<T> {
    const { signal: until, unlink } = linkSignals(signal, this.ending.signal);
    try {
      const result = await work(await this.client(), until);
      this.state.succeeded(direction);
      return result;
    } catch (cause) {
      // Given up by us (closed, caller's abort): says nothing of etcd.
      if (!until.aborted) this.fail(direction, cause);
      throw cause;
    } finally {
      unlink();
    }
  }

  private fail(direction: Direction, cause: unknown): void {
    if (!this.ending.signal.aborted) this.state.failed(direction, cause);
  }
}
