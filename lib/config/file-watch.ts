import { statSync } from 'node:fs';
import { sleep, type Clock } from '../common/clock.js';

/** Twice this after the last write a change is noticed: within a second. */
const POLL_MS = 250;

/**
 * Calls `changed` when a file has changed and stands still again: while it is being written nothing is read. Looks at the file itself, by its path, so that a
 * link that is moved to another file (as Kubernetes does it) and a file that is replaced are changes too.
 */
export async function watchFile(path: string, clock: Clock, signal: AbortSignal, changed: () => Promise<void>): Promise<void> {
  let known = stampOf(path);
  let before = known;
  while (!signal.aborted) {
    await sleep(clock, POLL_MS, signal);
    if (signal.aborted) return;
    const now = stampOf(path);
    if (now !== known && now === before) {
      known = now;
      await changed();
    }
    before = now;
  }
}

/** Undefined while it is away, as in the middle of a replacement. */
function stampOf(path: string): string | undefined {
  try {
    const { ino, size, mtimeNs, ctimeNs, dev } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join();
  } catch {
    return undefined;
  }
}
