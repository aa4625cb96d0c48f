import type { Clock } from '../../common/clock.js';
import type { PushMessage } from './agent.js';
import type { WaitingPush } from './store/gate-store.js';

/** A push that was kept before the replay was read may still be under way from another gate for so long. */
const LATE_MS = 60_000;
/** Where nothing is left to be acknowledged, what waits for room in the connection looks for it so often. */
const LOOK_MS = 1000;

/**
 * Pushes of one client that are in the store until it acknowledges them: first what waited for it, then what comes, each once per connection. What waited may be
 * more than a connection takes at once: it goes on with each acknowledgement.
 */
export class KeptPushes {
  /** Undefined: everything was sent. */
  private waiting: PushMessage[] | undefined = [];
  private isReplayed = false;
  private isLooking = false;
  private isSending = false;
  /** What the client can acknowledge, and whether it has said that it has it (QoS 2). */
  private readonly sent = new Map<number, boolean>();
  private replayed: { readonly ids: Set<number>; readonly until: number } | undefined;

  constructor(
    private readonly clock: Clock,
    /** @param mayWait answer `later` instead of giving up */
    private readonly transmit: (message: PushMessage, mayWait: boolean) => 'sent' | 'dropped' | 'later',
  ) {}

  /** Once, when the client can take pushes. @param stored what it has not acknowledged */
  replay(stored: readonly WaitingPush[]): void {
    const ids = new Set(stored.map(({ id }) => id));
    const came = this.waiting!.filter(({ id }) => !ids.has(id!));
    if (ids.size > 0) this.replayed = { ids, until: this.clock.now() + LATE_MS };
    this.waiting = [...stored.map(({ state, ...push }) => ({ ...push, dup: state === 'sent', isReceived: state === 'received' })), ...came];
    this.isReplayed = true;
    this.send();
  }

  push(message: PushMessage): void {
    if (this.wasReplayed(message.id!)) return;
    if (this.waiting === undefined) return void this.give(message, false);
    this.waiting.push(message);
    this.send();
  }

  /** As much as the connection takes. */
  send(): void {
    if (this.waiting === undefined || !this.isReplayed || this.isSending) return;
    this.isSending = true;
    let sent = 0;
    while (sent < this.waiting.length && this.give(this.waiting[sent]!, true) !== 'later') sent++;
    this.isSending = false;
    if (sent === this.waiting.length) this.waiting = undefined;
    else this.sendLater(sent);
  }

  /** @returns false when it was not sent such a push, or has said so before: a client could ask the store for anything, as fast as it can write */
  acknowledged(id: number): boolean {
    return this.sent.delete(id);
  }

  /** QoS 2. @returns as {@link acknowledged} */
  received(id: number): boolean {
    if (this.sent.get(id) !== false) return false;
    this.sent.set(id, true);
    return true;
  }

  private give(message: PushMessage, mayWait: boolean): 'sent' | 'dropped' | 'later' {
    const id = message.id!;
    // Before it leaves: an agent may answer for its client at once.
    this.sent.set(id, message.isReceived ?? false);
    const outcome = this.transmit(message, mayWait);
    if (outcome !== 'sent') this.sent.delete(id);
    return outcome;
  }

  private sendLater(sent: number): void {
    this.waiting!.splice(0, sent);
    if (this.isLooking) return;
    this.isLooking = true;
    this.clock.after(LOOK_MS, () => {
      this.isLooking = false;
      this.send();
    });
  }

  private wasReplayed(id: number): boolean {
    if (this.replayed === undefined) return false;
    // Later on the number is that of another push.
    if (this.clock.now() > this.replayed.until) this.replayed = undefined;
    return this.replayed?.ids.delete(id) ?? false;
  }
}
