import { Backoff } from '../common/backoff.js';
import { systemClock, systemRandom, type Clock, type RandomSource } from '../common/clock.js';
import { events } from '../common/events.js';
import type { PickExplanation } from '../common/explanation.js';
import { silentLogger, type Logger } from '../common/logger.js';
import { RpcError } from '../common/rpc-error.js';
import type { NodeFilter, NodePicker, OutcomeError, Picked, SelectOptions, Selector, ServiceChange } from '../common/selection.js';
import { parseTarget, type ServiceNode } from '../common/service-node.js';
import { sharedController } from '../registry/linked-signal.js';
import type { Discovery } from '../registry/registry.js';
import type { DirectoryCounters, ServiceDirectoryOptions } from './directory-options.js';
import { explainNothing, explainPick, type PickQuestion } from './explain-pick.js';
import { type FilterSet, FilterSets } from './filter-set.js';
import { KnownService, type ServiceSettings } from './known-service.js';
import { outlierLimits } from './outlier-options.js';
import { nodeNotFound, nodeTried, noNodeMatches } from './pick-errors.js';
import { PickedNode } from './picked-node.js';
import { random as randomSelector } from './random.selector.js';
import { numberOf } from './selector-options.js';
import { ServiceLookup } from './service-lookup.js';
import { UnknownServices } from './unknown-services.js';

const SWEEPS_PER_IDLE = 5;

/**
 * What the RPC client asks for nodes: last good snapshots of the services in use, kept fresh by one watch each, and picks among them that touch no
 * network. While the registry is away the snapshots serve.
 */
export class ServiceDirectory implements NodePicker {
  private readonly services = new Map<string, KnownService>();
  private readonly flights = new Map<string, Promise<KnownService>>();
  private readonly filterSets = new FilterSets();
  private readonly unknown: UnknownServices;
  private readonly lookup: ServiceLookup;
  private readonly listeners = new Set<(change: ServiceChange) => void>();
  private readonly count = { picks: 0, failures: 0, lookups: 0, missesRecalled: 0, snapshots: 0, unreachableMarks: 0, ejections: 0 };
  private readonly settings: ServiceSettings;
  private readonly selector: Selector;
  private readonly appFilters: readonly NodeFilter[];
  private readonly clock: Clock;
  private readonly random: RandomSource;
  private readonly logger: Logger;
  private readonly sweepMs: number;
  /** Zone of this process. */
  zone: string | undefined;
  private readonly closing = sharedController();
  private cancelSweep: (() => void) | undefined;

  constructor(private readonly discovery: Discovery, options: ServiceDirectoryOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom;
    this.logger = options.logger ?? silentLogger;
    this.selector = options.selector ?? randomSelector(this.random);
    this.appFilters = options.filters ?? [];
    this.sweepMs = (options.idleMs ?? 300_000) / SWEEPS_PER_IDLE;
    this.zone = options.zone;
    this.settings = {
      clock: this.clock,
      now: () => this.clock.now(),
      filters: this.filterSets.of(this.appFilters),
      panicShare: numberOf('discovery', 'panicThreshold', options.panicThreshold ?? 50, 0, 100) / 100,
      holdMs: numberOf('discovery', 'holdMs', options.holdMs ?? 15_000, 0, Infinity),
      outliers: outlierLimits(options.outlierDetection),
      outlierEvents: { ejected: (...what) => this.ejected(...what), returned: ({ id }) => this.logger.info(`${id} is back: it answered again after its ejection`) },
      changed: (change) => this.tell(change),
      doubted: (service, listed, known) =>
        this.logger.warn(`the registry shows ${listed} of ${known} nodes of service ${service} all at once; the others are kept for a while, unless calls find them gone`),
    };
    this.unknown = new UnknownServices(discovery, this.clock, options.missTtlMs ?? 1000);
    this.lookup = new ServiceLookup(discovery, this.unknown, this.closing.signal, this.count);
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
    service.markUnreachable(node);
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
    let ejected = 0;
    for (const service of this.services.values()) {
      avoided += service.marks.size;
      ejected += service.outliers?.size ?? 0;
    }
    return { ...this.count, watches: this.services.size, misses: this.unknown.size, avoided, ejected };
  }

  /** Ends all watches. Picks fail with APP_STOPPED after this. */
  close(): void {
    this.closing.abort();
    this.cancelSweep?.();
    for (const service of this.services.values()) service.close();
    this.services.clear();
  }

  private choose(service: KnownService, path: string, options: SelectOptions | undefined, tried: ReadonlySet<string> | undefined): Picked {
    service.used = true;
    const filters = this.filtersOf(options);
    const view = service.view(filters);
    const candidates = service.candidates(view, filters, tried);
    const selector = options?.selector ?? this.selector;
    const node = candidates.length === 0 ? undefined : selector.pick(candidates, { type: service.type, path, hashKey: options?.hashKey, zone: this.zone, eligible: view.eligible });
    if (node === undefined) throw this.noNode(service, undefined, options, tried);
    service.picked(node);
    return new PickedNode(node, service, selector);
  }

  /** From what is known, or else from one question to the registry: nothing is counted, and no watch begins. */
  async explain(target: string, path: string, options: SelectOptions | undefined, exclude?: ReadonlySet<string>): Promise<PickExplanation> {
    const { type, nodeId } = parseTarget(target);
    const selector = options?.selector ?? this.selector;
    const question: PickQuestion = {
      target,
      type,
      nodeId,
      path,
      options,
      selector,
      appFilters: this.appFilters,
      filters: this.filtersOf(options),
      tried: exclude,
      zone: this.zone,
      now: this.clock.now(),
      error: (service) => this.noNode(service, nodeId, options, exclude),
    };
    try {
      return explainPick(this.services.get(type) ?? new KnownService(await this.lookup.glance(type), this.settings), question);
    } catch (error) {
      if (RpcError.is(error)) return explainNothing(question, error);
      throw error;
    }
  }

  /** `type@id` means that node, whatever its state and the filters say. */
  private named(service: KnownService, id: string, tried: ReadonlySet<string> | undefined): Picked {
    service.used = true;
    const node = service.node(id);
    if (node === undefined || tried?.has(id)) throw this.noNode(service, id, undefined, tried);
    return new PickedNode(node, service, undefined);
  }

  private filtersOf(options: SelectOptions | undefined): FilterSet | undefined {
    return options?.filters === undefined || options.filters.length === 0 ? undefined : this.filterSets.of(options.filters);
  }

  /** Why there is no node to pick. */
  private noNode(service: KnownService, id: string | undefined, options: SelectOptions | undefined, tried: ReadonlySet<string> | undefined): RpcError {
    if (id === undefined) return noNodeMatches(service, [...this.appFilters, ...(options?.filters ?? [])], tried, (options?.selector ?? this.selector).name);
    return service.node(id) === undefined ? nodeNotFound(id, service) : nodeTried(id);
  }

  /** One question to the registry for all who ask at the same time; none for a name that was nobody's a moment ago. */
  private find(type: string): Promise<KnownService> {
    this.lookup.check(type);
    let flight = this.flights.get(type);
    if (flight === undefined) {
      flight = this.lookup.ask(type).then((snapshot) => this.adopt(new KnownService(snapshot, this.settings))).finally(() => this.flights.delete(type));
      this.flights.set(type, flight);
    }
    return flight;
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
          if (service.accept(snapshot)) this.count.snapshots++;
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
      service.close();
    }
    this.cancelSweep = this.services.size === 0 ? undefined : this.clock.after(this.sweepMs, () => this.sweep());
  }

  private ejected(node: ServiceNode, forMs: number, { code, reason }: OutcomeError): void {
    this.count.ejections++;
    if (events.count.hasSubscribers) events.count.publish({ name: 'node.ejected', detail: node.id });
    this.logger.warn(`${node.id} is ejected for ${forMs} ms: its calls fail one after the other, the last with ${code} (${reason})`);
  }

  private tell(change: ServiceChange): void {
    for (const listener of this.listeners) listener(change);
  }
}

function isNotFound(error: unknown): boolean {
  return (error as { reason?: unknown }).reason === 'SERVICE_NOT_FOUND';
}
