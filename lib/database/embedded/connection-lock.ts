/** A turn on the one connection of an embedded database. */
export interface Turn {
  /** Resolves when it has come. */
  readonly come: Promise<void>;
  /** Nobody waits for it any more. */
  giveUp(): void;
}

interface Waiting {
  readonly holder: object;
  readonly resolve: () => void;
}

/** One holder at a time, in the order of asking. Whoever holds it passes as often as it likes. */
export class ConnectionLock {
  private holder: object | undefined;
  private heldSince = 0;
  private readonly waiting: Waiting[] = [];

  constructor(private readonly now: () => number) {}

  get waits(): number {
    return this.waiting.length;
  }

  /** How long the holder has had it. */
  get heldMs(): number {
    return this.holder === undefined ? 0 : this.now() - this.heldSince;
  }

  isHeldBy(holder: object): boolean {
    return this.holder === holder;
  }

  /** True when it is free: it is `holder`'s now. */
  tryTake(holder: object): boolean {
    if (this.holder !== undefined) return false;
    this.give(holder);
    return true;
  }

  /** @param first before all others that wait */
  queue(holder: object, first = false): Turn {
    let entry: Waiting | undefined;
    const come = new Promise<void>((resolve) => {
      entry = { holder, resolve };
      if (this.holder === undefined && this.waiting.length === 0) {
        this.give(holder);
        resolve();
      } else if (first) this.waiting.unshift(entry);
      else this.waiting.push(entry);
    });
    return { come, giveUp: () => this.forget(entry!) };
  }

  /** Does nothing for others than the holder. */
  free(holder: object): void {
    if (this.holder !== holder) return;
    this.holder = undefined;
    const next = this.waiting.shift();
    if (next === undefined) return;
    this.give(next.holder);
    next.resolve();
  }

  private give(holder: object): void {
    this.holder = holder;
    this.heldSince = this.now();
  }

  /** It may have come already, with nobody there to use it. */
  private forget(entry: Waiting): void {
    const at = this.waiting.indexOf(entry);
    if (at >= 0) this.waiting.splice(at, 1);
    else this.free(entry.holder);
  }
}
