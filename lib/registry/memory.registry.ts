import { systemClock, type Clock } from '../common/clock.js';
import type { HealthReport } from '../common/lifecycle.js';
import type { ServiceNode } from '../common/service-node.js';
import { linkSignals, sharedController } from './linked-signal.js';
import type { Registration, Registry, ServiceSnapshot } from './registry.js';
import { freezeNode, snapshotOf } from './snapshot.js';

interface Lease {
  node: ServiceNode;
  /** Stops the timer that ends it. */
  cancel: () => void;
}

/**
 * What in-memory registries share: the nodes of one process (or of one test) and their leases.
 * @public
 */
export class MemoryHub {
  private readonly services = new Map<string, Map<string, Lease>>();
  private readonly listeners = new Map<string, Set<() => void>>();

  constructor(private readonly clock: Clock = systemClock) {}

  /** Puts the node in, or renews its lease. */
  put(node: ServiceNode, ttlMs: number): void {
    let leases = this.services.get(node.type);
    if (leases === undefined) this.services.set(node.type, (leases = new Map()));
    leases.get(node.id)?.cancel();
    leases.set(node.id, { node: freezeNode(node), cancel: this.clock.after(ttlMs, () => this.remove(node.type, node.id)) });
    this.announce(node.type);
  }

  remove(type: string, id: string): void {
    const leases = this.services.get(type);
    const lease = leases?.get(id);
    if (leases === undefined || lease === undefined) return;
    lease.cancel();
    leases.delete(id);
    if (leases.size === 0) this.services.delete(type);
    this.announce(type);
  }

  nodes(type: string): ServiceNode[] {
    return [...(this.services.get(type)?.values() ?? [])].map((lease) => lease.node);
  }

  names(): string[] {
    return [...this.services.keys()].sort();
  }

  /** Calls `listener` at each change of that service. Returns the function that ends it. */
  onChange(type: string, listener: () => void): () => void {
    let listeners = this.listeners.get(type);
    if (listeners === undefined) this.listeners.set(type, (listeners = new Set()));
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.listeners.get(type) === listeners) this.listeners.delete(type);
    };
  }

  private announce(type: string): void {
    for (const listener of [...(this.listeners.get(type) ?? [])]) listener();
  }
}

/**
 * The reference registry: everything in this process, nothing to install. Apps of one process see each other when they are given the same
 * instance, or instances over the same hub.
 * @public
 */
export function memory(hub: MemoryHub = new MemoryHub()): Registry {
  return new MemoryRegistry(hub);
}

class MemoryRegistry implements Registry {
  readonly name = 'memory';
  /** Replaced at close, so that an instance shared with another app goes on working for it. */
  private closing = sharedController();

  constructor(private readonly hub: MemoryHub) {}

  async connect(): Promise<void> {}

  async register(node: ServiceNode, options: Registration, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.hub.put(node, options.ttlMs);
  }

  async deregister(node: ServiceNode): Promise<void> {
    this.hub.remove(node.type, node.id);
  }

  async get(service: string): Promise<ServiceSnapshot> {
    return snapshotOf(service, this.hub.nodes(service));
  }

  async list(): Promise<readonly string[]> {
    return this.hub.names();
  }

  async *watch(service: string, signal: AbortSignal): AsyncIterable<ServiceSnapshot> {
    const { signal: ended, unlink } = linkSignals(signal, this.closing.signal);
    let wake = () => {};
    let changed = true;
    const unsubscribe = this.hub.onChange(service, () => {
      changed = true;
      wake();
    });
    const onEnd = () => wake();
    ended.addEventListener('abort', onEnd);
    try {
      for (let last: ServiceSnapshot | undefined; ; ) {
        while (!changed && !ended.aborted) await new Promise<void>((resolve) => (wake = resolve));
        if (ended.aborted) return;
        changed = false;
        const now = snapshotOf(service, this.hub.nodes(service), last);
        if (now !== last) yield (last = now);
      }
    } finally {
      unsubscribe();
      unlink();
    }
  }

  health(): HealthReport {
    return { status: 'up' };
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.closing = sharedController();
  }
}
