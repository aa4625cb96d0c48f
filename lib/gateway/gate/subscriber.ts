import type { GateClient } from './gate-client.js';
import type { GateCore } from './gate-core.js';
import { isFilter, levelsOf } from './topic-filter.js';

const REFUSED = 0x80;
/** SUBSCRIBE and UNSUBSCRIBE that wait for the app's hook. */
const MOST_WAITING = 100;

/** What one client has subscribed to. */
export class Subscriber {
  private readonly filters = new Map<string, 0 | 1 | 2>();
  private turn: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  private sending: Promise<void> = Promise.resolve();
  private isGone = false;

  constructor(
    private readonly gate: GateCore,
    private readonly client: GateClient,
  ) {}

  /** Goes on with what its session had. */
  resume(subscriptions: Readonly<Record<string, 0 | 1 | 2>>): void {
    for (const [filter, qos] of Object.entries(subscriptions)) {
      this.filters.set(filter, qos);
      this.gate.publisher.topics.add(filter, this.client, qos);
    }
  }

  leave(): void {
    this.isGone = true;
    for (const filter of this.filters.keys()) this.gate.publisher.topics.remove(filter, this.client);
  }

  /** @returns what was granted for each filter */
  subscribe(wanted: readonly { readonly filter: string; readonly qos: 0 | 1 | 2 }[]): Promise<readonly number[]> {
    return this.inTurn(async () => {
      const granted: number[] = [];
      const taken = new Map<string, 0 | 1 | 2>();
      for (const { filter, qos } of wanted) {
        const isIn = this.hasRoom(filter, taken) && (await this.may(filter));
        if (isIn) taken.set(filter, qos);
        granted.push(isIn ? qos : REFUSED);
      }
      for (const [filter, qos] of taken) this.filters.set(filter, qos);
      // In the store before it is in the tree: what is published from now on is in one of them.
      await this.save();
      // What it left behind would stay in the tree for ever.
      if (this.isGone) return granted;
      for (const [filter, qos] of taken) this.gate.publisher.topics.add(filter, this.client, qos);
      const fresh = [...taken].map(([filter, qos]) => ({ filter, qos }));
      if (fresh.length > 0) this.sending = this.sending.then(() => this.gate.publisher.sendRetained(this.client, fresh));
      return granted;
    });
  }

  unsubscribe(filters: readonly string[]): Promise<void> {
    return this.inTurn(async () => {
      for (const filter of filters) {
        if (!this.filters.delete(filter)) continue;
        this.gate.publisher.topics.remove(filter, this.client);
      }
      await this.save();
    });
  }

  private async save(): Promise<void> {
    if (this.client.isKept) await this.gate.store.save(this.client.state.sessionId, { subscriptions: Object.fromEntries(this.filters) });
  }

  private hasRoom(filter: string, taken: ReadonlyMap<string, unknown>): boolean {
    const { subscriptions } = this.gate.options.limits;
    if (this.filters.has(filter) || taken.has(filter)) return true;
    let count = this.filters.size;
    for (const one of taken.keys()) if (!this.filters.has(one)) count++;
    if (count < subscriptions) return true;
    this.gate.count('gate.subscription_refused', 'subscriptions');
    return false;
  }

  private async may(filter: string): Promise<boolean> {
    const { limits, hooks } = this.gate.options;
    if (!isFilter(filter) || filter.length > limits.topicLength || levelsOf(filter) > limits.topicLevels) return false;
    try {
      return (await hooks?.maySubscribe?.(this.client.view(), filter)) ?? true;
    } catch (error) {
      this.gate.logger.error('the gate hook maySubscribe failed; refused', { filter, error });
      return false;
    }
  }

  /** One after the other, in the order of the connection. @throws when too many wait */
  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.waiting >= MOST_WAITING) throw new Error('too many subscriptions wait');
    this.waiting++;
    const done = this.turn.then(work);
    this.turn = done.catch(() => {}).then(() => this.waiting--);
    return done;
  }
}
