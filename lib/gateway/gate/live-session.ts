import { messageOf } from '../../common/message-of.js';
import type { SessionState } from '../../common/session.js';
import { GateSession } from '../../rpc/gate-session.js';
import { type Admission, type AgentHost, type ClientHello, type ClientMessage, type GateAgent, type PushMessage, RefusedClient } from './agent.js';
import type { ByteConnection, CloseReason } from './connection.js';
import type { GateClient } from './gate-client.js';
import type { GateCore } from './gate-core.js';
import { Inbox } from './inbox.js';
import { KeptPushes } from './kept-pushes.js';
import { isFilter, isTopic } from './topic-filter.js';

const REFUSED = 0x80;

/** One client: its connection, what the gate knows of it, and what is under way for it. */
export class LiveSession implements AgentHost, GateClient {
  state: SessionState;
  agent!: GateAgent;
  isKept = false;
  subscriptions: Readonly<Record<string, 0 | 1 | 2>> = {};
  private readonly gone = new AbortController();
  private readonly inbox: Inbox<{ message: ClientMessage; done: () => void }>;
  private will: ClientHello['will'];
  private isIn = false;
  private isOver = false;
  private isResumed = false;
  private isTakenOver = false;
  private isLeaving = false;
  private readonly kept: KeptPushes;
  private greeted: Promise<void> = Promise.resolve();
  private beatAt = 0;

  constructor(
    private readonly gate: GateCore,
    readonly connection: ByteConnection,
    private readonly onLeft: () => void,
  ) {
    const { limits, ordering } = gate.options;
    const { network, remote } = connection;
    const ip = remote.port === undefined || network === 'websocket' ? remote.address : `${remote.address}:${remote.port}`;
    const [sessionId, traceId, spanId] = [gate.random.hex(8), gate.random.hex(8), gate.random.hex(8)];
    this.state = Object.freeze({ sessionId, serverId: gate.gateId, userId: '', ip, network, traceId, spanId, topic: '', settings: Object.freeze({}) });
    gate.entered(this);
    const rules = { ordered: ordering === 'connection', capacity: limits.inFlight, perSecond: limits.messagesPerSecond };
    this.inbox = new Inbox(rules, gate.clock, ({ message, done }) => this.handle(message, done), (on) => this.throttle(on));
    this.kept = new KeptPushes(gate.clock, (message, isFirst) => this.transmit(message, isFirst));
  }

  view(topic = ''): GateSession {
    return GateSession.of({ ...this.state, topic }, this.gate.link);
  }

  async admit(hello: ClientHello): Promise<Admission> {
    const { gate } = this;
    if (gate.isDraining) throw new RefusedClient('unavailable', 'the gate is stopping');
    if (hello.clientId === '' && !hello.clean) throw new RefusedClient('clientId', 'a session that is kept needs a client id');
    const identity = await gate.identify(hello, this.connection);
    const clientId = hello.clientId || `auto-${this.state.sessionId}`;
    const settings = { ...hello.settings, ...identity.settings };
    const wanted = { sessionId: this.state.sessionId, clientId, userId: '', settings, subscriptions: {} };
    const { session, resumed } = await gate.openSession(wanted, identity.userId ?? '', !hello.clean);
    if (this.isOver) {
      await gate.store.release(session.sessionId, gate.gateId, 0);
      throw new RefusedClient('unavailable', 'the client is gone already');
    }
    this.isKept = !hello.clean;
    this.isResumed = resumed;
    this.will = hello.will;
    this.state = Object.freeze({ ...this.state, sessionId: session.sessionId, userId: session.userId, settings: Object.freeze({ ...session.settings, ...settings }) });
    this.subscriptions = session.subscriptions;
    if (identity.userId) await this.bindFirst(identity.userId);
    this.isIn = true;
    gate.table.add(this);
    for (const [filter, qos] of Object.entries(session.subscriptions)) gate.topics.add(filter, this, qos);
    this.greeted = this.hooked('connected', () => gate.options.hooks?.connected?.(this.view()));
    return { sessionId: session.sessionId, resumed };
  }

  /** A user whom the gate refuses is not let in. */
  private async bindFirst(userId: string): Promise<void> {
    try {
      await this.gate.bind(this, userId);
    } catch (error) {
      await this.gate.tried('release a session', () => this.gate.store.release(this.state.sessionId, this.gate.gateId, 0));
      throw new RefusedClient('forbidden', messageOf(error));
    }
  }

  ready(): void {
    void this.replay();
  }

  private async replay(): Promise<void> {
    await this.greeted;
    try {
      this.kept.replay(this.isResumed ? await this.gate.store.unacknowledged(this.state.sessionId) : []);
    } catch (error) {
      this.gate.background.warn('replay pushes', { error });
      // With the next connection, then.
      this.close('lost');
    }
  }

  receive(message: ClientMessage, done: () => void): void {
    this.alive();
    if (this.inbox.offer({ message, done })) return;
    this.gate.count('gate.inbox_full');
    this.answer(message.topic, null, 'the work queue is full!');
    done();
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
    const { sessionId } = this.state;
    void this.gate.background.insist('acknowledge', () => this.gate.store.acknowledge(sessionId, id));
    this.kept.send();
  }

  async subscribe(subscriptions: readonly { readonly filter: string; readonly qos: 0 | 1 | 2 }[]): Promise<readonly number[]> {
    const granted: number[] = [];
    for (const { filter, qos } of subscriptions) granted.push((await this.maySubscribe(filter)) ? qos : REFUSED);
    const taken = subscriptions.filter((_, i) => granted[i] !== REFUSED);
    this.subscriptions = { ...this.subscriptions, ...Object.fromEntries(taken.map(({ filter, qos }) => [filter, qos])) };
    for (const { filter, qos } of taken) this.gate.topics.add(filter, this, qos);
    if (this.isKept) await this.gate.store.save(this.state.sessionId, { subscriptions: this.subscriptions });
    void this.gate.sendRetained(this, taken);
    return granted;
  }

  async unsubscribe(filters: readonly string[]): Promise<void> {
    const left = { ...this.subscriptions };
    for (const filter of filters) {
      delete left[filter];
      this.gate.topics.remove(filter, this);
    }
    this.subscriptions = left;
    if (this.isKept) await this.gate.store.save(this.state.sessionId, { subscriptions: left });
  }

  private async maySubscribe(filter: string): Promise<boolean> {
    if (!isFilter(filter)) return false;
    try {
      return (await this.gate.options.hooks?.maySubscribe?.(this.view(), filter)) ?? true;
    } catch (error) {
      this.gate.logger.error('the gate hook maySubscribe failed; refused', { filter, error });
      return false;
    }
  }

  private async handle({ topic, body, qos, retain }: ClientMessage, done: () => void): Promise<void> {
    try {
      // What the hook learns of a client comes before the client's first message.
      await this.greeted;
      const routed = await this.gate.route(this.view(topic), topic, body, this.gone.signal);
      if (routed.kind === 'reply') this.answer(topic, routed.result, '');
      else if (routed.kind === 'error') this.answer(topic, null, routed.error);
      else if (routed.kind === 'publish') await this.publish({ topic, body, qos, retain });
    } catch (error) {
      this.gate.logger.error('a message of a client failed', { topic: topic.slice(0, 200), session: this.state.sessionId, error });
      this.answer(topic, null, 'internal error');
    } finally {
      done();
    }
  }

  private async publish(message: ClientMessage): Promise<void> {
    if (!isTopic(message.topic) || message.topic.startsWith('$')) return this.gate.count('gate.topic_refused');
    if (!((await this.gate.options.hooks?.mayPublish?.(this.view(message.topic), message.topic)) ?? true)) return this.gate.count('gate.publish_refused');
    await this.gate.publish(message);
  }

  private answer(topic: string, result: unknown, error: string): void {
    let body: Uint8Array;
    try {
      body = this.gate.envelope(this.state, result, error);
    } catch (cause) {
      this.gate.logger.error('a reply cannot be written', { topic, error: cause });
      body = this.gate.envelope(this.state, null, 'the result cannot be written');
    }
    this.push({ topic, body, qos: 0 });
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
    const body = this.gate.outgoing(this, message);
    if (body === undefined) return 'dropped';
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
    this.isLeaving = true;
    this.agent.pause();
    await this.inbox.idle();
    this.close('drain');
  }

  become(changes: Partial<SessionState>): void {
    const before = this.state.userId;
    this.state = Object.freeze({ ...this.state, ...changes });
    if (this.isIn && before !== this.state.userId) this.gate.table.rename(this, before);
  }

  ended(reason: CloseReason): void {
    if (this.isOver) return;
    this.isOver = true;
    this.inbox.close();
    this.gone.abort(new Error(`the client is gone (${reason})`));
    this.gate.left(this);
    this.onLeft();
    if (!this.isIn) return;
    this.gate.table.remove(this);
    for (const filter of Object.keys(this.subscriptions)) this.gate.topics.remove(filter, this);
    this.gate.follow(this.farewell(reason));
  }

  private async farewell(reason: CloseReason): Promise<void> {
    const { gate, will } = this;
    const keepMs = this.isKept && reason !== 'kicked' ? gate.options.keepMs : 0;
    const { sessionId } = this.state;
    // Tried again when the store is back: by then the client may be here again.
    if (!this.isTakenOver) await gate.background.insist('release a session', async () => gate.table.get(sessionId) ?? gate.store.release(sessionId, gate.gateId, keepMs));
    if (will && reason !== 'client') await gate.tried('publish a will', () => gate.publish(will));
    await this.greeted;
    await this.hooked('disconnected', () => gate.options.hooks?.disconnected?.(this.view(), reason));
  }

  private async hooked(name: string, run: () => unknown): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.gate.logger.error(`the gate hook ${name} failed`, { session: this.state.sessionId, error });
    }
  }
}
