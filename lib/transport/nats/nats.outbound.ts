/** What one message costs beside its bytes: `PUB <subject> <reply> <size>` and line ends. */
const OVERHEAD = 100;

/**
 * Counts the bytes that were handed to the client library and not yet taken by the server. The library buffers without limit and does
 * not say how much, so every `markBytes` a ping goes behind them: its answer proves that the server has read all before it.
 */
export class NatsOutbound {
  private pending = 0;
  private sinceMark = 0;
  private epoch = 0;

  constructor(
    private readonly limit: number,
    /** Resolves when the server has read what was sent before. */
    private readonly roundTrip: () => Promise<void>,
  ) {}

  /** Bytes on their way, at most a mark's worth too many. */
  get bytes(): number {
    return this.pending;
  }

  get isFull(): boolean {
    return this.pending >= this.limit;
  }

  /** Counts a message just handed over. */
  add(size: number): void {
    this.pending += size + OVERHEAD;
    this.sinceMark += size + OVERHEAD;
    // 16 marks to the limit: what is not marked yet can never fill it.
    if (this.sinceMark * 16 >= this.limit) this.mark();
  }

  /** The link was lost: what was on its way is gone. */
  reset(): void {
    this.epoch++;
    this.pending = this.sinceMark = 0;
  }

  private mark(): void {
    const { sinceMark, epoch } = this;
    this.sinceMark = 0;
    this.roundTrip().then(
      () => {
        if (this.epoch === epoch) this.pending -= sinceMark;
      },
      () => {}, // the link is lost: reset() follows
    );
  }
}
