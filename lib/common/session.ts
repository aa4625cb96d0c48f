/** The wire type of sessions (mqant's name). */
export const SESSION_TYPE = 'SESSION';

/** What a gate keeps for each client connection, as backends see it (mqant's gate.Session). A copy of the gate's state at the time of the message. */
export interface SessionState {
  /** 16 hex characters. */
  readonly sessionId: string;
  /** Node of the gate that holds the connection: `type@id`. */
  readonly serverId: string;
  /** Empty for guests. */
  readonly userId: string;
  /** `ip:port`, or only the address behind a proxy. */
  readonly ip: string;
  /** `tcp` or `websocket`. */
  readonly network: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Topic of the message being handled; empty outside of one. */
  readonly topic: string;
  readonly settings: Readonly<Record<string, string>>;
  /** What the gate's own rule says (mqant's JudgeGuest). @default without user */
  readonly guest?: boolean;
}

/** What can be sent to a client: text, bytes, or anything JSON can say. @public */
export type MessageBody = string | Uint8Array | object | number | boolean | null;

/** Reaches the gate that holds the connection. */
export interface SessionLink {
  /** @param fn a function of the gate's node (mqant names: `Bind`, `Set`, `Send`) */
  call(session: SessionState, fn: string, args: readonly unknown[], noReply: boolean): Promise<unknown>;
}
