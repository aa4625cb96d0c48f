import { Backoff } from '../../common/backoff.js';
import { sleep, type Clock, type RandomSource } from '../../common/clock.js';
import { EtcdRequestError, type EtcdClient } from './etcd.client.js';
import type { EtcdEvent, EtcdRow } from './etcd.rows.js';

/** Least time between two lists that follow each other because a revision was compacted: not an outage, and not a hot loop either. */
const RELIST_SPACING_MS = 200;

/** What stands under a prefix, at a moment. */
export interface EtcdState {
  /** By key. The same map each time, changed in place: copy what must stay. */
  readonly rows: ReadonlyMap<string, EtcdRow>;
  readonly revision: bigint;
  /** What came since the last state; undefined when this is a list: anything may have changed. */
  readonly events: readonly EtcdEvent[] | undefined;
  /** A list after an outage, or of a store that has lost revisions which we have seen: keys may be missing whose owners live. */
  readonly interrupted: boolean;
}

/** What a follower works with, and whom it tells. */
export interface FollowDeps {
  readonly client: () => Promise<EtcdClient>;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** etcd answered. */
  succeeded?(): void;
  /** It did not; tried on. */
  failed?(cause: unknown): void;
}

/**
 * All keys with a prefix now, and again at each change, until `signal` aborts. Never throws: while etcd is away it backs off (0.2 to 4 s) and lists
 * anew, as it does when the revision it watches from is compacted. Between list and watch nothing is missed.
 *
 * @param seenRevision of a question that was asked before: a first list that is older counts as interrupted
 */
export async function* followPrefix(deps: FollowDeps, prefix: string, signal: AbortSignal, seenRevision = 0n): AsyncGenerator<EtcdState, void, undefined> {
  const { clock, random } = deps;
  const backoff = new Backoff(clock, random, { baseMs: 400, maxMs: 4000 });
  const rows = new Map<string, EtcdRow>();
  let seen = seenRevision;
  let interrupted = false;

  while (!signal.aborted) {
    const startedAt = clock.now();
    try {
      const client = await deps.client();
      const list = await client.range({ prefix }, {}, signal);
      deps.succeeded?.();
      rows.clear();
      for (const row of list.rows) rows.set(row.key, row);
      interrupted ||= list.revision < seen;
      seen = list.revision;
      if (signal.aborted) return;
      yield { rows, revision: seen, events: undefined, interrupted };
      interrupted = false;
      for await (const { revision, events } of client.watch({ prefix }, seen + 1n, signal)) {
        backoff.reset();
        for (const { type, row } of events) {
          if (type === 'put') rows.set(row.key, row);
          else rows.delete(row.key);
        }
        seen = revision;
        yield { rows, revision, events, interrupted };
      }
    } catch (cause) {
      if (signal.aborted) return;
      if (cause instanceof EtcdRequestError && cause.kind === 'compacted') {
        await sleep(clock, Math.max(0, startedAt + RELIST_SPACING_MS - clock.now()), signal);
        continue;
      }
      interrupted = true;
      deps.failed?.(cause);
      // A watch that held for a while was no failing try.
      if (clock.now() - startedAt > 5000) backoff.reset();
      await backoff.wait(signal);
    }
  }
}
