import type { Signalled } from './signal-fan.js';

/**
 * Gives up one call from outside. It does what an AbortSignal does, for gateways: they need one for every request, hardly ever use it, and making a signal and listening
 * to it costs more than a call in the same process.
 */
export class Canceller {
  isCancelled = false;
  private call: Signalled | undefined;

  cancel(): void {
    if (this.isCancelled) return;
    this.isCancelled = true;
    this.call?.signalled();
  }

  /** @internal The call that it ends, until that is over. */
  hold(call: Signalled | undefined): void {
    this.call = call;
  }
}
