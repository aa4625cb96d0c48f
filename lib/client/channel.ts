/** One connection to a gate. Messages both ways are those of the gate's JSON protocol (docs/gate.md), whatever carries them. */
export interface Channel {
  /** What cannot leave is lost: the end follows. */
  send(message: object): void;
  /** Ends it; nothing is told any more. */
  close(): void;
}

/** What a channel tells of. */
export interface ChannelEvents {
  /** It may send. */
  onOpen(): void;
  onMessage(message: Record<string, unknown>): void;
  /** It is over, whoever ended it. @param final the gate wants this client no more, and why */
  onEnd(final?: string): void;
}

/** Opens connections of one kind: WebSockets by default, or `tcp()` of `anthill/client/tcp`. @public */
export interface ClientTransport {
  /** @internal @throws Error where the platform lacks what it needs, before any connection is tried */
  check(): void;
  /** @internal */
  open(url: string, events: ChannelEvents): Channel;
}
