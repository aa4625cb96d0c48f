import type { Channel, ClientTransport } from './channel.js';
import { GateError } from './gate-error.js';
import { type WebSocketClass, webSockets } from './web-socket.js';

/** What a client is, in order; `waiting`: between two connections. @public */
export type ClientState = 'connecting' | 'connected' | 'waiting' | 'closed';

/** How to reach a gate. @public */
export interface ConnectOptions {
  /** `wss://gate.example/`; with `tcp()`, `mqtts://gate.example:8883`. */
  url: string;
  /** Kept over reconnects, so that the session goes on and nothing pushed with QoS 1 is lost. Store it to go on after a reload. @default a random one */
  clientId?: string;
  /** Or functions that give them anew for each connection, for tokens that end. */
  username?: string | (() => string | Promise<string>);
  password?: string | (() => string | Promise<string>);
  /** Where the platform has none: Node 20. */
  WebSocket?: WebSocketClass;
  /** How to reach the gate: `tcp()` of `anthill/client/tcp`, in Node. @default WebSockets */
  transport?: ClientTransport;
  /** Longest wait between two tries, in milliseconds; the first waits for a tenth of a second at most. @default 10000 */
  maxRetryMs?: number;
  /** How long a connection may take, in milliseconds. @default 10000 */
  connectTimeoutMs?: number;
  /** Told of each change. */
  onState?: (state: ClientState) => void;
}

/** What the link tells of. */
export interface LinkEvents {
  onConnected(resumed: boolean): void;
  onMessage(message: Record<string, unknown>): void;
  onLost(): void;
  /** The gate stops: finish, then {@link GateLink.move}. */
  onGoing(): void;
  /** The gate will never let this client in: no more tries. */
  onRefused(error: GateError): void;
}

const FIRST_RETRY_MS = 100;
const PING_MS = 30_000;
/** Refusals that another try may overcome. */
const PASSING: ReadonlySet<string> = new Set(['unavailable']);
/** A connection that lasted less was none: who is let in and thrown out again waits longer each time. */
const STABLE_MS = 5000;

/** One connection after another, for as long as the client wants to be connected. */
export class GateLink {
  state: ClientState = 'connecting';
  resumed = false;
  private channel: Channel | undefined;
  private readonly transport: ClientTransport;
  private connectedAt = 0;
  private tries = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private pinger: ReturnType<typeof setInterval> | undefined;
  private heardAt = 0;
  readonly clientId: string;

  constructor(
    private readonly options: ConnectOptions,
    private readonly events: LinkEvents,
  ) {
    this.clientId = options.clientId ?? randomId();
    // Found missing at once, not at the first try.
    this.transport = options.transport ?? webSockets(options.WebSocket);
    this.transport.check();
  }

  open(): void {
    this.become('connecting');
    let hello: Promise<object>;
    try {
      hello = this.hello();
    } catch (error) {
      hello = Promise.reject(error as Error);
    }
    hello.then((connect) => this.dial(connect), () => this.retry());
  }

  send(message: object): void {
    if (this.state === 'connected') this.channel?.send(message);
  }

  close(): void {
    this.become('closed');
    this.drop();
  }

  private async hello(): Promise<object> {
    const { username, password } = this.options;
    const [name, secret] = [await valueOf(username), await valueOf(password)];
    return { clientId: this.clientId, clean: false, ...(name !== undefined && { username: name }), ...(secret !== undefined && { password: secret }) };
  }

  private dial(connect: object): void {
    if (this.state !== 'connecting') return;
    let channel: Channel | undefined;
    // What an earlier connection still tells is of no interest.
    const isCurrent = (): boolean => channel !== undefined && channel === this.channel;
    try {
      channel = this.channel = this.transport.open(this.options.url, {
        onOpen: () => isCurrent() && this.greet(connect),
        onMessage: (message) => isCurrent() && this.onMessage(message),
        onEnd: (final) => {
          if (!isCurrent()) return;
          if (final === undefined) this.lost();
          else this.refused(`the gate ended the connection (${final})`);
        },
      });
    } catch (error) {
      // No URL of this transport's: no later try will help.
      return this.refused(`no connection to ${this.options.url}: ${String(error)}`);
    }
    this.timer = setTimeout(() => this.lost(), this.options.connectTimeoutMs ?? 10_000);
  }

  private greet(connect: object): void {
    try {
      this.channel?.send({ connect });
    } catch (error) {
      this.refused(`the gate cannot be told who this is: ${String(error)}`);
    }
  }

  private onMessage(message: Record<string, unknown>): void {
    this.heardAt = Date.now();
    const { connected, refused } = message as { connected?: { resumed?: boolean }; refused?: string };
    if (connected !== undefined) return this.connected(connected.resumed === true);
    if (refused !== undefined) return PASSING.has(refused) ? this.lost() : this.refused(`the gate does not let this client in: ${refused}`);
    if (message['going'] !== undefined) return this.events.onGoing();
    this.events.onMessage(message);
  }

  private connected(resumed: boolean): void {
    clearTimeout(this.timer);
    this.connectedAt = Date.now();
    this.resumed = resumed;
    this.become('connected');
    // A connection may die without a word: who hears nothing for two pings dials again.
    this.pinger = setInterval(() => {
      if (Date.now() - this.heardAt > PING_MS * 2.5) return this.lost();
      this.send({ ping: 1 });
    }, PING_MS);
    (this.pinger as { unref?: () => void }).unref?.();
    this.events.onConnected(resumed);
  }

  private refused(message: string): void {
    this.close();
    this.events.onRefused(new GateError('refused', message));
  }

  /** To another connection. */
  move(): void {
    this.lost();
  }

  private lost(): void {
    if (this.state === 'closed') return;
    if (this.state === 'connected' && Date.now() - this.connectedAt >= STABLE_MS) this.tries = 0;
    this.drop();
    this.events.onLost();
    this.retry();
  }

  /** Later and later, and not at the same moment as all others. */
  private retry(): void {
    if (this.state === 'closed') return;
    this.become('waiting');
    const longest = Math.min(this.options.maxRetryMs ?? 10_000, FIRST_RETRY_MS * 2 ** this.tries++);
    this.timer = setTimeout(() => this.open(), longest * (0.5 + Math.random() / 2));
  }

  private drop(): void {
    clearTimeout(this.timer);
    clearInterval(this.pinger);
    const { channel } = this;
    this.channel = undefined;
    channel?.close();
  }

  private become(state: ClientState): void {
    if (this.state === state) return;
    this.state = state;
    this.options.onState?.(state);
  }
}

async function valueOf(value: string | (() => string | Promise<string>) | undefined): Promise<string | undefined> {
  return typeof value === 'function' ? value() : value;
}

function randomId(): string {
  const bytes = (globalThis as unknown as { crypto: { getRandomValues(into: Uint8Array): Uint8Array } }).crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
