import type { HealthReport } from '../../../common/lifecycle.js';

/** Where a session is: the gate's node, or none while the client is away. @plugin */
export interface SessionPlace {
  readonly sessionId: string;
  /** `type@id` of the gate that holds the connection. */
  readonly gateId: string | undefined;
}

/** A session as it outlives its connection. @plugin */
export interface StoredSession {
  readonly sessionId: string;
  readonly clientId: string;
  readonly userId: string;
  readonly settings: Readonly<Record<string, string>>;
  /** MQTT topic filters with their granted QoS. */
  readonly subscriptions: Readonly<Record<string, 0 | 1 | 2>>;
}

/** A push that the client has not acknowledged. @plugin */
export interface StoredPush {
  /** 1 to 65535, unique among the unacknowledged ones of its session: MQTT's packet identifier. The same for each repeat, on whatever gate. */
  readonly id: number;
  readonly topic: string;
  readonly body: Uint8Array;
  readonly qos: 1 | 2;
  /** It is a retained message, sent because of a new subscription. */
  readonly retain?: boolean;
}

/** A push as the next connection of its session finds it. @plugin */
export interface WaitingPush extends StoredPush {
  /** `new`: kept while the client was away, never sent. `sent`: perhaps. `received`: QoS 2, the client has it, and topic and body are forgotten. */
  readonly state: 'new' | 'sent' | 'received';
}

/** A message that a subscription of a kept session takes. @plugin */
export interface SubscribedPush extends SessionPlace {
  /** Undefined: the session has too many already. */
  readonly push: StoredPush | undefined;
}

/** What {@link GateStore.open} found. @plugin */
export interface OpenedSession {
  readonly session: StoredSession;
  readonly resumed: boolean;
  /** The same client id is connected to this gate still: it is to close that connection. */
  readonly displaced?: SessionPlace;
}

/** A push that was kept, and where its client is now. @plugin */
export interface KeptPush {
  readonly push: StoredPush;
  /** At the moment of keeping: a client that comes in later finds the push in the store. */
  readonly gateId: string | undefined;
}

/** What to do with a user who comes in a second time. @plugin */
export type DuplicatePolicy = 'kick' | 'refuse' | 'allow';

/** A message kept for whoever subscribes later. @plugin */
export interface RetainedMessage {
  readonly topic: string;
  readonly body: Uint8Array;
  readonly qos: 0 | 1 | 2;
}

/** How much is retained at most. @plugin */
export interface RetainLimits {
  readonly messages: number;
  /** Topics and bodies, as the store keeps them. */
  readonly bytes: number;
}

/**
 * What gates know together: sessions, users, groups, pushes that are not acknowledged yet, retained messages. `memoryGateStore()` is the reference, for one gate;
 * adapters pass `gateStoreContract` of `anthill/testing`. Each method is atomic. All may reject when the backend is away.
 * @plugin
 */
export interface GateStore {
  readonly name: string;
  /** False: what it knows ends with this process, so that a second gate would know nothing of it. */
  readonly isShared: boolean;
  connect(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
  health(): HealthReport;

  /**
   * A gate lives: to be repeated; places of a gate that fell silent count as none.
   * @returns false when it counted as dead before: then others may have taken over what it had, and it is to {@link reclaim} that
   */
  beat(gateId: string, ttlMs: number): Promise<boolean>;
  /** A gate is gone, or begins anew under its id: all that is at it is released, each session for as long as it is kept. */
  retire(gateId: string): Promise<void>;
  /** These are connected to this gate still. @returns those that are not its own any more: unknown, or at another gate by now */
  reclaim(gateId: string, sessionIds: readonly string[]): Promise<readonly string[]>;
  /** Gates that live. */
  gates(): Promise<readonly string[]>;

  /**
   * A client came in. A session of the same client id goes on, with its id, user, settings, groups, subscriptions and pushes; with `keepMs` 0 it is dropped instead, and so is one that was opened with 0.
   * The session is at `gateId` from now on.
   * @param keepMs how long it outlives its gate, should that die; 0: not at all
   */
  open(session: StoredSession, gateId: string, keepMs: number): Promise<OpenedSession>;
  /** Its connection ended; kept for `keepMs`, 0 forgets it. Nothing happens when it is at another gate by now. */
  release(sessionId: string, gateId: string, keepMs: number): Promise<void>;
  /** Settings and subscriptions have changed. */
  save(sessionId: string, changes: Partial<Pick<StoredSession, 'settings' | 'subscriptions'>>): Promise<void>;
  place(sessionId: string): Promise<SessionPlace | undefined>;

  /**
   * The session is that user's. `kick`: others of the user lose the binding and are returned, to be closed. `refuse`: false when the user is connected elsewhere.
   */
  bind(sessionId: string, userId: string, policy: DuplicatePolicy): Promise<{ bound: boolean; displaced: readonly SessionPlace[] }>;
  unbind(sessionId: string): Promise<void>;
  /** Sessions of a user, those that are away and kept among them. */
  placesOf(userId: string): Promise<readonly SessionPlace[]>;

  /** False: there is no such session. */
  join(group: string, sessionId: string): Promise<boolean>;
  leave(group: string, sessionId: string): Promise<void>;
  members(group: string): Promise<readonly SessionPlace[]>;

  /** Keeps a push until it is acknowledged. `gone`: there is no such session; `full`: it has `limit` already. */
  keep(sessionId: string, push: Omit<StoredPush, 'id'>, limit: number): Promise<KeptPush | 'gone' | 'full'>;
  /** In the order in which they were kept. Those that are `new` are `sent` from then on. */
  unacknowledged(sessionId: string): Promise<readonly WaitingPush[]>;
  /** QoS 2: the client has the push (PUBREC). Its id is not free before it is acknowledged. */
  pushReceived(sessionId: string, id: number): Promise<void>;
  acknowledge(sessionId: string, id: number): Promise<void>;

  /**
   * Keeps a message for each session with `keepMs` that has subscribed to its topic with QoS 1 or 2, connected or away, as {@link keep} does: with the lower QoS of the two,
   * once for each session.
   */
  publish(message: Omit<StoredPush, 'id'>, limit: number): Promise<readonly SubscribedPush[]>;

  /**
   * A client sends a message of QoS 2, which the gate is about to handle. `known`: it was handled, or is being handled by a gate that lives, and must not be again;
   * `full`: `limit` messages of the session are not released yet.
   */
  receiving(sessionId: string, id: number, gateId: string, limit: number): Promise<'new' | 'known' | 'full'>;
  /** It was handled. */
  received(sessionId: string, id: number): Promise<void>;
  /** The client will not send it again (PUBREL): the next message may have its id. */
  released(sessionId: string, id: number): Promise<void>;

  /** An empty body forgets it. @returns false when that would be more messages, or more bytes, than `limits`: then the topic keeps what it had */
  retain(message: RetainedMessage, limits: RetainLimits): Promise<boolean>;
  /** @param topic only that of this topic @default all */
  retained(topic?: string): Promise<readonly RetainedMessage[]>;
}
