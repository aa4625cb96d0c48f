import { linkSignals } from '../linked-signal.js';
import type { ServiceSnapshot } from '../registry.js';
import { snapshotOf } from '../snapshot.js';
import { distinct } from './read-rows.js';

/**
 * Several watches of one service as one: its first snapshot when all have said theirs, then one for each change. None of them throws, and all end with
 * their signal.
 */
export async function* mergeWatches(
  type: string,
  open: readonly ((signal: AbortSignal) => AsyncIterable<ServiceSnapshot>)[],
  signal: AbortSignal,
): AsyncGenerator<ServiceSnapshot, void, undefined> {
  const ending = new AbortController();
  const { signal: until, unlink } = linkSignals(signal, ending.signal);
  const latest: (ServiceSnapshot | undefined)[] = open.map(() => undefined);
  let isNew = false;
  let wake = (): void => {};
  const ended = Promise.all(
    open.map(async (watch, i) => {
      for await (const snapshot of watch(until)) {
        latest[i] = snapshot;
        isNew = true;
        wake();
      }
    }),
  ).then(() => wake());
  try {
    let current: ServiceSnapshot | undefined;
    while (!until.aborted) {
      if (!isNew) await new Promise<void>((resolve) => (wake = resolve));
      isNew = false;
      if (until.aborted || latest.includes(undefined)) continue;
      const next = snapshotOf(type, distinct(latest.flatMap((snapshot) => snapshot!.nodes)), current);
      if (next === current) continue;
      current = next;
      yield next;
    }
  } finally {
    ending.abort();
    await ended;
    unlink();
  }
}
