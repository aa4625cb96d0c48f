import type { LiveSession } from './live-session.js';

/** The clients that are connected to this gate, by session, by user and by address. */
export class SessionTable {
  private readonly byId = new Map<string, LiveSession>();
  private readonly byUser = new Map<string, Set<LiveSession>>();

  get size(): number {
    return this.byId.size;
  }

  get(sessionId: string): LiveSession | undefined {
    return this.byId.get(sessionId);
  }

  ofUser(userId: string): Iterable<LiveSession> {
    return this.byUser.get(userId) ?? [];
  }

  all(): Iterable<LiveSession> {
    return this.byId.values();
  }

  add(session: LiveSession): void {
    this.byId.set(session.state.sessionId, session);
    if (session.state.userId !== '') this.index(session.state.userId, session);
  }

  /** Only if it is still the one: a session that was taken over has a successor of the same id. */
  remove(session: LiveSession): void {
    if (this.byId.get(session.state.sessionId) === session) this.byId.delete(session.state.sessionId);
    this.unindex(session.state.userId, session);
  }

  rename(session: LiveSession, before: string): void {
    this.unindex(before, session);
    if (session.state.userId !== '') this.index(session.state.userId, session);
  }

  private index(userId: string, session: LiveSession): void {
    const set = this.byUser.get(userId);
    if (set) set.add(session);
    else this.byUser.set(userId, new Set([session]));
  }

  private unindex(userId: string, session: LiveSession): void {
    const set = this.byUser.get(userId);
    if (set?.delete(session) && set.size === 0) this.byUser.delete(userId);
  }
}
