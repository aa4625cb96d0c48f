import { Backoff } from '../common/backoff.js';
import { BootError } from '../common/boot-error.js';
import { sleep, type Clock, type RandomSource } from '../common/clock.js';
import type { Logger } from '../common/logger.js';
import type { ServiceNode } from '../common/service-node.js';
import type { Registrar, Registration, RegistrationOptions } from './registry.js';

/** State of one advertised node, for health and for people. @public */
export interface AdvertisedNode {
  readonly node: ServiceNode;
  /** `registering` never got in yet; `failing` was in and cannot renew. */
  readonly state: 'registering' | 'registered' | 'failing';
  /** Tries that failed since the last success. */
  readonly failures: number;
  /** Milliseconds since the last success; undefined before the first. */
  readonly renewedAgoMs?: number;
  /** Why the last try failed. */
  readonly error?: string;
}

/** What the beat of a node needs from around it. */
export interface BeatDeps {
  readonly registrar: Registrar;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
  /** One try may take this long. */
  readonly attemptTimeoutMs: number;
}

interface Waiter {
  /** Revision that must be published for it. */
  revision: number;
  resolve: () => void;
  reject: (cause: unknown) => void;
}

/**
 * Keeps one node registered. One loop, one request at a time: a slow registry makes beats late, never more (beats are counted from
 * start to start, so that a slow answer does not lengthen the interval).
 */
export class NodeBeat {
  private readonly stopping = new AbortController();
  private readonly loop: Promise<void>;
  private waiters: Waiter[] = [];
  private wake = new AbortController();
  /** Counts `update`; the loop publishes until it has caught up. */
  private revision = 1;
  private published = 0;
  private failures = 0;
  private lastSuccess: number | undefined;
  private lastError: string | undefined;

  constructor(private readonly deps: BeatDeps, private node: ServiceNode, readonly timing: Registration) {
    this.loop = this.run();
  }

  /** Replaces the node and publishes at once. */
  update(node: ServiceNode): void {
    this.node = node;
    this.revision++;
    this.wake.abort();
  }

  /** Resolves when what is set now has been published; rejects when the node is withdrawn before. */
  settled(): Promise<void> {
    if (this.published === this.revision) return Promise.resolve();
    return new Promise((resolve, reject) => this.waiters.push({ revision: this.revision, resolve, reject }));
  }

  report(): AdvertisedNode {
    const state = this.failures === 0 && this.lastSuccess !== undefined ? 'registered' : this.lastSuccess === undefined ? 'registering' : 'failing';
    return {
      node: this.node,
      state,
      failures: this.failures,
      ...(this.lastSuccess !== undefined && { renewedAgoMs: this.deps.clock.now() - this.lastSuccess }),
      ...(this.lastError !== undefined && { error: this.lastError }),
    };
  }

  /** Ends the loop, waits for a try in flight (it must not put the node back later), then takes the node out. */
  async withdraw(signal?: AbortSignal): Promise<void> {
    this.stopping.abort();
    this.wake.abort();
    await this.loop;
    const waiters = this.waiters.splice(0);
    for (const { reject } of waiters) reject(new Error(`node ${this.node.id} was withdrawn before the registry took it: ${this.lastError ?? 'no answer yet'}`));
    await this.deps.registrar.deregister(this.node, signal);
  }

  private async run(): Promise<void> {
    const { clock, random } = this.deps;
    const backoff = new Backoff(clock, random, { baseMs: 400, maxMs: Math.min(5000, this.timing.intervalMs) });
    while (!this.stopping.signal.aborted) {
      const revision = this.revision;
      const startedAt = clock.now();
      this.wake = new AbortController();
      const ok = await this.attempt(revision);
      if (ok) backoff.reset();
      if (this.revision !== revision) continue;
      await sleep(clock, ok ? Math.max(0, startedAt + this.timing.intervalMs - clock.now()) : backoff.next(), this.wake.signal);
    }
  }

  private async attempt(revision: number): Promise<boolean> {
    const { registrar, clock, attemptTimeoutMs, logger } = this.deps;
    const limit = new AbortController();
    const stop = () => limit.abort(this.stopping.signal.reason);
    const cancel = clock.after(attemptTimeoutMs, () => limit.abort(new Error(`no answer from the registry within ${attemptTimeoutMs} ms`)));
    this.stopping.signal.addEventListener('abort', stop, { once: true });
    try {
      await registrar.register(this.node, this.timing, limit.signal);
      if (this.failures > 0) logger.info(`node ${this.node.id} is registered again`, { failures: this.failures });
      this.published = revision;
      this.lastSuccess = clock.now();
      this.failures = 0;
      this.lastError = undefined;
      this.release();
      return true;
    } catch (cause) {
      if (this.stopping.signal.aborted) return false;
      const error = limit.signal.aborted ? limit.signal.reason : cause;
      this.lastError = error instanceof Error ? error.message : String(error);
      // The first failure is news; the following ones of the same outage are not.
      if (this.failures++ === 0) logger.warn(`node ${this.node.id} cannot be registered, trying on: ${this.lastError}`);
      return false;
    } finally {
      cancel();
      this.stopping.signal.removeEventListener('abort', stop);
    }
  }

  private release(): void {
    const due = this.waiters.filter((waiter) => waiter.revision <= this.published);
    this.waiters = this.waiters.filter((waiter) => waiter.revision > this.published);
    for (const { resolve } of due) resolve();
  }
}

/** mqant's defaults: TTL 20 s, renewed every 10 s. */
export const DEFAULT_TTL_MS = 20_000;
export const DEFAULT_INTERVAL_MS = 10_000;

/**
 * Fills in the defaults and refuses what cannot work.
 * @throws BootError REGISTRATION_OPTIONS
 */
export function resolveTiming(nodeId: string, options: RegistrationOptions = {}): Registration {
  const ttlMs = options.ttlMs ?? DEFAULT_TTL_MS;
  const intervalMs = options.intervalMs ?? (options.ttlMs === undefined ? DEFAULT_INTERVAL_MS : ttlMs / 2);
  if (!(intervalMs > 0) || !(ttlMs > intervalMs) || !Number.isFinite(ttlMs)) {
    throw new BootError(
      'REGISTRATION_OPTIONS',
      `node ${nodeId}: ttlMs ${ttlMs} and intervalMs ${intervalMs} cannot keep it registered. intervalMs must be above 0 and below ttlMs; ` +
        'a half or a third of it leaves room for a late renewal',
    );
  }
  return { ttlMs, intervalMs, ...(options.record !== undefined && { record: options.record }) };
}
