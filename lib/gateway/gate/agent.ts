import type { DeadlineQueue } from '../../common/deadline-queue.js';
import type { ByteConnection, CloseReason } from './connection.js';

/** A message from a client. @plugin */
export interface ClientMessage {
  readonly topic: string;
  readonly body: Uint8Array;
  /** 0, 1 or 2; agents without such a thing give 0. */
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** With `qos` 2: by which a repeat is known, also at another gate. */
  readonly id?: number;
}

/** A message to a client. @plugin */
export interface PushMessage {
  readonly topic: string;
  readonly body: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain?: boolean;
  /** With `qos` 1 or 2: the same for each repeat, on whatever gate. An MQTT packet identifier, 1 to 65535. */
  readonly id?: number;
  /** It was sent before. */
  readonly dup?: boolean;
  /** With `qos` 2: the client has it, and need only be told that its id is free (PUBREL). There is no topic and no body any more. */
  readonly isReceived?: boolean;
}

/** What a client says of itself when it comes. @plugin */
export interface ClientHello {
  /** The client's own name for itself; empty: the gate makes one. */
  readonly clientId: string;
  readonly username?: string;
  readonly password?: Uint8Array;
  /** False: its session outlives the connection, and is resumed by the same client id. */
  readonly clean: boolean;
  /** Settings that the protocol gives, such as the user agent. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Published by the gate when the connection is lost. */
  readonly will?: { readonly topic: string; readonly body: Uint8Array; readonly qos: 0 | 1 | 2; readonly retain: boolean };
}

/** Why a client is not let in. @plugin */
export type Refusal = 'credentials' | 'forbidden' | 'clientId' | 'unavailable';

/** A client that was let in. @plugin */
export interface Admission {
  readonly sessionId: string;
  /** There was a session of this client id, and this is its continuation. */
  readonly resumed: boolean;
}

/** What an agent can ask of the gate for its connection. @plugin */
export interface AgentHost {
  /**
   * Once, when the client has said who it is. Resolves when it may send; rejects with {@link RefusedClient}.
   * Nothing is received and nothing pushed before.
   */
  admit(hello: ClientHello): Promise<Admission>;
  /** The client has been told that it is in: what waits for it may be pushed. Once. */
  ready(): void;
  /**
   * In the order of the connection. `done` is called when the gate has taken the message over (it may be acknowledged then): routed it, or
   * passed it to the broker. @throws nothing: what goes wrong is answered on the topic or closes the connection
   */
  receive(message: ClientMessage, done: () => void): void;
  /** A sign of life that is no message. */
  alive(): void;
  /** The client has a push with this id, and knows that the gate knows: the id is free. */
  acknowledged(id: number): void;
  /** QoS 2: the client has a push with this id, and must not get it again. */
  received(id: number): void;
  /** QoS 2: the client will not send its message with this id again. Resolves when that is kept; then the client may be told. */
  released(id: number): Promise<void>;
  /** @returns what was granted for each filter, in order: 0, 1, 2, or 0x80 for refused */
  subscribe(subscriptions: readonly { readonly filter: string; readonly qos: 0 | 1 | 2 }[]): Promise<readonly number[]>;
  unsubscribe(filters: readonly string[]): Promise<void>;
  /** The agent itself has a fault: it is logged. */
  failed(error: unknown): void;
  /** The agent is done with the connection: once. */
  ended(reason: CloseReason): void;
}

/** Thrown by `admit`. @plugin */
export class RefusedClient extends Error {
  override name = 'RefusedClient';
  constructor(
    readonly refusal: Refusal,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Speaks one client's protocol (mqant's gate.Agent): makes messages of bytes and bytes of messages. Keeps its own handshake timeout and keepalive.
 * @plugin
 */
export interface GateAgent {
  /** Begins to read. */
  start(): void;
  /** Sends a message; the gate has looked at the queue before. */
  push(message: PushMessage): void;
  /** Bytes waiting to be sent. */
  readonly queuedBytes: number;
  /** Asks the client to go by itself, when it has its answers. False: it cannot be told. @default false */
  goodbye?(): boolean;
  /** Says goodbye in its own way, and ends the connection. `ended` follows. */
  close(reason: CloseReason): void;
  /** Stops reading for a while: the gate has enough. */
  pause(): void;
  resume(): void;
}

/** Makes the agent of a new connection (mqant's SetCreateAgent). @plugin */
export type AgentFactory = (connection: ByteConnection, host: AgentHost, settings: AgentSettings) => GateAgent;

/** What all agents keep to. @plugin */
export interface AgentSettings {
  /** A client that has not said who it is by then is cut off. */
  readonly connectTimeoutMs: number;
  /** Longer packets end the connection before they are read. */
  readonly maxPacketBytes: number;
  /** For clients that want no keepalive: silent for longer they are cut off; Infinity: never. */
  readonly idleTimeoutMs: number;
  /** A client that lets more bytes than this wait for it is cut off: see {@link GateAgent.queuedBytes}. The gate sees to pushes, the agent to its own answers. */
  readonly outboundBytes: number;
  /** @internal Of all connections of a gate: a timer for each would be most of what a silent one costs. */
  readonly deadlines?: DeadlineQueue;
}
