import type { Clock } from './clock.js';

/** What {@link DeadlineQueue} holds: the links live in the entry, so that adding and removing allocate nothing. */
export abstract class DeadlineEntry {
  /** @internal */ declare dlPrev: DeadlineEntry | undefined;
  /** @internal */ declare dlNext: DeadlineEntry | undefined;
  constructor() {
    // Not as fields: more than four classes are entries, and from the fifth on V8 defines fields slowly.
    this.dlPrev = undefined;
    this.dlNext = undefined;
  }
  /** Called once when the time is over and the entry was not removed. */
  abstract onDeadline(): void;
}

class Bucket extends DeadlineEntry {
  constructor(readonly tick: number) {
    super();
    this.dlPrev = this.dlNext = this;
  }
  onDeadline(): void {}
}

/** Empty buckets are swept when there are more of them than this, and than live ones. */
const MIN_SWEEP = 4096;

/**
 * Deadlines of calls. Hundreds of thousands are set each second and nearly all are removed before they fire, so they share
 * buckets of `granularityMs` and one timer. An entry never fires early and at most about two granularities late.
 */
export class DeadlineQueue {
  private readonly buckets = new Map<number, Bucket>();
  private armedTick = Infinity;
  private disarm: (() => void) | undefined;
  private count = 0;
  private sweepAt = MIN_SWEEP;

  constructor(
    private readonly clock: Clock,
    private readonly granularityMs = 10,
    /** A pending call keeps the process alive, for its outcome is promised. */
    private readonly keepsAlive = true,
  ) {}

  get size(): number {
    return this.count;
  }

  /** @param at on the clock's monotonic scale. An entry that is queued already moves. */
  add(entry: DeadlineEntry, at: number): void {
    if (entry.dlNext !== undefined) this.remove(entry);
    const tick = Math.ceil(at / this.granularityMs);
    let bucket = this.buckets.get(tick);
    if (bucket === undefined) {
      bucket = new Bucket(tick);
      if (this.buckets.size >= this.sweepAt) this.sweep();
      this.buckets.set(tick, bucket);
      if (tick < this.armedTick) this.arm(tick);
    }
    const last = bucket.dlPrev!;
    entry.dlPrev = last;
    entry.dlNext = bucket;
    last.dlNext = entry;
    bucket.dlPrev = entry;
    this.count++;
  }

  /** Removing what is not queued does nothing. */
  remove(entry: DeadlineEntry): void {
    if (entry.dlNext === undefined) return;
    entry.dlPrev!.dlNext = entry.dlNext;
    entry.dlNext.dlPrev = entry.dlPrev;
    entry.dlPrev = entry.dlNext = undefined;
    this.count--;
  }

  /** Drops all entries without firing them. */
  close(): void {
    this.disarm?.();
    this.disarm = undefined;
    this.armedTick = Infinity;
    for (const bucket of this.buckets.values()) while (bucket.dlNext !== bucket) this.remove(bucket.dlNext!);
    this.buckets.clear();
  }

  /** Far deadlines that were removed leave empty buckets behind until they fire: strangers choose deadlines, so that must be bounded. */
  private sweep(): void {
    for (const [tick, bucket] of this.buckets) if (bucket.dlNext === bucket) this.buckets.delete(tick);
    this.sweepAt = Math.max(MIN_SWEEP, this.buckets.size * 2);
  }

  private arm(tick: number): void {
    this.disarm?.();
    this.armedTick = tick;
    this.disarm = this.clock.after(Math.max(0, tick * this.granularityMs - this.clock.now()), () => this.fire(), this.keepsAlive);
  }

  private fire(): void {
    this.armedTick = Infinity;
    this.disarm = undefined;
    const nowTick = Math.floor(this.clock.now() / this.granularityMs);
    let next = Infinity;
    const due: Bucket[] = [];
    for (const [tick, bucket] of this.buckets) {
      if (tick <= nowTick || bucket.dlNext === bucket) {
        this.buckets.delete(tick);
        if (bucket.dlNext !== bucket) due.push(bucket);
      } else if (tick < next) {
        next = tick;
      }
    }
    due.sort((a, b) => a.tick - b.tick);
    if (next < this.armedTick) this.arm(next);
    let failures: unknown[] | undefined;
    for (const bucket of due) {
      while (bucket.dlNext !== bucket) {
        const entry = bucket.dlNext!;
        this.remove(entry);
        try {
          entry.onDeadline();
        } catch (error) {
          // One that fails must not cost the others their deadline.
          (failures ??= []).push(error);
        }
      }
    }
    if (failures) throw failures.length === 1 ? failures[0] : new AggregateError(failures, 'deadlines failed');
  }
}
