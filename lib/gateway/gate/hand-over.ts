import type { GateCore } from './gate-core.js';
import type { StoredPush } from './store/gate-store.js';

/**
 * Sends a stored push through the gate that holds the client. Where that cannot be reached the push is safe, but would come only with the client's next connection: it is tried
 * again, for as long as it is not acknowledged and the client is connected somewhere.
 */
export function handOver(gate: GateCore, sessionId: string, push: StoredPush, gateId: string): Promise<void> {
  return gate.background.insist('deliver at another gate', () => deliver(gate, sessionId, push, gateId, false), () => handOverAgain(gate, sessionId, push.id));
}

async function handOverAgain(gate: GateCore, sessionId: string, id: number): Promise<void> {
  const push = (await gate.store.unacknowledged(sessionId)).find((stored) => stored.id === id);
  const place = push && (await gate.store.place(sessionId));
  if (place?.gateId === undefined) return;
  // Perhaps it arrived after all.
  if (place.gateId === gate.gateId) gate.table.get(sessionId)?.push({ ...push!, dup: true });
  else await deliver(gate, sessionId, push!, place.gateId, true);
}

async function deliver(gate: GateCore, sessionId: string, { id, topic, body, qos }: StoredPush, gateId: string, dup: boolean): Promise<void> {
  await gate.rpc.call(gateId, 'Deliver', [null, sessionId, id, topic, body, qos, dup]);
}
