import { Backoff } from '../../common/backoff.js';
import { sleep } from '../../common/clock.js';
import type { ServiceSnapshot } from '../registry.js';
import { snapshotOf } from '../snapshot.js';
import type { ConsulClient } from '../../backend/consul/consul.client.js';
import type { ResolvedConsulOptions } from './consul.options.js';
import type { NameToRead } from './name-to-read.js';
import { readRows } from './read-rows.js';
import { RowMemo } from './row-memo.js';

/** Least time between the starts of two queries when the first brought news. */
const NEWS_SPACING_MS = 50;
/** The same when it brought none, failed, or its index was useless: Consul then answers at once, and a loop must not become hot. */
const IDLE_SPACING_MS = 1000;
/** How often a watch without a held connection asks. */
const POLL_MS = 5000;

/** What a watch tells its registry. */
export interface WatchEvents {
  succeeded(): void;
  failed(cause: unknown): void;
  /** Consul answers again after failures, or its index went back: it may have lost its state, our registrations among it. */
  restarted(): void;
}

/** Counts held connections. */
export class HeldConnections {
  private used = 0;
  constructor(private readonly limit: number) {}

  take(): boolean {
    if (this.used >= this.limit) return false;
    this.used++;
    return true;
  }

  give(): void {
    this.used--;
  }
}

export interface WatchDeps {
  readonly client: () => Promise<ConsulClient>;
  readonly options: ResolvedConsulOptions;
  readonly held: HeldConnections;
  readonly events: WatchEvents;
  /** What a question just before the watch brought: Consul may restart between the two. */
  readonly recent?: ServiceSnapshot;
}

/**
 * The snapshots of one name in Consul by blocking queries, until `signal` aborts; never throws.
 *
 * Right after an outage or a restart of Consul its list is not to be trusted: nodes register again within their interval. For `holdMs` from the
 * first answer, nodes that we had and that are missing are kept; new ones are added, changed ones changed. After it the answer counts.
 */
export async function* watchName(deps: WatchDeps, { name, type, records }: NameToRead, signal: AbortSignal): AsyncGenerator<ServiceSnapshot, void, undefined> {
  const { options, events } = deps;
  const { clock, random } = options;
  // At least a second, at most four: after an outage we are back within five.
  const backoff = new Backoff(clock, random, { baseMs: 2 * IDLE_SPACING_MS, maxMs: 4 * IDLE_SPACING_MS });
  const memo = new RowMemo();
  let current = deps.recent;
  let told = false;
  let index = 0n;
  let failing = false;
  /** Answers in a row that moved the index and brought no news: registering takes Consul several small steps, and the next one may be ours. */
  let quiet = 0;
  let holdUntil = -Infinity;

  while (!signal.aborted) {
    const startedAt = clock.now();
    const slot = index > 0n && deps.held.take();
    let answer: Awaited<ReturnType<ConsulClient['health']>>;
    try {
      const wait = Math.max(IDLE_SPACING_MS, Math.min(options.waitMs, holdUntil > startedAt ? holdUntil - startedAt : Infinity));
      answer = await (await deps.client()).health(name, slot ? { index, waitMs: wait } : undefined, signal);
    } catch (cause) {
      if (signal.aborted) return;
      failing = true;
      index = 0n;
      events.failed(cause);
      await backoff.wait(signal);
      continue;
    } finally {
      if (slot) deps.held.give();
    }
    if (signal.aborted) return;

    const wentBack = answer.index < index || answer.index === 0n;
    events.succeeded();
    backoff.reset();
    // Not when there was no index to go back from: one that is always 0 must not prolong the hold for ever.
    if (failing || (wentBack && index > 0n)) {
      holdUntil = clock.now() + options.holdMs;
      memo.clear();
      events.restarted();
    }
    failing = false;
    const polled = !slot && index > 0n;
    const moved = answer.index > index;
    // Consul's own advice: start over when the index goes back; a useless one is never sent.
    index = wentBack ? 0n : answer.index;

    const fresh = readRows(name, type, answer.entries, records, memo);
    const trusted = clock.now() >= holdUntil;
    const next = snapshotOf(type, trusted ? fresh : [...(current?.nodes ?? []), ...fresh], current);
    const news = next !== current || !told;
    current = next;
    told = true;
    if (news) yield next;

    quiet = news || clock.now() - startedAt >= IDLE_SPACING_MS ? 0 : quiet + 1;
    const busy = Math.min(IDLE_SPACING_MS, NEWS_SPACING_MS * 2 ** Math.min(quiet, 10));
    const spacing = polled ? POLL_MS : moved && !wentBack ? busy : IDLE_SPACING_MS;
    const rest = startedAt + spacing - clock.now();
    if (rest > 0) await sleep(clock, rest, signal);
  }
}
