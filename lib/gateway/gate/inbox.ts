import type { Clock } from '../../common/clock.js';

/** What an inbox does with messages. */
export interface InboxRules {
  /** True: the next one begins when the one before is done. */
  readonly ordered: boolean;
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
  private readonly waiting: T[] = [];
  private active = 0;
  /** Messages that may still come in the current second, as a bucket that fills by itself. */
  private tokens: number;
  private filledAt: number;
  private isThrottled = false;
  private closed = false;
  private readonly idlers: (() => void)[] = [];

  constructor(
    private readonly rules: InboxRules,
    private readonly clock: Clock,
    private readonly handle: (message: T) => Promise<void>,
    private readonly throttle: (on: boolean) => void,
  ) {
    this.tokens = rules.perSecond;
    this.filledAt = clock.now();
  }

  /** False: it has too many already. */
  offer(message: T): boolean {
    if (this.closed) return true;
    this.spend();
    if (this.waiting.length + this.active >= this.rules.capacity) return false;
    this.waiting.push(message);
    this.next();
    return true;
  }

  close(): void {
    this.closed = true;
    this.waiting.length = 0;
    this.tellIdle();
  }

  /** Resolves when nothing waits and nothing is at work, or it is closed. */
  async idle(): Promise<void> {
    if (this.active > 0 || this.waiting.length > 0) await new Promise<void>((resolve) => this.idlers.push(resolve));
  }

  private tellIdle(): void {
    for (const idler of this.idlers.splice(0)) idler();
  }

  private next(): void {
    while (this.waiting.length > 0 && (this.active === 0 || !this.rules.ordered)) {
      this.active++;
      void this.run(this.waiting.shift()!);
    }
  }

  private async run(message: T): Promise<void> {
    await this.handle(message);
    this.active--;
    this.next();
    if (this.active === 0) this.tellIdle();
  }

  private spend(): void {
    const { perSecond } = this.rules;
    const now = this.clock.now();
    this.tokens = Math.min(perSecond, this.tokens + ((now - this.filledAt) * perSecond) / 1000) - 1;
    this.filledAt = now;
    if (this.tokens >= 0 || this.isThrottled) return;
    this.isThrottled = true;
    this.throttle(true);
    this.clock.after(Math.ceil((-this.tokens * 1000) / perSecond) + 1, () => {
      this.isThrottled = false;
      if (!this.closed) this.throttle(false);
    });
  }
}
