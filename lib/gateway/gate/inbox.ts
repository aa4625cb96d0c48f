import type { Clock } from '../../common/clock.js';

/** What an inbox does with messages. */
export interface InboxRules<T> {
  /** In one lane the next one begins when the one before is done. Undefined: all begin at once. */
  readonly laneOf: ((message: T) => string) | undefined;
  /** Messages that wait or are at work. */
  readonly capacity: number;
  /** Beyond it, `throttle` is asked for. */
  readonly perSecond: number;
}

/**
 * The messages of one client: in order, bounded, and no faster than allowed. A client that sends faster is read slower, so that its own buffers fill and nobody
 * else notices.
 */
export class Inbox<T> {
  /** Lanes in which something is at work, and what waits in them. */
  private readonly lanes = new Map<string, T[] | undefined>();
  /** Messages that wait or are at work. */
  private size = 0;
  /** Messages that may still come in the current second, as a bucket that fills by itself. */
  private tokens: number;
  private filledAt: number;
  private isFast = false;
  private isThrottled = false;
  private closed = false;
  private readonly idlers: (() => void)[] = [];

  constructor(
    private readonly rules: InboxRules<T>,
    private readonly clock: Clock,
    /** Undefined: it is done already. Never rejects. */
    private readonly handle: (message: T) => Promise<void> | undefined,
    private readonly throttle: (on: boolean) => void,
  ) {
    this.tokens = rules.perSecond;
    this.filledAt = clock.now();
  }

  /**
   * False: it has too many already.
   * @param mustTake it is taken all the same, and no more is read before there is room
   */
  offer(message: T, mustTake = false): boolean {
    if (this.closed) return true;
    this.spend();
    if (this.size >= this.rules.capacity && !mustTake) return false;
    this.size++;
    const lane = this.rules.laneOf?.(message);
    if (lane !== undefined && this.lanes.has(lane)) {
      const queue = this.lanes.get(lane);
      if (queue) queue.push(message);
      else this.lanes.set(lane, [message]);
    } else {
      if (lane !== undefined) this.lanes.set(lane, undefined);
      this.run(message, lane);
    }
    this.look();
    return true;
  }

  close(): void {
    this.closed = true;
    this.lanes.clear();
    this.tellIdle();
  }

  /** Resolves when nothing waits and nothing is at work, or it is closed. */
  async idle(): Promise<void> {
    if (this.size > 0 && !this.closed) await new Promise<void>((resolve) => this.idlers.push(resolve));
  }

  /** Something came that counts as a message. */
  spend(): void {
    const { perSecond } = this.rules;
    const now = this.clock.now();
    this.tokens = Math.min(perSecond, this.tokens + ((now - this.filledAt) * perSecond) / 1000) - 1;
    this.filledAt = now;
    if (this.tokens >= 0 || this.isFast || this.closed) return;
    this.isFast = true;
    this.look();
    this.clock.after(Math.ceil((-this.tokens * 1000) / perSecond) + 1, () => {
      this.isFast = false;
      this.look();
    });
  }

  private run(message: T, lane: string | undefined): void {
    for (let next: T | undefined = message; next !== undefined; next = this.after(lane)) {
      const work = this.handle(next);
      if (work !== undefined) return void work.then(() => this.goOn(lane));
    }
  }

  private goOn(lane: string | undefined): void {
    const next = this.after(lane);
    if (next !== undefined) this.run(next, lane);
  }

  /** One is done. @returns the next one of its lane */
  private after(lane: string | undefined): T | undefined {
    this.size--;
    const next = lane === undefined ? undefined : this.lanes.get(lane)?.shift();
    if (next === undefined && lane !== undefined) this.lanes.delete(lane);
    this.look();
    if (this.size === 0) this.tellIdle();
    return next;
  }

  private look(): void {
    const isTooMuch = this.isFast || this.size > this.rules.capacity;
    if (isTooMuch === this.isThrottled || this.closed) return;
    this.isThrottled = isTooMuch;
    this.throttle(isTooMuch);
  }

  private tellIdle(): void {
    for (const idler of this.idlers.splice(0)) idler();
  }
}
