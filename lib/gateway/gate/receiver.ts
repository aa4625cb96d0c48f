import type { ClientMessage } from './agent.js';
import type { GateClient } from './gate-client.js';
import type { GateCore } from './gate-core.js';
import { Inbox } from './inbox.js';
import type { RouteContext, Routed } from './route.js';
import { isTopic, levelsOf } from './topic-filter.js';

/** Messages of QoS 2 that a session has not released. */
const MAX_UNRELEASED = 1000;

interface Incoming {
  readonly message: ClientMessage;
  readonly done: () => void;
}

/** What one client sends: in order, bounded, each message of QoS 2 once. */
export class Receiver {
  /** Made for the first message that wants to know: most connections are silent. */
  private gone: AbortController | undefined;
  private goneBy: string | undefined;
  private context: RouteContext | undefined;
  private readonly inbox: Inbox<Incoming>;

  constructor(
    private readonly gate: GateCore,
    private readonly client: GateClient,
    throttle: (on: boolean) => void,
  ) {
    const { limits, ordering } = gate.options;
    this.inbox = new Inbox({ laneOf: ordering === 'none' ? undefined : ({ message }) => this.laneOf(message.topic), capacity: limits.inFlight, perSecond: limits.messagesPerSecond }, gate.clock, (incoming) => this.handle(incoming), throttle);
  }

  receive(message: ClientMessage, done: () => void): void {
    // What is confirmed must not be dropped: such a client is read slower instead.
    if (this.inbox.offer({ message, done }, message.qos > 0)) return;
    this.gate.count('gate.inbox_full');
    this.answer(message.topic, null, 'the work queue is full!');
    done();
  }

  /** Something else came that costs as much as a message. */
  spend(): void {
    this.inbox.spend();
  }

  /** The client will not send this message of QoS 2 again. */
  async released(id: number): Promise<void> {
    if (this.client.isKept) await this.gate.store.released(this.client.state.sessionId, id);
  }

  idle(): Promise<void> {
    return this.inbox.idle();
  }

  close(reason: string): void {
    this.goneBy = reason;
    this.inbox.close();
    this.gone?.abort(goneError(reason));
  }

  /** Aborts when the client is gone. */
  get signal(): AbortSignal {
    if (this.gone === undefined) {
      this.gone = new AbortController();
      if (this.goneBy !== undefined) this.gone.abort(goneError(this.goneBy));
      else this.gate.rpc.keepListening(this.gone.signal);
    }
    return this.gone.signal;
  }

  private laneOf(topic: string): string {
    const { ordering } = this.gate.options;
    if (typeof ordering !== 'function') return '';
    try {
      return String(ordering(topic));
    } catch (error) {
      this.gate.logger.error('the gate option ordering failed; in one lane with others of that kind', { topic: topic.slice(0, 200), error });
      return '';
    }
  }

  /** Without a promise of its own where it can be: one is handled for each request. */
  private handle({ message, done }: Incoming): Promise<void> | undefined {
    const isOnce = message.qos === 2 && message.id !== undefined && this.client.isKept;
    try {
      const work = this.client.greeted || isOnce ? this.handleLater(message, isOnce) : this.route(message, (this.context ??= this.gate.contextOf(this)));
      if (work !== undefined) return work.then(() => this.handled(message, done), (error: unknown) => this.broken(message, error));
    } catch (error) {
      return void this.broken(message, error);
    }
    this.handled(message, done);
    return undefined;
  }

  private handled(message: ClientMessage, done: () => void): void {
    try {
      done();
    } catch (error) {
      this.broken(message, error);
    }
  }

  private broken(message: ClientMessage, error: unknown): void {
    this.gate.background.warn('handle a message of a client', { error });
    // Not confirmed: the client comes again, and sends it again.
    if (message.qos > 0) this.client.close('lost');
  }

  private async handleLater(message: ClientMessage, isOnce: boolean): Promise<void> {
    // What the app's hook learns of a client comes before the client's first message.
    if (this.client.greeted) await this.client.greeted;
    if (isOnce) await this.handleOnce(message, message.id!);
    else await this.route(message, (this.context ??= this.gate.contextOf(this)));
  }

  private async handleOnce(message: ClientMessage, id: number): Promise<void> {
    const { store, gateId, background } = this.gate;
    const { sessionId } = this.client.state;
    const found = await store.receiving(sessionId, id, gateId, MAX_UNRELEASED);
    if (found === 'full') this.client.close('limit');
    if (found !== 'new') return;
    try {
      // Goes on when the client is gone: its next connection will not have it handled again.
      await this.route(message, this.gate.contextOf(new AbortController()));
    } catch (error) {
      await background.insist('take a message back', () => store.released(sessionId, id));
      throw error;
    }
    await store.received(sessionId, id);
  }

  /** Rejects with what keeps a message from subscribers; what a route throws is answered. */
  private route(message: ClientMessage, context: RouteContext): Promise<void> | undefined {
    const { topic, body } = message;
    try {
      const routed = this.gate.route(this.client.view(topic), topic, body, context);
      if ('kind' in routed) return this.follow(message, routed);
      return routed.then(
        (late) => this.follow(message, late),
        (error: unknown) => this.failed(topic, error),
      );
    } catch (error) {
      this.failed(topic, error);
      return undefined;
    }
  }

  private failed(topic: string, error: unknown): void {
    this.gate.logger.error('a message of a client failed', { topic: topic.slice(0, 200), session: this.client.state.sessionId, error });
    this.answer(topic, null, 'internal error');
  }

  private follow(message: ClientMessage, routed: Routed): Promise<void> | undefined {
    if (routed.kind === 'publish') return this.publish(message);
    if (routed.kind === 'reply') this.answer(message.topic, routed.result, '');
    else if (routed.kind === 'error') this.answer(message.topic, null, routed.error);
    return undefined;
  }

  private async publish(message: ClientMessage): Promise<void> {
    if (await mayPublish(this.gate, this.client, message.topic)) await this.gate.publisher.publish(message);
  }

  private answer(topic: string, result: unknown, error: string): void {
    const { gate, client } = this;
    let body: Uint8Array;
    try {
      body = gate.envelope(client.state, result, error);
    } catch (cause) {
      gate.logger.error('a reply cannot be written', { topic, error: cause });
      body = gate.envelope(client.state, null, 'the result cannot be written');
    }
    client.push({ topic, body, qos: 0 });
  }
}

function goneError(reason: string): Error {
  return new Error(`the client is gone (${reason})`);
}

/** May the client publish, or have its will published, to subscribers of the topic? */
export async function mayPublish(gate: GateCore, client: GateClient, topic: string): Promise<boolean> {
  const { limits, hooks } = gate.options;
  const isPossible = isTopic(topic) && !topic.startsWith('$') && topic.length <= limits.topicLength && levelsOf(topic) <= limits.topicLevels;
  if (!isPossible) gate.count('gate.topic_refused');
  if (!isPossible) return false;
  const may = (await hooks?.mayPublish?.(client.view(topic), topic)) ?? true;
  if (!may) gate.count('gate.publish_refused');
  return may;
}
