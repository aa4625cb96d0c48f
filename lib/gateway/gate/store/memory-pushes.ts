import type { StoredPush, WaitingPush } from './gate-store.js';
import { nextPushId } from './push-id.js';

/** Pushes of one session that it has not acknowledged, in the order in which they were kept. */
export class MemoryPushes {
  private readonly pushes = new Map<number, WaitingPush>();
  private lastId = 0;

  /** @returns undefined when there are `limit` already, or no number is free */
  keep(push: Omit<StoredPush, 'id'>, limit: number, isAway: boolean): StoredPush | undefined {
    const id = this.pushes.size < limit ? nextPushId(this.lastId, (taken) => this.pushes.has(taken)) : undefined;
    if (id === undefined) return undefined;
    this.lastId = id;
    const stored = Object.freeze({ ...push, id });
    this.pushes.set(id, { ...stored, state: isAway ? 'new' : 'sent' });
    return stored;
  }

  /** For a connection that is to send them. */
  take(): WaitingPush[] {
    const all = [...this.pushes.values()];
    for (const push of all) if (push.state === 'new') this.pushes.set(push.id, { ...push, state: 'sent' });
    return all;
  }

  received(id: number): void {
    if (this.pushes.has(id)) this.pushes.set(id, { id, topic: '', body: new Uint8Array(0), qos: 2, state: 'received' });
  }

  delete(id: number): void {
    this.pushes.delete(id);
  }
}
