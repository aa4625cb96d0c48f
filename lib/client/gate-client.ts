import { GateError } from './gate-error.js';
import { type ClientState, type ConnectOptions, GateLink } from './gate-link.js';
import { type GateService, type MethodSchemas, type RequestOptions, type SchemaService, type ServiceMap, serviceOf } from './service.js';
import { type TopicListener, TopicListeners } from './topic-listeners.js';

interface Waiting {
  readonly topic: string;
  readonly body: unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: GateError) => void;
  readonly timer: ReturnType<typeof setTimeout>;
  isSent: boolean;
}

/** Topic filters that the gate takes in one message. */
const FILTERS_AT_ONCE = 100;
/** Ids of pushes that are remembered, to drop their repeats. */
const REMEMBERED = 1000;

/**
 * A client of a gate: requests, pushes, and a session that goes on when the connection is lost. Made by {@link connect}.
 * @public
 */
export class GateClient {
  private readonly link: GateLink;
  private readonly listeners = new TopicListeners();
  private readonly waiting = new Map<string, Waiting>();
  private readonly subscriptions = new Set<string>();
  private readonly seen = new Set<number>();
  private readonly unconfirmed: object[] = [];
  private lastId = 0;
  private isGoing = false;
  private settle: { resolve: () => void; reject: (error: GateError) => void } | undefined;

  /** @internal */
  readonly opened: Promise<void>;

  /** @internal */
  constructor(options: ConnectOptions) {
    this.link = new GateLink(options, {
      onConnected: (resumed) => this.onConnected(resumed),
      onMessage: (message) => this.onMessage(message),
      onLost: () => this.onLost(),
      onGoing: () => {
        this.isGoing = true;
        this.goWhenDone();
      },
      onRefused: (error) => this.end(error),
    });
    this.opened = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
    this.link.open();
  }

  get state(): ClientState {
    return this.link.state;
  }

  /**
   * The session that the client had goes on. False: it is a new one, for the client came for the first time, was away for longer than the gate keeps sessions (`keepMs`), or the gates have lost it:
   * then pushes of QoS 1 may be missing, and groups and logins are to be entered again. Changes before `onState('connected')` is called.
   */
  get resumed(): boolean {
    return this.link.resumed;
  }

  /** Keep it, and give it to `connect` after a reload: the session goes on. */
  get clientId(): string {
    return this.link.clientId;
  }

  /**
   * Calls a handler: `request('chat/HD_say', { text: 'hi' })`. Between two connections it waits for the next one; a request that was under way when the connection was lost fails,
   * for nobody knows whether it ran.
   * @throws GateError
   */
  request<T = unknown>(target: string, body: unknown = {}, { timeoutMs = 10_000 }: RequestOptions = {}): Promise<T> {
    if (this.state === 'closed') return Promise.reject(new GateError('closed', 'this client was closed'));
    const topic = `${target}/${++this.lastId}`;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => this.fail(topic, new GateError('timeout', `no answer to ${target} within ${timeoutMs} ms`)), timeoutMs);
      this.waiting.set(topic, { topic, body, resolve: resolve as (value: unknown) => void, reject, timer, isSent: false });
      this.flush();
    });
  }

  /** Calls a handler without an answer, or publishes to who subscribed. Between two connections it is lost. */
  publish(topic: string, body: unknown = {}): void {
    this.link.send({ topic, body });
  }

  /** Listens to pushes. `+` stands for one level of a topic, `#` at the end for all that follow. @returns the function that ends it */
  on(topic: string, listener: TopicListener): () => void {
    return this.listeners.add(topic, listener);
  }

  /** Asks the gate for what others publish; again after each reconnect that begins a new session. */
  subscribe(...filters: string[]): void {
    for (const filter of filters) this.subscriptions.add(filter);
    this.ask('subscribe', filters);
  }

  unsubscribe(...filters: string[]): void {
    for (const filter of filters) this.subscriptions.delete(filter);
    this.ask('unsubscribe', filters);
  }

  /**
   * A service, typed by its class (import it as a type): `const chat = client.service<Chat>()('chat', { say: 'HD_say' }); await chat.say({ text: 'hi' })`. Or by schemas of zod, valibot and
   * the like, which are checked as well: `client.service('chat', { say: { path: 'HD_say', body: z.object({ text: z.string() }), reply: z.string() } })`.
   */
  service<T>(): <const M extends ServiceMap<T>>(type: string, methods: M) => GateService<T, M>;
  service<const S extends Readonly<Record<string, MethodSchemas>>>(type: string, methods: S): SchemaService<S>;
  service(type?: string, methods?: Readonly<Record<string, MethodSchemas>>): unknown {
    const make = (name: string, all: Readonly<Record<string, string | MethodSchemas>>): object => serviceOf((target, body, options) => this.request(target, body, options), name, all);
    return type === undefined ? make : make(type, methods!);
  }

  close(): void {
    this.link.close();
    this.end(new GateError('closed', 'this client was closed'));
  }

  /** Kept until the gate has confirmed it, for the connection may end before. */
  private ask(what: 'subscribe' | 'unsubscribe', filters: readonly string[]): void {
    for (let i = 0; i < filters.length; i += FILTERS_AT_ONCE) {
      const message = { [what]: filters.slice(i, i + FILTERS_AT_ONCE), id: 0 };
      this.unconfirmed.push(message);
      this.link.send(message);
    }
  }

  private onConnected(resumed: boolean): void {
    const unconfirmed = this.unconfirmed.splice(0);
    if (resumed) {
      this.unconfirmed.push(...unconfirmed);
      for (const message of unconfirmed) this.link.send(message);
    } else {
      // Another session numbers its pushes anew.
      this.seen.clear();
      this.ask('subscribe', [...this.subscriptions]);
    }
    this.settle?.resolve();
    this.flush();
  }

  private flush(): void {
    if (this.state !== 'connected' || this.isGoing) return;
    for (const entry of this.waiting.values()) {
      if (entry.isSent) continue;
      entry.isSent = true;
      this.link.send({ topic: entry.topic, body: entry.body });
    }
  }

  private onMessage(message: Record<string, unknown>): void {
    const { topic, body, id } = message;
    // The gate confirms in order.
    if ('done' in message) return void this.unconfirmed.shift();
    if (typeof topic !== 'string') return;
    const entry = this.waiting.get(topic);
    if (entry !== undefined) return this.answered(entry, body as { Error?: string; Result?: unknown } | null);
    if (typeof id === 'number') {
      // A number comes again for another push only after 65534 others.
      const isRepeat = this.seen.has(id);
      this.remember(id);
      this.link.send({ ack: id });
      if (isRepeat) return;
    }
    for (const error of this.listeners.tell(topic, body)) queueMicrotask(() => {
      throw error;
    });
  }

  private answered(entry: Waiting, body: { Error?: string; Result?: unknown } | null): void {
    this.waiting.delete(entry.topic);
    clearTimeout(entry.timer);
    const error = body?.Error;
    if (typeof error === 'string' && error !== '') entry.reject(new GateError('failed', error));
    else entry.resolve(body !== null && typeof body === 'object' && 'Result' in body ? body.Result : body);
    this.goWhenDone();
  }

  /** A gate that stops is left when it has answered everything: so nothing is lost, and what comes meanwhile waits for the next one. */
  private goWhenDone(): void {
    if (this.isGoing && ![...this.waiting.values()].some(({ isSent }) => isSent)) this.link.move();
  }

  private remember(id: number): void {
    this.seen.delete(id);
    this.seen.add(id);
    if (this.seen.size > REMEMBERED) this.seen.delete(this.seen.values().next().value!);
  }

  private onLost(): void {
    this.isGoing = false;
    for (const [topic, { isSent }] of [...this.waiting]) {
      if (isSent) this.fail(topic, new GateError('closed', 'the connection was lost before the answer came; the request may have run'));
    }
  }

  private fail(topic: string, error: GateError): void {
    const entry = this.waiting.get(topic);
    if (entry === undefined) return;
    this.waiting.delete(topic);
    clearTimeout(entry.timer);
    entry.reject(error);
    this.goWhenDone();
  }

  private end(error: GateError): void {
    this.settle?.reject(error);
    for (const topic of [...this.waiting.keys()]) this.fail(topic, error);
  }
}

/**
 * Connects to a gate and resolves when it has let the client in. Later losses are repaired by themselves, as a gate that is away at first is waited for.
 * @throws GateError when the gate refuses this client
 * @public
 */
export async function connect(options: ConnectOptions): Promise<GateClient> {
  const client = new GateClient(options);
  await client.opened;
  return client;
}
