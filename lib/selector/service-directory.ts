import { Backoff } from '../common/backoff.js';
import { systemClock, systemRandom, type Clock, type RandomSource } from '../common/clock.js';
import { rpcError } from '../common/error-catalog.js';
import { silentLogger, type Logger } from '../common/logger.js';
import type { CallOutcome, NodeFilter, NodePicker, Picked, SelectOptions, Selector, ServiceChange } from '../common/selection.js';
import { parseTarget, type ServiceNode } from '../common/service-node.js';
import { sharedController } from '../registry/linked-signal.js';
import type { Discovery } from '../registry/registry.js';
import { FilterSets } from './filter-set.js';
import { KnownService } from './known-service.js';
import { nodeNotFound, noNodeMatches, registryUnavailable, serviceNotFound } from './pick-errors.js';
import { random as randomSelector } from './random.selector.js';
import { UnknownServices } from './unknown-services.js';

/** How a {@link ServiceDirectory} works; all optional. */
export interface ServiceDirectoryOptions {
  /** Strategy where a call and its client name none. @default random() */
  selector?: Selector;
  /** The app's filters; those of client and call come on top. */
  filters?: readonly NodeFilter[];
  clock?: Clock;
  random?: RandomSource;
  logger?: Logger;
  /** The watch of a service that nobody called for this long ends. @default 300000 */
  idleMs?: number;
  /** A name that is nobody's is not looked up again for this long. @default 1000 */
  missTtlMs?: number;
}

/** What a directory has done, for metrics. Numbers only grow, except the last three. */
export interface DirectoryCounters {
  picks: number;
  /** Picks that failed. */
  failures: number;
  /** Questions to the registry for a service. */
  lookups: number;
  /** Picks answered "not found" without a question. */
  missesRecalled: number;
  snapshots: number;
  unreachableMarks: number;
  /** Services watched now. */
  watches: number;
  /** Names remembered as nobody's. */
  misses: number;
  /** Nodes avoided now. */
  avoided: number;
}

const SWEEPS_PER_IDLE = 5;
const LONGEST_NAME = 256;

/**
 * What the RPC client asks for nodes: last good snapshots of the services in use, kept fresh by one watch each, and picks among them that touch no
 * network. While the registry is away the snapshots serve.
 */
export class ServiceDirectory implements NodePicker {
  private readonly services = new Map<string, KnownService>();
  private readonly flights = new Map<string, Promise<KnownService>>();
  private readonly filterSets = new FilterSets();
  private readonly unknown: UnknownServices;
  private readonly listeners = new Set<(change: ServiceChange) => void>();
  private readonly count = { picks: 0, failures: 0, lookups: 0, missesRecalled: 0, snapshots: 0, unreachableMarks: 0 };
  private readonly selector: Selector;
  private readonly appFilters: readonly NodeFilter[];
  private readonly clock: Clock;
  private readonly random: RandomSource;
  private readonly logger: Logger;
  private readonly sweepMs: number;
  private readonly now: () => number;
  private readonly closing = sharedController();
  private cancelSweep: (() => void) | undefined;

  constructor(private readonly discovery: Discovery, options: ServiceDirectoryOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom;
    this.logger = options.logger ?? silentLogger;
    this.selector = options.selector ?? randomSelector(this.random);
    this.appFilters = options.filters ?? [];
    this.sweepMs = (options.idleMs ?? 300_000) / SWEEPS_PER_IDLE;
    this.now = () => this.clock.now();
    this.unknown = new UnknownServices(discovery, this.clock, options.missTtlMs ?? 1000);
  }

  pick(target: string, path: string, options: SelectOptions | undefined, exclude?: ReadonlySet<string>): Picked | Promise<Picked> {
    this.count.picks++;
    try {
      const known = this.services.get(target);
      if (known !== undefined) return this.choose(known, path, options, exclude);
      const { type, nodeId } = parseTarget(target);
      const finish = (service: KnownService) => (nodeId === undefined ? this.choose(service, path, options, exclude) : this.named(service, nodeId, exclude));
      const service = this.services.get(type) ?? this.find(type);
      if (service instanceof KnownService) return finish(service);
      return service.then(finish).catch((error: unknown) => {
        this.count.failures++;
        throw error;
      });
    } catch (error) {
      this.count.failures++;
      throw error;
    }
  }

  /** Ignored when the registry has said something new of that node since it was picked. */
  markUnreachable(node: ServiceNode): void {
    const service = this.services.get(node.type);
    if (service === undefined || service.node(node.id) !== node) return;
    this.count.unreachableMarks++;
    service.marks.mark(node, this.clock.now());
  }

  /** A node that was marked is there after all. */
  markReachable(node: ServiceNode): void {
    this.services.get(node.type)?.marks.succeeded(node.id);
  }

  /** Forbidden and unreachable nodes too; empty for a service that nobody knows. */
  async nodes(type: string): Promise<readonly ServiceNode[]> {
    try {
      const service = this.services.get(type) ?? (await this.find(type));
      service.used = true;
      return service.nodes;
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
  }

  /** The node of this id (`type@id`), if it is registered. */
  async node(id: string): Promise<ServiceNode | undefined> {
    return (await this.nodes(parseTarget(id).type)).find((node) => node.id === id);
  }

  /** Names of all services of the registry. */
  list(signal?: AbortSignal): Promise<readonly string[]> {
    return this.discovery.list(signal);
  }

  /** Calls `listener` with each change of a service in use. Returns the function that ends it. */
  onChange(listener: (change: ServiceChange) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get counters(): DirectoryCounters {
    let avoided = 0;
    for (const service of this.services.values()) avoided += service.marks.size;
    return { ...this.count, watches: this.services.size, misses: this.unknown.size, avoided };
  }

  /** Ends all watches. Picks fail with APP_STOPPED after this. */
  close(): void {
    this.closing.abort();
    this.cancelSweep?.();
    for (const service of this.services.values()) service.watching.abort();
    this.services.clear();
  }

  private choose(service: KnownService, path: string, options: SelectOptions | undefined, tried: ReadonlySet<string> | undefined): Picked {
    service.used = true;
    const filters = options?.filters === undefined || options.filters.length === 0 ? undefined : this.filterSets.of(options.filters);
    const candidates = service.candidates(filters, tried, this.now);
    const selector = options?.selector ?? this.selector;
    const node = candidates.length === 0 ? undefined : selector.pick(candidates, { type: service.type, path, hashKey: options?.hashKey });
    if (node === undefined) throw noNodeMatches(service, [...this.appFilters, ...(options?.filters ?? [])], tried, selector.name);
    return new PickedNode(node, service, selector);
  }

  /** `type@id` means that node, whatever its state and the filters say. */
  private named(service: KnownService, id: string, tried: ReadonlySet<string> | undefined): Picked {
    service.used = true;
    const node = service.node(id);
    if (node === undefined) throw nodeNotFound(id, service);
    if (tried?.has(id)) throw rpcError('NO_NODE_MATCHES', `node ${id} has failed in this call, and it is the only one named`, { metadata: { node: id }, undelivered: true });
    return new PickedNode(node, service, undefined);
  }

  /** One question to the registry for all who ask at the same time; none for a name that was nobody's a moment ago. */
  private find(type: string): Promise<KnownService> {
    if (this.closing.signal.aborted) throw rpcError('APP_STOPPED', 'the app is stopped; it looks up no more services');
    if (type === '' || type.length > LONGEST_NAME) throw serviceNotFound(type, []);
    const miss = this.unknown.recall(type);
    if (miss !== undefined) {
      this.count.missesRecalled++;
      throw miss;
    }
    let flight = this.flights.get(type);
    if (flight === undefined) {
      flight = this.ask(type).finally(() => this.flights.delete(type));
      this.flights.set(type, flight);
    }
    return flight;
  }

  private async ask(type: string): Promise<KnownService> {
    const signal = this.closing.signal;
    let asked = false;
    try {
      if ((asked = this.unknown.withinAllowance()) || (await this.unknown.names()).has(type)) {
        this.count.lookups++;
        const snapshot = await this.discovery.get(type, signal);
        signal.throwIfAborted();
        if (snapshot.nodes.length > 0) return this.adopt(new KnownService(snapshot, this.filterSets.of(this.appFilters)));
      }
    } catch (cause) {
      if (signal.aborted) throw rpcError('APP_STOPPED', 'the app was stopped while a service was looked up');
      throw this.unknown.remember(type, registryUnavailable(type, cause));
    }
    // In a flood of strangers' names nobody reads the hint, and it would cost a look at each service name.
    const names = asked ? await this.unknown.names().catch(() => []) : [];
    throw this.unknown.remember(type, serviceNotFound(type, names));
  }

  private adopt(service: KnownService): KnownService {
    this.unknown.forget(service.type);
    this.services.set(service.type, service);
    this.count.snapshots++;
    this.tell({ service: service.type, added: service.nodes, changed: [], removed: [] });
    void this.follow(service);
    this.cancelSweep ??= this.clock.after(this.sweepMs, () => this.sweep());
    return service;
  }

  private async follow(service: KnownService): Promise<void> {
    const { signal } = service.watching;
    const backoff = new Backoff(this.clock, this.random, { baseMs: 1000, maxMs: 10_000 });
    while (!signal.aborted) {
      try {
        for await (const snapshot of this.discovery.watch(service.type, signal)) {
          if (signal.aborted) return;
          backoff.reset();
          const change = service.accept(snapshot);
          if (change === undefined) continue;
          this.count.snapshots++;
          this.tell(change);
        }
      } catch (error) {
        this.logger.warn(`the watch of service ${service.type} failed; it goes on with what is known`, { error });
      }
      // A watch never ends by itself, says its contract; one that does must not become a hot loop (W-38).
      await backoff.wait(signal);
    }
  }

  private sweep(): void {
    for (const service of this.services.values()) {
      service.idleSweeps = service.used ? 0 : service.idleSweeps + 1;
      service.used = false;
      if (service.idleSweeps < SWEEPS_PER_IDLE) continue;
      this.services.delete(service.type);
      service.watching.abort();
    }
    this.cancelSweep = this.services.size === 0 ? undefined : this.clock.after(this.sweepMs, () => this.sweep());
  }

  private tell(change: ServiceChange): void {
    for (const listener of this.listeners) listener(change);
  }
}

class PickedNode implements Picked {
  private told = false;

  constructor(readonly node: ServiceNode, private readonly service: KnownService, private readonly selector: Selector | undefined) {}

  get wantsOutcome(): boolean {
    return this.selector?.done !== undefined || !this.service.marks.isEmpty;
  }

  done(outcome: CallOutcome): void {
    if (this.told) return;
    this.told = true;
    // No time between pick and outcome: the node was only looked up, which proves nothing.
    if (outcome.ok && outcome.latencyMs > 0) this.service.marks.succeeded(this.node.id);
    this.selector?.done?.(this.node, outcome);
  }
}

function isNotFound(error: unknown): boolean {
  return (error as { reason?: unknown }).reason === 'SERVICE_NOT_FOUND';
}
