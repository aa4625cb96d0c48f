import type { ServiceNode } from '../../../lib/common/service-node.js';
import type { Discovery, ServiceSnapshot } from '../../../lib/registry/registry.js';
import { freezeNode } from '../../../lib/registry/snapshot.js';

/** A registry that a test holds in its hand: it says what is asked, and can be away, hang, or break its watches. */
export class ScriptedDiscovery implements Discovery {
  readonly log: string[] = [];
  away = false;
  hanging = false;
  watching = 0;
  private readonly services = new Map<string, ServiceNode[]>();
  private readonly wakes = new Set<() => void>();
  private broken: { how: 'end' | 'fail' } | undefined;

  set(service: string, nodes: readonly ServiceNode[]): void {
    // Fresh objects each time, as from a network.
    this.services.set(service, nodes.map(freezeNode));
    for (const wake of this.wakes) wake();
  }

  breakWatches(how: 'end' | 'fail'): void {
    this.broken = { how };
    for (const wake of this.wakes) wake();
  }

  async get(service: string, signal?: AbortSignal): Promise<ServiceSnapshot> {
    this.log.push(`get ${service}`);
    if (this.hanging) await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));
    if (this.away) throw new Error('registry is away');
    return this.snapshot(service);
  }

  async list(): Promise<readonly string[]> {
    this.log.push('list');
    if (this.away) throw new Error('registry is away');
    return [...this.services].filter(([, nodes]) => nodes.length > 0).map(([name]) => name);
  }

  async *watch(service: string, signal: AbortSignal): AsyncGenerator<ServiceSnapshot> {
    this.log.push(`watch ${service}`);
    this.watching++;
    this.broken = undefined;
    let wake = () => {};
    const onWake = () => wake();
    this.wakes.add(onWake);
    signal.addEventListener('abort', onWake);
    try {
      for (let last: readonly ServiceNode[] | undefined; ; ) {
        const now = this.services.get(service);
        if (signal.aborted) return;
        if (this.broken !== undefined) {
          if ((this.broken as { how: string }).how === 'fail') throw new Error('watch broke');
          return;
        }
        if (now !== last) {
          last = now;
          yield this.snapshot(service);
        } else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.watching--;
      this.wakes.delete(onWake);
      signal.removeEventListener('abort', onWake);
    }
  }

  private snapshot(service: string): ServiceSnapshot {
    return { service, nodes: this.services.get(service) ?? [] };
  }
}
