import { messageOf } from '../../common/message-of.js';
import type { SessionState } from '../../common/session.js';
import { GateSession } from '../../rpc/gate-session.js';
import { type Admission, type AgentHost, type ClientHello, type ClientMessage, type GateAgent, type PushMessage, RefusedClient } from './agent.js';
import type { ByteConnection, CloseReason } from './connection.js';
import type { GateClient } from './gate-client.js';
import type { GateCore } from './gate-core.js';
import { joined, NONE } from './joined-settings.js';
import { KeptPushes } from './kept-pushes.js';
import { mayPublish, Receiver } from './receiver.js';
import { Subscriber } from './subscriber.js';

/** A client that was asked to go does so within this, unless it does not know the word. */
const GOODBYE_MS = 1000;

/** One client: its connection, what the gate knows of it, and what is under way for it. */
export class LiveSession implements AgentHost, GateClient {
  state: SessionState;
  agent!: GateAgent;
  isKept = false;
  /** Made for the first message: most connections are silent. */
  private ownReceiver: Receiver | undefined;
  /** Made for the first subscription: most connections have none. */
  private ownSubscriber: Subscriber | undefined;
  private will: ClientHello['will'];
  private isIn = false;
  private isOver = false;
  private isResumed = false;
  private isTakenOver = false;
  private isLeaving = false;
  private onOver: (() => void) | undefined;
  /** Made for the first push that waits for an acknowledgement. */
  private ownKept: KeptPushes | undefined;
  greeted: Promise<void> | undefined;
  private isReplayed = false;
  private beatAt = 0;

  constructor(
    private readonly gate: GateCore,
    readonly connection: ByteConnection,
    private readonly onLeft: () => void,
  ) {
    const { network, remote } = connection;
    const ip = remote.port === undefined || network === 'websocket' ? remote.address : `${remote.address}:${remote.port}`;
    const [sessionId, traceId, spanId] = [gate.random.hex(8), gate.random.hex(8), gate.random.hex(8)];
    this.state = Object.freeze({ sessionId, serverId: gate.gateId, userId: '', ip, network, traceId, spanId, topic: '', settings: NONE });
    gate.entered(this);
  }

  view(topic = ''): GateSession {
    const session = GateSession.of(this.state, this.gate.link, topic);
    const guest = this.gate.isGuest(session);
    return guest === undefined ? session : GateSession.of({ ...this.state, guest }, this.gate.link, topic);
  }

  async admit(hello: ClientHello): Promise<Admission> {
    const { gate } = this;
    if (gate.isDraining) throw new RefusedClient('unavailable', 'the gate is stopping');
    if (hello.clientId === '' && !hello.clean) throw new RefusedClient('clientId', 'a session that is kept needs a client id');
    const identity = await gate.identify(hello, this.connection);
    // Its successor may be in already.
    this.mustBeHere();
    const clientId = hello.clientId || `auto-${this.state.sessionId}`;
    const settings = joined(hello.settings, identity.settings);
    const wanted = { sessionId: this.state.sessionId, clientId, userId: '', settings, subscriptions: NONE };
    const { session, resumed } = await gate.openSession(wanted, identity.userId ?? '', !hello.clean);
    this.isKept = !hello.clean;
    this.isResumed = resumed;
    this.will = hello.will;
    const { serverId, ip, network, traceId, spanId } = this.state;
    this.state = Object.freeze({ sessionId: session.sessionId, serverId, userId: session.userId, ip, network, traceId, spanId, topic: '', settings: joined(session.settings, settings) });
    gate.table.expect(this)?.takenOver('displaced');
    try {
      this.mustBeHere();
      if (this.isKept && !resumed && !identity.userId && !gate.keptGuests.enter(this.connection.remote.address)) throw new RefusedClient('unavailable', 'guests of this address have begun as many sessions as they may');
      if (identity.userId) await this.bindFirst(identity.userId);
      this.mustBeHere();
    } catch (error) {
      await this.giveUp();
      throw error;
    }
    this.isIn = true;
    gate.table.add(this);
    if (resumed) this.subscriber.resume(session.subscriptions);
    this.greet();
    return { sessionId: session.sessionId, resumed };
  }

  private greet(): void {
    const { hooks } = this.gate.options;
    if (hooks?.connected === undefined) return;
    this.greeted = this.hooked('connected', () => hooks.connected!(this.view())).then(() => (this.greeted = undefined));
  }

  private get receiver(): Receiver {
    return (this.ownReceiver ??= new Receiver(this.gate, this, (on) => this.throttle(on)));
  }

  private get kept(): KeptPushes {
    if (this.ownKept) return this.ownKept;
    this.ownKept = new KeptPushes(this.gate.clock, (message, isFirst) => this.transmit(message, isFirst));
    if (this.isReplayed) this.ownKept.replay([]);
    return this.ownKept;
  }

  private get subscriber(): Subscriber {
    return (this.ownSubscriber ??= new Subscriber(this.gate, this));
  }

  /** A user whom the gate refuses is not let in. */
  private async bindFirst(userId: string): Promise<void> {
    await this.gate.bind(this, userId).catch((error: unknown) => {
      throw new RefusedClient('forbidden', messageOf(error));
    });
  }

  /** While it waited to be let in, it may have gone. */
  private mustBeHere(): void {
    if (this.isOver) throw new RefusedClient('unavailable', 'the client is gone already');
  }

  /** It was not let in. What waits for it in a session that was kept stays there. */
  private async giveUp(): Promise<void> {
    const { gate, state } = this;
    if (!gate.table.dismiss(this) || this.isTakenOver) return;
    await gate.background.insist('release a session', async () => gate.table.holder(state.sessionId) ?? gate.store.release(state.sessionId, gate.gateId, this.isResumed ? gate.options.keepMs : 0));
  }

  ready(): void {
    void this.replay();
  }

  private async replay(): Promise<void> {
    if (this.greeted) await this.greeted;
    try {
      const stored = this.isResumed ? await this.gate.store.unacknowledged(this.state.sessionId) : [];
      if (this.ownKept || stored.length > 0) this.kept.replay(stored);
      this.isReplayed = true;
    } catch (error) {
      this.gate.background.warn('replay pushes', { error });
      // With the next connection, then.
      this.close('lost');
    }
  }

  catchUp(): Promise<void> {
    return this.gate.tried('replay pushes', async () => {
      for (const { state, ...push } of await this.gate.store.unacknowledged(this.state.sessionId)) this.push({ ...push, dup: state === 'sent', isReceived: state === 'received' });
    });
  }

  receive(message: ClientMessage, done: () => void): void {
    this.alive();
    this.receiver.receive(message, done);
  }

  alive(): void {
    const { clock, options } = this.gate;
    const { hooks } = options;
    if (this.state.userId === '' || hooks?.storage?.heartbeat === undefined) return;
    const now = clock.now();
    if (now < this.beatAt) return;
    this.beatAt = now + (hooks.heartbeatMs ?? 60_000);
    void this.hooked('heartbeat', () => hooks.storage!.heartbeat!(this.view()));
  }

  acknowledged(id: number): void {
    if (this.ownKept?.acknowledged(id)) this.forget(id);
    this.ownKept?.send();
  }

  private forget(id: number): void {
    const { sessionId } = this.state;
    void this.gate.background.insist('acknowledge', () => this.gate.store.acknowledge(sessionId, id));
  }

  received(id: number): void {
    if (!this.ownKept?.received(id)) return;
    const { sessionId } = this.state;
    void this.gate.background.insist('note that a push was received', () => this.gate.store.pushReceived(sessionId, id));
  }

  released(id: number): Promise<void> {
    return this.receiver.released(id);
  }

  subscribe(subscriptions: readonly { readonly filter: string; readonly qos: 0 | 1 | 2 }[]): Promise<readonly number[]> {
    this.receiver.spend();
    return this.subscriber.subscribe(subscriptions);
  }

  unsubscribe(filters: readonly string[]): Promise<void> {
    this.receiver.spend();
    return this.subscriber.unsubscribe(filters);
  }

  push(message: PushMessage): boolean {
    if (!this.isIn || this.isOver) return false;
    if (message.id === undefined) return this.transmit(message, false) === 'sent';
    this.kept.push(message);
    return true;
  }

  /** @param mayWait it is in the store and can be sent later */
  private transmit(message: PushMessage, mayWait: boolean): 'sent' | 'dropped' | 'later' {
    if (this.isOver) return 'dropped';
    const body = message.isReceived ? message.body : this.gate.outgoing(this, message);
    // What the app holds back will never be acknowledged.
    if (body === 'held' && message.id !== undefined) this.forget(message.id);
    if (body === 'held' || body === 'failed') return 'dropped';
    const { outboundBytes, slowClient } = this.gate.options.limits;
    const { queuedBytes } = this.agent;
    if (queuedBytes > 0 && queuedBytes + body.length > outboundBytes) {
      if (mayWait) return 'later';
      this.gate.count('gate.slow_client');
      // What must not be lost stays in the store, and comes again with the next connection.
      if (slowClient === 'close' || message.qos > 0) this.close('slow');
      return 'dropped';
    }
    this.agent.push(body === message.body ? message : { ...message, body });
    return 'sent';
  }

  private throttle(on: boolean): void {
    if (on) this.agent.pause();
    else if (!this.isLeaving) this.agent.resume();
  }

  close(reason: CloseReason): void {
    if (!this.isOver) this.agent.close(reason);
  }

  takenOver(reason: CloseReason): void {
    this.isTakenOver = true;
    this.close(reason);
  }

  async dismiss(): Promise<void> {
    if (this.agent.goodbye?.()) await this.gone();
    this.isLeaving = true;
    this.agent.pause();
    await this.ownReceiver?.idle();
    this.close('drain');
  }

  /** Resolves when the connection is over, or has had the time for that. */
  private gone(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.gate.clock.after(GOODBYE_MS, resolve, true);
      this.onOver = () => {
        cancel();
        resolve();
      };
    });
  }

  become(changes: Partial<SessionState>): void {
    const before = this.state.userId;
    this.state = Object.freeze({ ...this.state, ...changes });
    if (this.isIn && !this.isOver && before !== this.state.userId) this.gate.table.rename(this, before);
  }

  ended(reason: CloseReason): void {
    if (this.isOver) return;
    this.isOver = true;
    this.onOver?.();
    this.ownReceiver?.close(reason);
    this.gate.left(this);
    this.onLeft();
    if (!this.isIn) return;
    this.gate.table.remove(this);
    this.ownSubscriber?.leave();
    this.gate.follow(this.farewell(reason));
  }

  private async farewell(reason: CloseReason): Promise<void> {
    const { gate, will } = this;
    const keepMs = this.isKept && reason !== 'kicked' ? gate.options.keepMs : 0;
    const { sessionId } = this.state;
    // Tried again when the store is back: by then the client may be here again.
    if (!this.isTakenOver) await gate.background.insist('release a session', async () => gate.table.holder(sessionId) ?? gate.store.release(sessionId, gate.gateId, keepMs));
    if (will && reason !== 'client') await gate.tried('publish a will', async () => (await mayPublish(gate, this, will.topic)) && gate.publisher.publish(will));
    if (this.greeted) await this.greeted;
    await this.hooked('disconnected', () => gate.options.hooks?.disconnected?.(this.view(), reason));
  }

  failed(error: unknown): void {
    this.gate.logger.error('the agent of a client failed; its connection was closed', { session: this.state.sessionId, error });
  }

  private async hooked(name: string, run: () => unknown): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.gate.logger.error(`the gate hook ${name} failed`, { session: this.state.sessionId, error });
    }
  }
}
