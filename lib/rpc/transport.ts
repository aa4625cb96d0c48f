import type { HealthReport } from '../common/lifecycle.js';

/** A message as it came in. @plugin */
export interface Delivery {
  /** Valid only during the callback, unless copied. */
  readonly bytes: Uint8Array;
  /** The subject it was sent to; differs from the subscribed one only for wildcards. */
  readonly address: string;
}

/** @plugin */
export interface Subscription {
  /** Stops deliveries. What was delivered before is still handled. */
  close(): void;
}

/**
 * Moves messages between addresses; knows nothing of calls. At most once, in order per sender and address.
 * `memory()` is the reference; adapters pass `transportContract` of `anthill/testing`.
 * @plugin
 */
export interface Transport {
  readonly name: string;
  /** Largest message in bytes. May change on reconnect: read it each time. */
  readonly maxMessageBytes: number;
  /** True while messages can be handed over. */
  readonly isUp: boolean;
  /** One try. Rejects with a message naming the address and what to try. Reconnects by itself ever after. */
  connect(signal?: AbortSignal): Promise<void>;
  /** Resolves when messages sent before have left the process. */
  flush(): Promise<void>;
  close(): Promise<void>;
  /** A subject nobody else has; `name` makes it readable. Without `:`. */
  address(kind: 'node' | 'process', name: string): string;
  /** Resolves when messages to `address` are sure to arrive. Survives reconnects. */
  subscribe(address: string, onMessage: (delivery: Delivery) => void): Promise<Subscription>;
  /**
   * Hands the message over. When nobody is subscribed there, `onUndeliverable(token)` of {@link TransportEvents} tells, soon.
   * @param token a number of the sender's, or undefined when it does not care
   * @throws RpcError TRANSPORT_DOWN (undelivered) while not up, PAYLOAD_TOO_LARGE past `maxMessageBytes`
   */
  send(address: string, bytes: Uint8Array, token?: number): void;
  /** Set once, before `connect`. */
  on(events: TransportEvents): void;
  health(): HealthReport;
}

/** @plugin */
export interface TransportEvents {
  /** The message sent with `token` had no subscriber: it reached nobody. */
  onUndeliverable(token: number): void;
  /** The link went down (what was sent shortly before may or may not have arrived) or came back. */
  onLink(up: boolean): void;
}
