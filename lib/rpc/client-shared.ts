import { SignalFan } from './signal-fan.js';

/** What all clients of a process have in common: they share its wires and its stack. */
export class ClientShared {
  /** Ids of calls must not meet on a wire. */
  nextId = 1;
  /** Local calls that are being made within each other right now. */
  nesting = 0;
  readonly signals = new SignalFan();
}
