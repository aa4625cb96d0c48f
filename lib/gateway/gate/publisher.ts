import { rpcError } from '../../common/error-catalog.js';
import type { Rpc } from '../../rpc/rpc.client.js';
import type { ClientMessage, PushMessage } from './agent.js';
import type { GateClient } from './gate-client.js';
import type { ResolvedGateOptions } from './gate.options.js';
import type { Handover } from './handover.js';
import type { SessionTable } from './session-table.js';
import type { GateStore, StoredPush } from './store/gate-store.js';
import { isExact, matches } from './topic-filter.js';
import { TopicTree } from './topic-tree.js';

type Subscription = { readonly filter: string; readonly qos: 0 | 1 | 2 };

/** What a publisher needs of its gate. */
interface PublishingGate {
  readonly gateId: string;
  readonly options: ResolvedGateOptions;
  readonly store: GateStore;
  readonly rpc: Rpc;
  readonly table: SessionTable;
  readonly handover: Handover;
  count(name: string): void;
  tried(what: string, work: () => Promise<unknown>): Promise<void>;
}

/** Messages for those who subscribed, and for everybody: at this gate and at the others. */
export class Publisher {
  /** Subscriptions of clients that are connected to this gate. */
  readonly topics = new TopicTree<GateClient>();

  constructor(private readonly gate: PublishingGate) {}

  /** To all who subscribed, at all gates. */
  async publish(message: ClientMessage): Promise<void> {
    const { topic, body, qos } = message;
    if (message.retain) await this.retain(message);
    if (qos > 0) await this.publishKept({ topic, body, qos: qos as 1 | 2 });
    await this.publishHere(message);
    const others = await this.others();
    await Promise.all(others.map((gateId) => this.gate.tried('publish at another gate', () => this.gate.rpc.call(gateId, 'Publish', [null, topic, body, qos]))));
  }

  private async retain({ topic, body, qos }: ClientMessage): Promise<void> {
    const { retainedMessages: messages, retainedBytes: bytes } = this.gate.options.limits;
    if (!(await this.gate.store.retain({ topic, body, qos }, { messages, bytes }))) this.gate.count('gate.retained_full');
  }

  /** Sessions that outlive their connections, wherever they are: the store knows their subscriptions, so that nothing falls between two connections. */
  private async publishKept(message: Omit<StoredPush, 'id'>): Promise<void> {
    const { gate } = this;
    const deliveries: Promise<void>[] = [];
    for (const { sessionId, gateId, push } of await gate.store.publish(message, gate.options.limits.unacknowledged)) {
      if (push === undefined) gate.count('gate.queue_full');
      else deliveries.push(gate.handover.send(sessionId, gateId, push));
    }
    await Promise.all(deliveries);
  }

  /** To all who subscribed at this gate, and have it not from {@link publishKept}. */
  async publishHere({ topic, body, qos }: Pick<ClientMessage, 'topic' | 'body' | 'qos'>): Promise<void> {
    // One object for all of them: what is the same for all is written once.
    const once: PushMessage = { topic, body, qos: 0 };
    for (const [session, granted] of this.topics.match(topic)) {
      const least = Math.min(qos, granted) as 0 | 1 | 2;
      if (least === 0) session.push(once);
      else if (!session.isKept) await this.gate.tried('deliver', () => this.deliver(session, { topic, body, qos: least }));
    }
  }

  /** Keeps a push for the session until it is acknowledged, and sends it. @throws RpcError QUEUE_FULL */
  async deliver(session: GateClient, push: Omit<StoredPush, 'id'>): Promise<void> {
    const { unacknowledged } = this.gate.options.limits;
    const kept = await this.gate.store.keep(session.state.sessionId, push, unacknowledged);
    if (kept === 'full') throw rpcError('QUEUE_FULL', `${unacknowledged} pushes wait for session ${session.state.sessionId} already`);
    if (kept !== 'gone') session.push(kept.push);
  }

  /** Retained messages that new subscriptions take. */
  async sendRetained(session: GateClient, subscriptions: readonly Subscription[]): Promise<void> {
    await this.gate.tried('send retained messages', async () => {
      for (const { topic, body, qos } of await this.retainedFor(subscriptions)) {
        const fitting = subscriptions.filter(({ filter }) => matches(filter, topic));
        if (fitting.length === 0) continue;
        const least = Math.min(qos, Math.max(...fitting.map((subscription) => subscription.qos))) as 0 | 1 | 2;
        if (least === 0) session.push({ topic, body, qos: 0, retain: true });
        else await this.deliver(session, { topic, body, qos: least, retain: true });
      }
    });
  }

  /** All that may fit; only wildcards need to see everything. */
  private async retainedFor(subscriptions: readonly Subscription[]) {
    const { store } = this.gate;
    if (!subscriptions.every(({ filter }) => isExact(filter))) return store.retained();
    return (await Promise.all([...new Set(subscriptions.map(({ filter }) => filter))].map((topic) => store.retained(topic)))).flat();
  }

  /** To all clients of this gate. @returns how many */
  broadcastHere(topic: string, body: Uint8Array): number {
    const message: PushMessage = { topic, body, qos: 0 };
    let count = 0;
    for (const session of this.gate.table.all()) if (session.push(message)) count++;
    return count;
  }

  /** To clients of this gate. @returns how many got it */
  sendHere(sessionIds: Iterable<string>, topic: string, body: Uint8Array): number {
    const message: PushMessage = { topic, body, qos: 0 };
    let count = 0;
    for (const id of sessionIds) if (this.gate.table.get(id)?.push(message)) count++;
    return count;
  }

  /** To all clients of all gates. @returns how many */
  async broadcast(topic: string, body: Uint8Array): Promise<number> {
    let count = this.broadcastHere(topic, body);
    const ask = async (gateId: string): Promise<void> => void (count += Number(await this.gate.rpc.call(gateId, 'BroadCast', [null, topic, body])));
    await Promise.all((await this.others()).map((gateId) => this.gate.tried('broadcast at another gate', () => ask(gateId))));
    return count;
  }

  private async others(): Promise<readonly string[]> {
    const { gateId: own, store } = this.gate;
    const type = own.slice(0, own.indexOf('@') + 1);
    return (await store.gates()).filter((gateId) => gateId !== own && gateId.startsWith(type));
  }
}
