import type { HealthReport } from '../../common/lifecycle.js';
import type { RegistrationChoice } from '../../common/registration-choice.js';
import { parseTarget, type ServiceNode } from '../../common/service-node.js';
import { linkSignals } from '../linked-signal.js';
import type { Registration, Registry, ServiceSnapshot } from '../registry.js';
import { RegistryBackend } from '../registry-backend.js';
import { snapshotOf } from '../snapshot.js';
import { openConsulClient, type ConsulClient } from '../../backend/consul/consul.client.js';
import { ConsulGuard } from './consul.guard.js';
import { resolveConsulOptions, type ConsulOptions, type ResolvedConsulOptions } from './consul.options.js';
import type { ConsulRecord } from './consul.record.js';
import { ConsulRegistrations } from './consul.registrations.js';
import { HeldConnections, watchName, type WatchEvents } from './consul.watch.js';
import { mergeWatches } from './merge-watches.js';
import { type NameToRead, namesToRead } from './name-to-read.js';
import { distinct, readRows } from './read-rows.js';
import { recordsOf } from './record-choice.js';

/**
 * Discovery through Consul, in mqant's record format or another. Needs the package `consul`; nothing is loaded or connected before first use.
 * @public
 * @throws BootError CONSUL_OPTIONS
 */
export function consul(options: ConsulOptions = {}): Registry {
  return new ConsulRegistry(resolveConsulOptions(options));
}

class ConsulRegistry implements Registry {
  readonly name = 'consul';
  private readonly backend: RegistryBackend<ConsulClient>;
  private readonly held: HeldConnections;
  private readonly registrations: ConsulRegistrations;
  private readonly guard: ConsulGuard;
  /** What `get` brought of a name, for a watch that follows it. */
  private readonly recent = new Map<string, { snapshot: ServiceSnapshot; at: number }>();
  /** Records of modules that chose their own, by choice and by service. */
  private readonly chosen = new Map<RegistrationChoice, readonly ConsulRecord[]>();
  private readonly special = new Map<string, readonly ConsulRecord[]>();

  constructor(private readonly options: ResolvedConsulOptions) {
    const { address, clock, logger } = options;
    this.backend = new RegistryBackend({ where: `consul at ${address}`, clock, logger, open: () => openConsulClient(options) });
    this.held = new HeldConnections(options.maxHeldConnections);
    this.registrations = new ConsulRegistrations(this.backend.client, options, this.recordsOf);
    this.guard = new ConsulGuard(this.registrations, (service, signal) => this.watch(service, signal), options);
  }

  async connect(signal?: AbortSignal): Promise<void> {
    await this.backend.ask('read', signal, (client, until) => client.ping(until));
  }

  async register(node: ServiceNode, registration: Registration, signal?: AbortSignal): Promise<void> {
    this.choose(node.id, registration.record);
    await this.backend.ask('write', signal, (_, until) => this.registrations.register(node, registration, until));
    this.guard.start();
  }

  async deregister(node: ServiceNode, signal?: AbortSignal): Promise<void> {
    await this.backend.ask('write', signal, (_, until) => this.registrations.deregister(node, until));
    if (this.registrations.size === 0) this.guard.stop();
  }

  checkRegistration(nodeId: string, record: RegistrationChoice): void {
    this.choose(nodeId, record);
  }

  async get(service: string, signal?: AbortSignal): Promise<ServiceSnapshot> {
    const snapshots = await Promise.all(this.namesOf(service).map((target) => this.ask(target, signal)));
    return snapshots.length === 1 ? snapshots[0]! : snapshotOf(service, distinct(snapshots.flatMap(({ nodes }) => nodes)));
  }

  async list(signal?: AbortSignal): Promise<readonly string[]> {
    const names = await this.backend.ask('read', signal, (client, until) => client.services(until));
    const records = [...this.options.records, ...[...this.special.values()].flat()];
    const types = names.flatMap((name) => records.flatMap((record) => (record.typeOf ? (record.typeOf(name) ?? []) : name)));
    return [...new Set(types)].sort();
  }

  async *watch(service: string, signal: AbortSignal): AsyncIterable<ServiceSnapshot> {
    const { signal: until, unlink } = linkSignals(signal, this.backend.ended);
    const targets = this.namesOf(service);
    try {
      if (targets.length > 1) yield* mergeWatches(service, targets.map((target) => (ending) => this.watchName(target, ending)), until);
      else if (targets.length === 1) yield* this.watchName(targets[0]!, until);
      else if (!until.aborted) {
        yield snapshotOf(service, []);
        if (!until.aborted) await new Promise((resolve) => until.addEventListener('abort', resolve, { once: true }));
      }
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

  private readonly events: WatchEvents = {
    succeeded: () => this.backend.succeeded('read'),
    failed: (cause) => this.backend.failed('read', cause),
    restarted: () => this.guard.heal(),
  };

  /** The records of a module's choice, made once: some draw ids. @throws BootError CONSUL_OPTIONS */
  private readonly recordsOf = (choice: RegistrationChoice | undefined, where = 'registration'): readonly ConsulRecord[] => {
    if (choice === undefined) return this.options.records;
    let records = this.chosen.get(choice);
    if (records === undefined) this.chosen.set(choice, (records = recordsOf(choice, where)));
    return records;
  };

  /** Services of ours are looked for where we write them, too. */
  private choose(nodeId: string, choice: RegistrationChoice | undefined): void {
    if (choice !== undefined) this.special.set(parseTarget(nodeId).type, this.recordsOf(choice, `registration of ${nodeId}`));
  }

  /** Where nodes of a service can stand; nowhere for names that are none. */
  private namesOf(service: string): NameToRead[] {
    const records = [...this.options.records, ...(this.special.get(service) ?? [])];
    return isNameable(service) ? namesToRead(service, records) : [];
  }

  private async ask({ name, type, records }: NameToRead, signal: AbortSignal | undefined): Promise<ServiceSnapshot> {
    const { entries } = await this.backend.ask('read', signal, (client, until) => client.health(name, undefined, until));
    const snapshot = snapshotOf(type, readRows(name, type, entries, records));
    // Real services only: names of strangers must not stay in memory.
    if (snapshot.nodes.length > 0) this.recent.set(name, { snapshot, at: this.options.clock.now() });
    return snapshot;
  }

  private watchName(target: NameToRead, until: AbortSignal): AsyncIterable<ServiceSnapshot> {
    return watchName({ client: this.backend.client, options: this.options, held: this.held, events: this.events, ...this.takeRecent(target.name) }, target, until);
  }

  private takeRecent(name: string): { recent?: ServiceSnapshot } {
    const last = this.recent.get(name);
    this.recent.delete(name);
    return last !== undefined && this.options.clock.now() - last.at < this.options.holdMs ? { recent: last.snapshot } : {};
  }
}

/** False for names that cannot stand in a URL path of Consul (it redirects `a/../b`, refuses what does not print): nobody is registered by them. */
function isNameable(service: string): boolean {
  const cleaned = service.split('/').some((part) => part === '' || part === '.' || part === '..');
  return !cleaned && service.length <= 256 && !/[\p{C}\p{Zl}\p{Zp}]/u.test(service);
}
