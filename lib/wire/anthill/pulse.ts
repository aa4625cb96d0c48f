/** Ticks in a row with calls waiting and nothing heard, after which a process counts as silent. */
const SILENT_AFTER = 3;
/** A silent process is asked again every so many ticks. */
const ASK_EVERY = 5;
/** One that answered a ping, and nothing else, is only busy: it is not asked again for so many ticks. */
const REST = 10;

/**
 * Whether another process is still there, from what is heard of it: a frozen one keeps its subscriptions, so that nothing else tells. It is asked
 * only while calls wait for it in vain, so that neither traffic nor idleness costs a message.
 */
export class Pulse {
  /** Set with every message of it: a plain field, because that is the hot path. */
  heard = false;
  /** Nothing came for {@link SILENT_AFTER} ticks, pings included. */
  isSilent = false;
  private quiet = 0;
  private rest = 0;

  /** It answered a ping. */
  pong(): void {
    this.rest = REST;
  }

  /** Nobody listens there any more: there is no silence to end. */
  stopped(): void {
    this.heard = this.isSilent = false;
    this.quiet = this.rest = 0;
  }

  /**
   * Once per tick.
   * @param waiting calls to it are pending
   * @returns `ask`: send a ping; `lost`: it has just become silent; `back`: it was silent and is not any more
   */
  tick(waiting: boolean): 'ask' | 'lost' | 'back' | undefined {
    if (this.heard) {
      const wasSilent = this.isSilent;
      this.heard = this.isSilent = false;
      this.quiet = 0;
      return wasSilent ? 'back' : undefined;
    }
    if (!waiting && !this.isSilent) {
      this.quiet = this.rest = 0;
      return undefined;
    }
    if (this.rest > 0) {
      this.rest--;
      return undefined;
    }
    this.quiet++;
    if (this.quiet === SILENT_AFTER && !this.isSilent) {
      this.isSilent = true;
      return 'lost';
    }
    return this.quiet % ASK_EVERY === 1 ? 'ask' : undefined;
  }
}
