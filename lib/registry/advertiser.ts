import { systemClock, systemRandom, type Clock, type RandomSource } from '../common/clock.js';
import type { HealthReport } from '../common/lifecycle.js';
import { silentLogger, type Logger } from '../common/logger.js';
import type { ServiceNode } from '../common/service-node.js';
import { NodeBeat, resolveTiming, type AdvertisedNode, type BeatDeps } from './advertised-node.js';
import { linkSignals } from './linked-signal.js';
import type { Registrar, RegistrationOptions } from './registry.js';

/** How an {@link Advertiser} works; all optional. */
export interface AdvertiserOptions {
  clock?: Clock;
  random?: RandomSource;
  logger?: Logger;
  /** One registration may take this long before it counts as failed and is tried again. @default 8000 */
  attemptTimeoutMs?: number;
}

/**
 * Keeps the nodes of this process in the registry: registers with back-off until the registry takes them, renews each at its own interval,
 * publishes changes at once, takes them out at the end.
 */
export class Advertiser {
  private readonly beats = new Map<string, NodeBeat>();
  private readonly deps: BeatDeps;

  constructor(registrar: Registrar, options: AdvertiserOptions = {}) {
    const { clock = systemClock, random = systemRandom, logger = silentLogger, attemptTimeoutMs = 8000 } = options;
    this.deps = { registrar, clock, random, logger, attemptTimeoutMs };
  }

  /**
   * Registers the node and goes on renewing it. The promise resolves when the registry has taken it, however long that takes; it need not
   * be awaited. It rejects only when the node is withdrawn before.
   * @throws BootError REGISTRATION_OPTIONS for times that cannot work; Error when the node is advertised already
   */
  advertise(node: ServiceNode, options?: RegistrationOptions): Promise<void> {
    const timing = resolveTiming(node.id, options);
    if (this.beats.has(node.id)) throw new Error(`node ${node.id} is advertised already; use update() to change it`);
    const beat = new NodeBeat(this.deps, node, timing);
    this.beats.set(node.id, beat);
    return quiet(beat.settled());
  }

  /**
   * Publishes changed metadata, version or address of an advertised node at once. Resolves when the registry has it; need not be awaited.
   * @throws Error when no node of this id is advertised
   */
  update(node: ServiceNode): Promise<void> {
    const beat = this.beats.get(node.id);
    if (beat === undefined) throw new Error(`node ${node.id} is not advertised, so it cannot be updated; advertise it first`);
    beat.update(node);
    return quiet(beat.settled());
  }

  /** Takes one node out; unknown ids are no error. Rejects when the registry could not be told (its TTL will do it then). */
  async withdraw(nodeId: string, signal?: AbortSignal): Promise<void> {
    const beat = this.beats.get(nodeId);
    this.beats.delete(nodeId);
    await beat?.withdraw(signal);
  }

  /** Takes all out, at the same time. Rejects with an AggregateError of what failed, after all were tried. */
  async withdrawAll(signal?: AbortSignal): Promise<void> {
    const ids = [...this.beats.keys()];
    const { signal: shared, unlink } = linkSignals(signal);
    const results = await Promise.allSettled(ids.map((id) => this.withdraw(id, shared)));
    unlink();
    const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    if (failed.length > 0) throw new AggregateError(failed, `${failed.length} of ${ids.length} nodes could not be taken out of the registry; they expire by their TTL`);
  }

  /** State of each node, in the order they were advertised. */
  report(): readonly AdvertisedNode[] {
    return [...this.beats.values()].map((beat) => beat.report());
  }

  /** Down while a node is not in the registry: never got in, or its TTL has passed since the last renewal. */
  health(): HealthReport {
    const out = [...this.beats.values()].filter((beat) => {
      const { renewedAgoMs } = beat.report();
      return renewedAgoMs === undefined || renewedAgoMs > beat.timing.ttlMs;
    });
    if (out.length === 0) return { status: 'up' };
    const { node, error } = out[0]!.report();
    const more = out.length > 1 ? ` and ${out.length - 1} more` : '';
    return { status: 'down', detail: `node ${node.id}${more} not registered: ${error ?? 'no answer yet'}` };
  }
}

/** The failure is in `report()`: a promise that nobody awaits must not end the process. */
function quiet(promise: Promise<void>): Promise<void> {
  promise.catch(() => {});
  return promise;
}
