/** Something that waits for a place in a lane. @internal */
export interface LaneJob {
  /** Its turn. */
  proceed(): void;
  /** Set when it gave up waiting; the lane skips it. */
  readonly abandoned: boolean;
}

/**
 * At most `limit` jobs at a time, in arrival order, the rest in a bounded queue: the failure it prevents is a slow handler
 * collecting callers until memory is gone.
 */
export class Lane {
  private running = 0;
  private waiting = 0;
  private queue: (LaneJob | undefined)[] = [];
  private head = 0;
  private pumping = false;

  constructor(
    readonly name: string,
    readonly limit: number,
    private bound: number,
  ) {}

  get maxQueue(): number {
    return this.bound;
  }

  /** Several handlers share the lane: the most generous bound counts. */
  widen(maxQueue: number): void {
    this.bound = Math.max(this.bound, maxQueue);
  }

  get depth(): number {
    return this.waiting;
  }

  get active(): number {
    return this.running;
  }

  /** False: the queue is full. Otherwise `job.proceed()` is called, now or later, unless the job is forgotten before. */
  enter(job: LaneJob): boolean {
    if (this.running < this.limit && this.waiting === 0) {
      this.running++;
      job.proceed();
      return true;
    }
    if (this.waiting >= this.bound) return false;
    this.waiting++;
    this.queue.push(job);
    if (this.running < this.limit) this.pump();
    return true;
  }

  /** A queued job gave up (its `abandoned` is set): it no longer counts, and is not kept for long. */
  forget(): void {
    this.waiting--;
    if (this.queue.length - this.head > 2 * this.waiting + 64) {
      this.queue = this.queue.slice(this.head).filter((job) => job?.abandoned === false);
      this.head = 0;
    }
  }

  /** A job that had its turn is done. */
  leave(): void {
    this.running--;
    if (this.waiting > 0) this.pump();
    else if (this.queue.length > 0 && !this.pumping) this.reset();
  }

  /** Starts what fits. A loop, not recursion: a thousand synchronous handlers must not deepen the stack. */
  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    while (this.running < this.limit && this.head < this.queue.length) {
      const job = this.queue[this.head]!;
      this.queue[this.head++] = undefined;
      if (job.abandoned) continue;
      this.waiting--;
      this.running++;
      job.proceed();
    }
    this.pumping = false;
    if (this.head === this.queue.length) this.reset();
    else if (this.head > 1024) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
  }

  private reset(): void {
    this.queue.length = 0;
    this.head = 0;
  }
}
