import type { SessionState } from '../../common/session.js';
import type { GateSession } from '../../rpc/gate-session.js';
import type { PushMessage } from './agent.js';
import type { CloseReason } from './connection.js';

/** A client of this gate, as the gate sees it. */
export interface GateClient {
  readonly state: SessionState;
  /** Its session outlives its connection. */
  readonly isKept: boolean;
  /** While the app's hook that greets it is at work. */
  readonly greeted: Promise<void> | undefined;
  /** As hooks, handlers and functions get it. */
  view(topic?: string): GateSession;
  /** Hands a message to the agent. False: it was dropped, or the client is gone. */
  push(message: PushMessage): boolean;
  /** Its state at the gate changes. */
  become(changes: Partial<SessionState>): void;
  close(reason: CloseReason): void;
  /** Sends what the store has for it: what was pushed while the others took this gate for dead. */
  catchUp(): Promise<void>;
  /** Its client came in again, here or elsewhere: the session is not this connection's any more. */
  takenOver(reason: CloseReason): void;
  /** Takes no more, finishes what is under way, and tells the client to go. */
  dismiss(): Promise<void>;
}
