import type { HealthReport } from '../common/lifecycle.js';
import type { Logger } from '../common/logger.js';

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
  /**
   * The same without loss, for transports where messages are under way: senders learn that nobody listens, and what they sent before is delivered until
   * the promise resolves. Never rejects; bounded in time. Absent where `close` loses nothing.
   */
  drain?(): Promise<void>;
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
  /**
   * One try. Rejects with a message naming the address and what to try. Reconnects by itself ever after: `onLink` tells, but not of
   * this first time.
   */
  connect(signal?: AbortSignal): Promise<void>;
  /** Resolves when messages sent before have left the process. @throws RpcError TRANSPORT_DOWN when they cannot, in bounded time */
  flush(): Promise<void>;
  /** Sends what was handed over, then ends; bounded in time. Nothing is delivered or reported from its call on. Again: does nothing. */
  close(): Promise<void>;
  /**
   * The subject of a node (`name` is its id, `type@id`) or of a process; as unique as the name. Free of `:`, spaces and wildcards,
   * whatever the name holds.
   */
  address(kind: 'node' | 'process', name: string): string;
  /**
   * Resolves when messages to `address` are sure to arrive; while the link is down, that is after it came back. Survives reconnects.
   * What `onMessage` throws is logged and harms nobody.
   * @throws RpcError TRANSPORT_DOWN before `connect` and after `close`, TRANSPORT_DENIED when we may not listen there
   */
  subscribe(address: string, onMessage: (delivery: Delivery) => void): Promise<Subscription>;
  /**
   * Hands the message over. When nobody is subscribed there, `onUndeliverable(token)` of {@link TransportEvents} tells, soon.
   * @param bytes must not change before the next turn of the event loop (`setImmediate`); from then on its buffer may be used again
   * @param token a number of the sender's (safe integer, not negative), or undefined when it does not care
   * @throws RpcError, always `undelivered`: TRANSPORT_DOWN while not up (TRANSPORT_DENIED when that is because of our credentials),
   * PAYLOAD_TOO_LARGE past `maxMessageBytes`, OUTBOUND_FULL when too much waits to leave, NODE_UNREACHABLE for what is no address
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
  /** Where the transport writes what nobody awaits: lost links, refused permissions, listeners that threw. */
  readonly logger?: Logger;
}
