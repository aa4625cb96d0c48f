import type { GateClient } from './gate-client.js';

/** The clients that are connected to this gate, by session, by user and by address. */
export class SessionTable {
  private readonly byId = new Map<string, GateClient>();
  /** Clients that are being let in. */
  private readonly coming = new Map<string, GateClient>();
  private readonly byUser = new Map<string, Set<GateClient>>();

  get size(): number {
    return this.byId.size;
  }

  get(sessionId: string): GateClient | undefined {
    return this.byId.get(sessionId);
  }

  /** Whose the session is at this gate, let in or about to be. */
  holder(sessionId: string): GateClient | undefined {
    return this.coming.get(sessionId) ?? this.byId.get(sessionId);
  }

  ofUser(userId: string): Iterable<GateClient> {
    return this.byUser.get(userId) ?? [];
  }

  all(): Iterable<GateClient> {
    return this.byId.values();
  }

  /** It is about to be let in: the session is its own from now on. @returns whose it was */
  expect(session: GateClient): GateClient | undefined {
    const before = this.holder(session.state.sessionId);
    this.coming.set(session.state.sessionId, session);
    return before;
  }

  /** It will not be let in. @returns false when the session is another one's by now */
  dismiss(session: GateClient): boolean {
    return this.coming.get(session.state.sessionId) === session && this.coming.delete(session.state.sessionId);
  }

  /** It is in. */
  add(session: GateClient): void {
    this.dismiss(session);
    this.byId.set(session.state.sessionId, session);
    if (session.state.userId !== '') this.index(session.state.userId, session);
  }

  /** Only if it is still the one: a session that was taken over has a successor of the same id. */
  remove(session: GateClient): void {
    if (this.byId.get(session.state.sessionId) === session) this.byId.delete(session.state.sessionId);
    this.unindex(session.state.userId, session);
  }

  rename(session: GateClient, before: string): void {
    this.unindex(before, session);
    if (session.state.userId !== '') this.index(session.state.userId, session);
  }

  private index(userId: string, session: GateClient): void {
    const set = this.byUser.get(userId);
    if (set) set.add(session);
    else this.byUser.set(userId, new Set([session]));
  }

  private unindex(userId: string, session: GateClient): void {
    const set = this.byUser.get(userId);
    if (set?.delete(session) && set.size === 0) this.byUser.delete(userId);
  }
}
