import type { PushMessage } from './agent.js';

/** Bytes of the message that was written last: one message to thousands of clients is written once. Shared by the agents of one protocol, whose clients all get the same bytes. */
export class LastEncoded {
  private message: PushMessage | undefined;
  private bytes: Uint8Array | undefined;

  constructor(private readonly encode: (message: PushMessage) => Uint8Array) {}

  /** To be written as they are, and never into. */
  of(message: PushMessage): Uint8Array {
    if (message === this.message) return this.bytes!;
    this.message = message;
    return (this.bytes = this.encode(message));
  }
}
