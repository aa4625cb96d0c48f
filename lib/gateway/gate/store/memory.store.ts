import { systemClock, type Clock } from '../../../common/clock.js';
import type { HealthReport } from '../../../common/lifecycle.js';
import { TopicTree } from '../topic-tree.js';
import type { DuplicatePolicy, GateStore, KeptPush, OpenedSession, RetainedMessage, RetainLimits, SessionPlace, StoredPush, StoredSession, SubscribedPush, WaitingPush } from './gate-store.js';
import { MemoryPushes } from './memory-pushes.js';
import { MemoryRetained } from './memory-retained.js';

interface Entry {
  session: StoredSession;
  gateId: string | undefined;
  /** On the clock, while it is away. */
  expiresAt: number;
  /** How long it outlives its gate. */
  keepMs: number;
  // Made when they are needed: most sessions have none of them.
  pushes: MemoryPushes | undefined;
  /** Messages of QoS 2 that the client has not released: the gate that handles it, or none when it is handled. */
  incoming: Map<number, string | undefined> | undefined;
  groups: Set<string> | undefined;
}

/**
 * Everything in this process: the reference, and enough for one gate.
 * @public
 */
export function memoryGateStore(options: { clock?: Clock } = {}): GateStore {
  return new MemoryGateStore(options.clock ?? systemClock);
}

class MemoryGateStore implements GateStore {
  readonly name = 'memory';
  readonly isShared = false;
  private readonly entries = new Map<string, Entry>();
  private readonly byClient = new Map<string, string>();
  private readonly byUser = new Map<string, Set<string>>();
  private readonly byGroup = new Map<string, Set<string>>();
  private readonly beats = new Map<string, number>();
  private readonly subscribers = new TopicTree<Entry>();
  private readonly kept = new MemoryRetained();

  constructor(private readonly clock: Clock) {}

  async connect(): Promise<void> {}

  async close(): Promise<void> {}

  health(): HealthReport {
    return { status: 'up' };
  }

  async beat(gateId: string, ttlMs: number): Promise<boolean> {
    const now = this.clock.now();
    const lived = this.lives(gateId);
    this.beats.set(gateId, now + ttlMs);
    // Sessions that nobody asked for any more would stay for ever.
    for (const entry of this.entries.values()) if (entry.expiresAt <= now) this.forget(entry);
    for (const other of this.beats.keys()) if (!this.lives(other)) await this.retire(other);
    return lived;
  }

  async retire(gateId: string): Promise<void> {
    this.beats.delete(gateId);
    for (const { session, gateId: at, keepMs } of [...this.entries.values()]) if (at === gateId) await this.release(session.sessionId, gateId, keepMs);
  }

  async reclaim(gateId: string, sessionIds: readonly string[]): Promise<readonly string[]> {
    return sessionIds.filter((sessionId) => {
      const entry = this.find(sessionId);
      const place = entry && this.placeOf(entry).gateId;
      if (entry === undefined || (place !== undefined && place !== gateId)) return true;
      entry.gateId = gateId;
      entry.expiresAt = Infinity;
      return false;
    });
  }

  async gates(): Promise<readonly string[]> {
    return [...this.beats.keys()].filter((gateId) => this.lives(gateId));
  }

  async open(session: StoredSession, gateId: string, keepMs: number): Promise<OpenedSession> {
    const known = this.find(this.byClient.get(session.clientId) ?? '');
    const place = known && this.placeOf(known);
    const displaced = place?.gateId === undefined ? undefined : place;
    if (known && keepMs > 0 && known.keepMs > 0) {
      known.gateId = gateId;
      known.keepMs = keepMs;
      known.expiresAt = Infinity;
      return { session: known.session, resumed: true, ...(displaced && { displaced }) };
    }
    if (known) this.forget(known);
    const { sessionId, clientId, userId, settings, subscriptions } = session;
    // Written out: a copy that is spread and frozen has a hidden class of its own, which is more than the session.
    const entry: Entry = { session: Object.freeze({ sessionId, clientId, userId, settings, subscriptions }), gateId, expiresAt: Infinity, keepMs, pushes: undefined, incoming: undefined, groups: undefined };
    this.entries.set(session.sessionId, entry);
    this.byClient.set(session.clientId, session.sessionId);
    if (session.userId !== '') this.index(this.byUser, session.userId, session.sessionId);
    return { session: entry.session, resumed: false, ...(displaced && { displaced }) };
  }

  async release(sessionId: string, gateId: string, keepMs: number): Promise<void> {
    const entry = this.find(sessionId);
    if (entry === undefined || entry.gateId !== gateId) return;
    if (keepMs <= 0) return this.forget(entry);
    entry.gateId = undefined;
    entry.expiresAt = this.clock.now() + keepMs;
  }

  async save(sessionId: string, changes: Partial<Pick<StoredSession, 'settings' | 'subscriptions'>>): Promise<void> {
    const entry = this.find(sessionId);
    if (entry === undefined) return;
    if (changes.subscriptions) this.subscribe(entry, changes.subscriptions);
    entry.session = Object.freeze({ ...entry.session, ...changes });
  }

  async place(sessionId: string): Promise<SessionPlace | undefined> {
    const entry = this.find(sessionId);
    return entry && this.placeOf(entry);
  }

  async bind(sessionId: string, userId: string, policy: DuplicatePolicy): Promise<{ bound: boolean; displaced: readonly SessionPlace[] }> {
    const entry = this.find(sessionId);
    if (entry === undefined) return { bound: false, displaced: [] };
    const others = this.of(this.byUser, userId).filter((other) => other !== entry);
    if (policy === 'refuse' && others.some((other) => this.placeOf(other).gateId !== undefined)) return { bound: false, displaced: [] };
    const displaced = policy === 'kick' ? others.map((other) => this.placeOf(other)) : [];
    if (policy === 'kick') for (const other of others) this.rename(other, '');
    this.rename(entry, userId);
    return { bound: true, displaced };
  }

  async unbind(sessionId: string): Promise<void> {
    const entry = this.find(sessionId);
    if (entry) this.rename(entry, '');
  }

  async placesOf(userId: string): Promise<readonly SessionPlace[]> {
    return this.of(this.byUser, userId).map((entry) => this.placeOf(entry));
  }

  async join(group: string, sessionId: string): Promise<boolean> {
    const entry = this.find(sessionId);
    if (entry === undefined) return false;
    (entry.groups ??= new Set()).add(group);
    this.index(this.byGroup, group, sessionId);
    return true;
  }

  async leave(group: string, sessionId: string): Promise<void> {
    this.entries.get(sessionId)?.groups?.delete(group);
    this.unindex(this.byGroup, group, sessionId);
  }

  async members(group: string): Promise<readonly SessionPlace[]> {
    return this.of(this.byGroup, group).map((entry) => this.placeOf(entry));
  }

  async keep(sessionId: string, push: Omit<StoredPush, 'id'>, limit: number): Promise<KeptPush | 'gone' | 'full'> {
    const entry = this.find(sessionId);
    if (entry === undefined) return 'gone';
    const { gateId } = this.placeOf(entry);
    const stored = (entry.pushes ??= new MemoryPushes()).keep(push, limit, gateId === undefined);
    return stored === undefined ? 'full' : { push: stored, gateId };
  }

  async unacknowledged(sessionId: string): Promise<readonly WaitingPush[]> {
    return this.find(sessionId)?.pushes?.take() ?? [];
  }

  async pushReceived(sessionId: string, id: number): Promise<void> {
    this.entries.get(sessionId)?.pushes?.received(id);
  }

  async acknowledge(sessionId: string, id: number): Promise<void> {
    this.entries.get(sessionId)?.pushes?.delete(id);
  }

  async publish(message: Omit<StoredPush, 'id'>, limit: number): Promise<readonly SubscribedPush[]> {
    const found: SubscribedPush[] = [];
    for (const [entry, granted] of this.subscribers.match(message.topic)) {
      if (granted === 0 || this.find(entry.session.sessionId) === undefined) continue;
      const place = this.placeOf(entry);
      found.push({ ...place, push: (entry.pushes ??= new MemoryPushes()).keep({ ...message, qos: granted < message.qos ? 1 : message.qos }, limit, place.gateId === undefined) });
    }
    return found;
  }

  async receiving(sessionId: string, id: number, gateId: string, limit: number): Promise<'new' | 'known' | 'full'> {
    const entry = this.find(sessionId);
    if (entry === undefined) return 'new';
    const incoming = (entry.incoming ??= new Map());
    const by = incoming.get(id);
    if (incoming.has(id) && (by === undefined || by === gateId || this.lives(by))) return 'known';
    if (!incoming.has(id) && incoming.size >= limit) return 'full';
    incoming.set(id, gateId);
    return 'new';
  }

  async received(sessionId: string, id: number): Promise<void> {
    const incoming = this.find(sessionId)?.incoming;
    if (incoming?.has(id)) incoming.set(id, undefined);
  }

  async released(sessionId: string, id: number): Promise<void> {
    this.find(sessionId)?.incoming?.delete(id);
  }

  async retain(message: RetainedMessage, limits: RetainLimits): Promise<boolean> {
    return this.kept.retain(message, limits);
  }

  async retained(topic?: string): Promise<readonly RetainedMessage[]> {
    return this.kept.of(topic);
  }

  private lives(gateId: string): boolean {
    return (this.beats.get(gateId) ?? 0) > this.clock.now();
  }

  private placeOf({ session, gateId }: Entry): SessionPlace {
    return { sessionId: session.sessionId, gateId: gateId !== undefined && this.lives(gateId) ? gateId : undefined };
  }

  /** The entry, unless its time is over. */
  private find(sessionId: string): Entry | undefined {
    const entry = this.entries.get(sessionId);
    if (entry === undefined || entry.expiresAt > this.clock.now()) return entry;
    this.forget(entry);
    return undefined;
  }

  private forget(entry: Entry): void {
    const { sessionId, clientId } = entry.session;
    this.rename(entry, '');
    this.subscribe(entry, {});
    for (const group of entry.groups ?? []) this.unindex(this.byGroup, group, sessionId);
    if (this.byClient.get(clientId) === sessionId) this.byClient.delete(clientId);
    this.entries.delete(sessionId);
  }

  private subscribe(entry: Entry, subscriptions: StoredSession['subscriptions']): void {
    for (const filter of Object.keys(entry.session.subscriptions)) if (!Object.hasOwn(subscriptions, filter)) this.subscribers.remove(filter, entry);
    for (const [filter, qos] of Object.entries(subscriptions)) this.subscribers.add(filter, entry, qos);
  }

  private rename(entry: Entry, userId: string): void {
    const { sessionId, userId: before } = entry.session;
    if (before !== '') this.unindex(this.byUser, before, sessionId);
    if (userId !== '') this.index(this.byUser, userId, sessionId);
    entry.session = Object.freeze({ ...entry.session, userId });
  }

  private of(index: Map<string, Set<string>>, key: string): Entry[] {
    return [...(index.get(key) ?? [])].flatMap((sessionId) => this.find(sessionId) ?? []);
  }

  private index(index: Map<string, Set<string>>, key: string, sessionId: string): void {
    const set = index.get(key);
    if (set) set.add(sessionId);
    else index.set(key, new Set([sessionId]));
  }

  private unindex(index: Map<string, Set<string>>, key: string, sessionId: string): void {
    const set = index.get(key);
    if (set?.delete(sessionId) && set.size === 0) index.delete(key);
  }
}
