import type { Rpc } from '../../rpc/rpc.client.js';
import type { Background } from './background.js';
import type { SessionTable } from './session-table.js';
import type { GateStore, StoredPush } from './store/gate-store.js';

/** The push is safe: its sender does not wait longer for a gate that stands still. */
const DELIVER_MS = 2000;

/** What a handover needs of its gate. */
interface HandingGate {
  readonly gateId: string;
  readonly store: GateStore;
  readonly rpc: Rpc;
  readonly table: SessionTable;
  readonly background: Background;
}

/**
 * Takes stored pushes to the gates that hold their clients. Where a gate cannot be reached a push is safe, but would come only with the client's next connection: it is tried
 * again for as long as the client is connected somewhere.
 */
export class Handover {
  /** Pushes that did not reach the gate of their session. */
  private readonly missed = new Map<string, Set<number>>();

  constructor(private readonly gate: HandingGate) {}

  /** @param gateId where the client was when the push was stored; undefined: away, and it finds it in the store */
  async send(sessionId: string, gateId: string | undefined, push: StoredPush): Promise<void> {
    const { gate } = this;
    if (gateId === gate.gateId) return void gate.table.get(sessionId)?.push(push);
    if (gateId === undefined) return;
    const { id, topic, body, qos } = push;
    try {
      await gate.rpc.call(gateId, 'Deliver', [null, sessionId, id, topic, body, qos], { timeoutMs: DELIVER_MS });
    } catch (error) {
      this.miss(sessionId, id, error);
    }
  }

  /** Sends what the store still has of these to a client of this gate. Perhaps it has them: they are repeats. */
  async sendAgain(sessionId: string, ids: ReadonlySet<number>): Promise<void> {
    const session = this.gate.table.get(sessionId);
    if (session === undefined) return;
    for (const { state, ...push } of await this.gate.store.unacknowledged(sessionId)) if (ids.has(push.id)) session.push({ ...push, dup: true, isReceived: state === 'received' });
  }

  private miss(sessionId: string, id: number, error: unknown): void {
    const what = 'deliver at another gate';
    this.gate.background.warn(what, { error });
    const missed = this.missed.get(sessionId);
    if (missed !== undefined) return void missed.add(id);
    // What is forgotten because too much is owed comes with the client's next connection.
    if (this.gate.background.owe(what, () => this.again(sessionId))) this.missed.set(sessionId, new Set([id]));
  }

  private async again(sessionId: string): Promise<void> {
    const { gate } = this;
    const ids = this.missed.get(sessionId) ?? new Set<number>();
    this.missed.delete(sessionId);
    try {
      const place = await gate.store.place(sessionId);
      if (place?.gateId === gate.gateId) await this.sendAgain(sessionId, ids);
      else if (place?.gateId !== undefined) await gate.rpc.call(place.gateId, 'DeliverAgain', [null, sessionId, [...ids].join(',')]);
    } catch (error) {
      this.missed.set(sessionId, new Set([...ids, ...(this.missed.get(sessionId) ?? [])]));
      throw error;
    }
  }
}
