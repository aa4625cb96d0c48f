import type { Signalled } from './signal-fan.js';

/**
 * Gives up a call from outside. It does what an AbortSignal does, for gateways: they need one for every request, hardly ever use it, and making a signal and listening
 * to it costs more than a call in the same process.
 */
export class Canceller {
  isCancelled = false;
  private call: Signalled | undefined;
  /** Interceptors may make several calls of one. */
  private others: Set<Signalled> | undefined;

  cancel(): void {
    if (this.isCancelled) return;
    this.isCancelled = true;
    this.call?.signalled();
    for (const other of [...(this.others ?? [])]) other.signalled();
  }

  /** @internal Ends this call too, until it is over. */
  hold(call: Signalled): void {
    if (this.call === undefined) this.call = call;
    else (this.others ??= new Set()).add(call);
  }

  /** @internal */
  release(call: Signalled): void {
    if (this.call === call) this.call = undefined;
    else this.others?.delete(call);
  }
}
