import type { GateSession } from '../../rpc/gate-session.js';

/** What a gate keeps of users between connections (mqant's StorageHandler). @public */
export interface GateStorage {
  /** On bind: settings to merge into the session, whose own win. */
  query(userId: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** After each change of a session that has a user. */
  save(session: GateSession): Promise<void>;
  /** After unbind. */
  delete?(session: GateSession): Promise<void>;
  /** At most once per `heartbeatMs`, for sessions of users whose clients are alive. */
  heartbeat?(session: GateSession): Promise<void>;
}

/** What an app can hook into. Errors are logged; they close nothing. @public */
export interface GateHooks {
  /** A client is in (mqant's SessionLearner). Awaited before its first message, and before `disconnected`. */
  connected?(session: GateSession): void | Promise<void>;
  disconnected?(session: GateSession, reason: string): void | Promise<void>;
  /** Before each push and each reply: another body, or undefined to send nothing (mqant's SendMessageHook). */
  sending?(session: GateSession, topic: string, body: Uint8Array): Uint8Array | undefined;
  storage?: GateStorage;
  /** In milliseconds (mqant's Heartbeat). @default 60000 */
  heartbeatMs?: number;
  /** What `session.isGuest` says, here and in all services (mqant's JudgeGuest). It is asked with each message. @default a client without user */
  isGuest?(session: GateSession): boolean;
  /** May this client publish to subscribers of the topic? @default yes */
  mayPublish?(session: GateSession, topic: string): boolean | Promise<boolean>;
  /** @default yes */
  maySubscribe?(session: GateSession, filter: string): boolean | Promise<boolean>;
}
