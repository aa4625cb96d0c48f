import { sleep } from '../../common/clock.js';
import { sharedController } from '../linked-signal.js';
import type { ServiceSnapshot } from '../registry.js';
import type { ResolvedConsulOptions } from './consul.options.js';
import type { ConsulRegistrations } from './consul.registrations.js';

/** Healing more often than this would be a loop with whoever takes our nodes out. */
const HEAL_SPACING_MS = 1000;

/**
 * Sees at once that Consul has lost our registrations, instead of at the next renewal: one watch of a service of ours breaks when the agent dies
 * and shows our node missing when somebody took it out.
 */
export class ConsulGuard {
  private watching: AbortController | undefined;
  private healing = false;
  private healedAt = -Infinity;

  constructor(
    private readonly registrations: ConsulRegistrations,
    private readonly watch: (service: string, signal: AbortSignal) => AsyncIterable<ServiceSnapshot>,
    private readonly options: ResolvedConsulOptions,
  ) {}

  /** Watches from the first registration on; idempotent. */
  start(): void {
    if (this.watching !== undefined) return;
    this.watching = sharedController();
    void this.run(this.watching.signal);
  }

  stop(): void {
    this.watching?.abort();
    this.watching = undefined;
  }

  /** Renews all our nodes now; at most once a second, never twice at a time. */
  heal(): void {
    const signal = this.watching?.signal;
    if (this.healing || signal === undefined) return;
    this.healing = true;
    void (async () => {
      await sleep(this.options.clock, Math.max(0, this.healedAt + HEAL_SPACING_MS - this.options.clock.now()), signal);
      if (!signal.aborted) await this.registrations.renewAll(signal);
      this.healedAt = this.options.clock.now();
      this.healing = false;
    })();
  }

  private async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const type = this.registrations.firstType();
      if (type === undefined) break;
      for await (const { nodes } of this.watch(type, signal)) {
        const ours = this.registrations.shownAs(type);
        // The service that was watched is no longer ours: watch another.
        if (ours.length === 0) break;
        const shown = new Set(nodes.map((node) => node.id));
        if (ours.some((ids) => !ids.some((id) => shown.has(id)))) this.heal();
      }
    }
    // Nothing of ours is left: the next registration starts it again.
    if (this.watching?.signal === signal) this.watching = undefined;
  }
}
