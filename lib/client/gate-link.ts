import { GateError } from './gate-error.js';
import { webSocketClass, type WebSocketClass, type WebSocketLike } from './web-socket.js';

/** What a client is, in order; `waiting`: between two connections. @public */
export type ClientState = 'connecting' | 'connected' | 'waiting' | 'closed';

/** How to reach a gate. @public */
export interface ConnectOptions {
  /** `wss://gate.example/` */
  url: string;
  /** Kept over reconnects, so that the session goes on and nothing pushed with QoS 1 is lost. Store it to go on after a reload. @default a random one */
  clientId?: string;
  /** Or functions that give them anew for each connection, for tokens that end. */
  username?: string | (() => string | Promise<string>);
  password?: string | (() => string | Promise<string>);
  /** Where the platform has none: Node 20. */
  WebSocket?: WebSocketClass;
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
  /** The gate will never let this client in: no more tries. */
  onRefused(error: GateError): void;
}

const SUBPROTOCOL = 'anthill.json';
const FIRST_RETRY_MS = 100;
const PING_MS = 30_000;
/** Refusals that another try may overcome. */
const PASSING: ReadonlySet<string> = new Set(['unavailable']);
/** Close codes of the gate after which a client stays away: kicked, or its user came in elsewhere. */
const FINAL: ReadonlySet<number> = new Set([4003, 4009]);

/** One connection after another, for as long as the client wants to be connected. */
export class GateLink {
  state: ClientState = 'connecting';
  resumed = false;
  private socket: WebSocketLike | undefined;
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
    webSocketClass(options.WebSocket);
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
    if (this.state === 'connected') this.socket?.send(JSON.stringify(message));
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
    const Socket = webSocketClass(this.options.WebSocket);
    const socket = (this.socket = new Socket(this.options.url, SUBPROTOCOL));
    this.timer = setTimeout(() => this.lost(socket), this.options.connectTimeoutMs ?? 10_000);
    socket.onopen = () => socket.send(JSON.stringify({ connect }));
    socket.onmessage = ({ data }) => this.onData(socket, data);
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }) => {
      if (FINAL.has(code) && socket === this.socket) this.refused(`the gate ended the connection (${reason || code})`);
      else this.lost(socket);
    };
  }

  private onData(socket: WebSocketLike, data: unknown): void {
    if (socket !== this.socket) return;
    this.heardAt = Date.now();
    let message: Record<string, unknown>;
    try {
      message = JSON.parse(String(data)) as Record<string, unknown>;
    } catch {
      return this.lost(socket);
    }
    const { connected, refused } = message as { connected?: { resumed?: boolean }; refused?: string };
    if (connected !== undefined) return this.connected(connected.resumed === true);
    if (refused !== undefined) return PASSING.has(refused) ? this.lost(socket) : this.refused(`the gate does not let this client in: ${refused}`);
    this.events.onMessage(message);
  }

  private connected(resumed: boolean): void {
    clearTimeout(this.timer);
    this.tries = 0;
    this.resumed = resumed;
    this.become('connected');
    // A connection may die without a word: who hears nothing for two pings dials again.
    this.pinger = setInterval(() => {
      if (Date.now() - this.heardAt > PING_MS * 2.5) return this.lost(this.socket);
      this.send({ ping: 1 });
    }, PING_MS);
    (this.pinger as { unref?: () => void }).unref?.();
    this.events.onConnected(resumed);
  }

  private refused(message: string): void {
    this.close();
    this.events.onRefused(new GateError('refused', message));
  }

  private lost(socket: WebSocketLike | undefined): void {
    if (socket !== this.socket || this.state === 'closed') return;
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
    const { socket } = this;
    this.socket = undefined;
    if (socket) {
      socket.onmessage = socket.onclose = socket.onopen = null;
      socket.close();
    }
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
