/** Told when its signal aborts. */
export interface Signalled {
  signalled(): void;
}

interface Fan {
  readonly members: Set<Signalled>;
  readonly listener: () => void;
}

/**
 * Calls by the caller's signal. One listener per signal, however many calls share it: Node warns of a leak from the eleventh on,
 * and searches a list to take one off.
 */
export class SignalFan {
  private readonly fans = new WeakMap<AbortSignal, Fan>();

  /** For a signal that has not aborted yet. */
  add(signal: AbortSignal, member: Signalled): void {
    let fan = this.fans.get(signal);
    if (fan === undefined) {
      const members = new Set<Signalled>();
      const listener = (): void => {
        this.fans.delete(signal);
        for (const other of [...members]) other.signalled();
      };
      fan = { members, listener };
      signal.addEventListener('abort', listener, { once: true });
      this.fans.set(signal, fan);
    }
    fan.members.add(member);
  }

  remove(signal: AbortSignal, member: Signalled): void {
    const fan = this.fans.get(signal);
    if (fan === undefined || !fan.members.delete(member) || fan.members.size > 0) return;
    signal.removeEventListener('abort', fan.listener);
    this.fans.delete(signal);
  }
}
