import { isDeepStrictEqual } from 'node:util';
import type { ConfigLayer } from './config-layer.js';
import type { ConfigSource } from './config-source.js';

/** What one source says: newest, and what of it is in use. */
export class SourceSlot {
  /** Undefined: it says nothing, or could not be asked yet. */
  newest: ConfigLayer | undefined;
  used: ConfigLayer | undefined;
  /** Why the newest is not in use. */
  refused: string | undefined;
  /** Why it has never been read. */
  missing: string | undefined;
  /** Its watch runs. */
  followed = false;
  /** The revision that was taken or refused last. */
  private dealtWith = -1n;
  private readonly waiting = new Set<{ readonly revision: bigint; readonly done: () => void }>();

  /** @param source undefined: the file */
  constructor(readonly source: ConfigSource | undefined) {}

  get name(): string {
    return this.source?.name ?? this.newest?.name ?? this.used?.name ?? 'the file';
  }

  /** The same as what is in use: nothing to do. */
  isSame(layer: ConfigLayer): boolean {
    return this.used !== undefined && layer.mistakes === undefined && isDeepStrictEqual(layer.tree, this.used.tree);
  }

  /** What it came with is dealt with, taken or refused. */
  settled(): void {
    const seen = this.newest?.revision;
    if (seen === undefined) return;
    this.dealtWith = seen;
    for (const waiter of [...this.waiting]) {
      if (waiter.revision > seen) continue;
      this.waiting.delete(waiter);
      waiter.done();
    }
  }

  /** Resolves when this revision, or a later one, is dealt with; `signal` ends the wait. */
  until(revision: bigint, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.dealtWith >= revision) return Promise.resolve();
    return new Promise((resolve) => {
      const waiter = { revision, done: () => end() };
      const end = (): void => {
        this.waiting.delete(waiter);
        signal.removeEventListener('abort', end);
        resolve();
      };
      this.waiting.add(waiter);
      signal.addEventListener('abort', end, { once: true });
    });
  }
}
