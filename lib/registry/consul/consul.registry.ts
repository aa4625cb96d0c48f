import type { HealthReport } from '../../common/lifecycle.js';
import type { ServiceNode } from '../../common/service-node.js';
import { linkSignals, sharedController } from '../linked-signal.js';
import type { RegistrationOptions, Registry, ServiceSnapshot } from '../registry.js';
import { snapshotOf } from '../snapshot.js';
import { openConsulClient, type ConsulClient } from '../../backend/consul/consul.client.js';
import { ConsulGuard } from './consul.guard.js';
import { resolveConsulOptions, type ConsulOptions, type ResolvedConsulOptions } from './consul.options.js';
import { decodeEntries } from './consul.record.js';
import { ConsulRegistrations } from './consul.registrations.js';
import { HeldConnections, watchService, type WatchEvents } from './consul.watch.js';

/**
 * Discovery through Consul, in mqant's record format. Needs the package `consul`; nothing is loaded or connected before first use.
 * @public
 * @throws BootError CONSUL_OPTIONS
 */
export function consul(options: ConsulOptions = {}): Registry {
  return new ConsulRegistry(resolveConsulOptions(options));
}

type Direction = 'read' | 'write';

class ConsulRegistry implements Registry {
  readonly name = 'consul';
  private readonly ending = sharedController();
  private readonly held: HeldConnections;
  private readonly registrations: ConsulRegistrations;
  private readonly guard: ConsulGuard;
  /** What each direction last said of Consul: reading may work while a token forbids writing. */
  private readonly faults = new Map<Direction, { message: string; since: number }>();
  /** What `get` brought, for a watch that follows it. */
  private readonly recent = new Map<string, { snapshot: ServiceSnapshot; at: number }>();
  private opening: Promise<ConsulClient> | undefined;
  private answered = false;

  constructor(private readonly options: ResolvedConsulOptions) {
    this.held = new HeldConnections(options.maxHeldConnections);
    this.registrations = new ConsulRegistrations(this.client, options);
    this.guard = new ConsulGuard(this.registrations, (service, signal) => this.watch(service, signal), options);
  }

  async connect(signal?: AbortSignal): Promise<void> {
    await this.track('read', signal, (client, until) => client.ping(until));
  }

  async register(node: ServiceNode, options: Required<RegistrationOptions>, signal?: AbortSignal): Promise<void> {
    await this.track('write', signal, (_, until) => this.registrations.register(node, options.ttlMs, until));
    this.guard.start();
  }

  async deregister(node: ServiceNode, signal?: AbortSignal): Promise<void> {
    await this.track('write', signal, (_, until) => this.registrations.deregister(node, until));
    if (this.registrations.size === 0) this.guard.stop();
  }

  async get(service: string, signal?: AbortSignal): Promise<ServiceSnapshot> {
    if (!isNameable(service)) return snapshotOf(service, []);
    const { entries } = await this.track('read', signal, (client, until) => client.health(service, undefined, until));
    const snapshot = snapshotOf(service, decodeEntries(service, entries));
    // Real services only: names of strangers must not stay in memory.
    if (snapshot.nodes.length > 0) this.recent.set(service, { snapshot, at: this.options.clock.now() });
    return snapshot;
  }

  async list(signal?: AbortSignal): Promise<readonly string[]> {
    const names = await this.track('read', signal, (client, until) => client.services(until));
    return names.sort();
  }

  async *watch(service: string, signal: AbortSignal): AsyncIterable<ServiceSnapshot> {
    const { signal: until, unlink } = linkSignals(signal, this.ending.signal);
    try {
      if (isNameable(service)) yield* watchService({ client: this.client, options: this.options, held: this.held, events: this.events, ...this.takeRecent(service) }, service, until);
      else if (!until.aborted) {
        yield snapshotOf(service, []);
        if (!until.aborted) await new Promise((resolve) => until.addEventListener('abort', resolve, { once: true }));
      }
    } finally {
      unlink();
    }
  }

  health(): HealthReport {
    const fault = this.faults.get('write') ?? this.faults.get('read');
    if (fault === undefined) return this.answered ? { status: 'up' } : { status: 'down', detail: `consul at ${this.options.address} was not asked yet` };
    const seconds = Math.round((this.options.clock.now() - fault.since) / 1000);
    return { status: 'down', detail: `${fault.message} (for ${seconds} s)` };
  }

  async close(): Promise<void> {
    this.ending.abort(new Error(`the registry consul at ${this.options.address} is closed`));
    this.guard.stop();
    const opening = this.opening;
    await opening?.then((client) => client.close(), () => {});
  }

  private readonly events: WatchEvents = {
    succeeded: () => this.succeeded('read'),
    failed: (cause) => this.failed('read', cause),
    restarted: () => this.guard.heal(),
  };

  /** Loaded at first use, once; a failed load (the package is missing) is tried again. */
  private readonly client = (): Promise<ConsulClient> => {
    this.ending.signal.throwIfAborted();
    this.opening ??= openConsulClient(this.options).catch((cause: unknown) => {
      this.opening = undefined;
      throw cause;
    });
    return this.opening;
  };

  private takeRecent(service: string): { recent?: ServiceSnapshot } {
    const last = this.recent.get(service);
    this.recent.delete(service);
    return last !== undefined && this.options.clock.now() - last.at < this.options.holdMs ? { recent: last.snapshot } : {};
  }

  private async track<T>(direction: Direction, signal: AbortSignal | undefined, work: (client: ConsulClient, until: AbortSignal) => Promise<T>): Promise<T> {
    const { signal: until, unlink } = linkSignals(signal, this.ending.signal);
    try {
      const result = await work(await this.client(), until);
      this.succeeded(direction);
      return result;
    } catch (cause) {
      this.failed(direction, cause);
      throw cause;
    } finally {
      unlink();
    }
  }

  private succeeded(direction: Direction): void {
    this.answered = true;
    if (this.faults.delete(direction) && this.faults.size === 0) this.options.logger.info(`consul at ${this.options.address} answers again`);
  }

  private failed(direction: Direction, cause: unknown): void {
    // Given up by us (closed, caller's abort): says nothing of Consul.
    if (this.ending.signal.aborted || (cause as Error).name === 'AbortError') return;
    const message = cause instanceof Error ? cause.message : String(cause);
    const known = this.faults.get(direction);
    this.faults.set(direction, { message, since: known?.since ?? this.options.clock.now() });
    if (known === undefined) this.options.logger.warn(direction === 'read' ? `${message}. The last known nodes serve meanwhile` : message);
  }
}

/** False for names that cannot stand in a URL path of Consul (it redirects `a/../b`, refuses what does not print): nobody is registered by them. */
function isNameable(service: string): boolean {
  const cleaned = service.split('/').some((part) => part === '' || part === '.' || part === '..');
  return !cleaned && service.length <= 256 && !/[\p{C}\p{Zl}\p{Zp}]/u.test(service);
}
