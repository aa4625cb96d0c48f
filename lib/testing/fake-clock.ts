import type { Clock } from '../common/clock.js';

interface Timer {
  readonly at: number;
  readonly fn: () => void;
}

/**
 * A clock that stands still until it is told, so that a test of hours takes no time and none of it is chance.
 * `advance` runs what falls due, in order, with the clock at each timer's own time; promises settle as usual, after it returns.
 * @public
 */
export class FakeClock implements Clock {
  private time: number;
  private skew: number;
  private timers: Timer[] = [];

  /**
   * @param now start of the monotonic scale, in milliseconds
   * @param wall what the wall clock shows then, in Unix milliseconds
   */
  constructor(now = 1000, wall = 1_700_000_000_000) {
    this.time = now;
    this.skew = wall - now;
  }

  now(): number {
    return this.time;
  }

  wall(): number {
    return this.time + this.skew;
  }

  after(delayMs: number, fn: () => void): () => void {
    const timer: Timer = { at: this.time + Math.max(0, delayMs), fn };
    this.timers.push(timer);
    return () => {
      const index = this.timers.indexOf(timer);
      if (index >= 0) this.timers.splice(index, 1);
    };
  }

  /** Timers that wait. */
  get pending(): number {
    return this.timers.length;
  }

  /** Moves time on by `ms` and runs what is due, timers set meanwhile included. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (let due = this.next(end); due !== undefined; due = this.next(end)) {
      this.timers.splice(this.timers.indexOf(due), 1);
      this.time = Math.max(this.time, due.at);
      due.fn();
    }
    this.time = end;
  }

  /** The wall clock jumps, as when somebody sets it; the monotonic one does not notice. */
  jumpWall(ms: number): void {
    this.skew += ms;
  }

  private next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.timers) if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer;
    return first;
  }
}
