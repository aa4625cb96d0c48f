import { followPrefix, type FollowDeps } from '../../backend/etcd/etcd.follow.js';
import { sleep } from '../../common/clock.js';
import { sharedController } from '../linked-signal.js';
import type { ResolvedEtcdOptions } from './etcd.options.js';
import { servicePrefix } from './etcd.record.js';
import type { EtcdRegistrations } from './etcd.registrations.js';

/** Healing more often than this would be a loop with whoever takes our nodes out. */
const HEAL_SPACING_MS = 1000;

/** Sees at once that etcd has lost our records, instead of at the next renewal: follows the services that we have nodes of. */
export class EtcdGuard {
  private readonly following = new Map<string, AbortController>();
  private readonly stopping = sharedController();
  private healing = false;
  private healedAt = -Infinity;

  constructor(private readonly registrations: EtcdRegistrations, private readonly deps: FollowDeps, private readonly options: ResolvedEtcdOptions) {}

  /** Follows what is ours now, and no longer what was. */
  adjust(): void {
    const types = this.registrations.types();
    for (const [type, ending] of this.following) {
      if (types.has(type)) continue;
      ending.abort();
      this.following.delete(type);
    }
    for (const type of types) {
      if (this.following.has(type)) continue;
      const ending = sharedController();
      this.following.set(type, ending);
      void this.follow(type, ending.signal);
    }
  }

  stop(): void {
    this.stopping.abort();
    for (const ending of this.following.values()) ending.abort();
    this.following.clear();
  }

  private async follow(type: string, signal: AbortSignal): Promise<void> {
    for await (const { rows, interrupted } of followPrefix(this.deps, servicePrefix(this.options.prefix, type), signal)) {
      if (interrupted || this.registrations.keysOf(type).some((key) => !rows.has(key))) this.heal();
    }
  }

  /** At most once a second, never twice at a time. */
  private heal(): void {
    if (this.healing) return;
    this.healing = true;
    // Not under the signal of who saw it first: that service may leave, and what the others have lost must come back all the same.
    const { signal } = this.stopping;
    void (async () => {
      await sleep(this.options.clock, Math.max(0, this.healedAt + HEAL_SPACING_MS - this.options.clock.now()), signal);
      if (!signal.aborted) await this.registrations.heal(signal);
      this.healedAt = this.options.clock.now();
      this.healing = false;
    })();
  }
}
