import type { Clock } from '../../../common/clock.js';
import { type AgentHost, type AgentSettings, type PushMessage, RefusedClient } from '../agent.js';
import { ConnectionAgent } from '../connection-agent.js';
import type { ByteConnection } from '../connection.js';
import type { LastEncoded } from '../last-encoded.js';

/*
 * JSON over WebSocket (subprotocol `anthill.json`), for those who want no MQTT. Each message is one object:
 *   client: { connect: { clientId?, username?, password?, clean? } } first, then { topic, body?, qos?, id? }, { subscribe: [filter], id }, { unsubscribe: [filter], id },
 *           { ack: pushId }, { ping: 1 }
 *   gate:   { connected: { sessionId, resumed } } or { refused: reason }, { topic, body, id?, dup? }, { done: id, granted? }, { pong: 1 }, { going: 1 } when it stops
 * A body is any JSON; bytes that are none are { base64 }.
 */

/** What a client may say. */
interface Incoming {
  readonly connect?: { readonly clientId?: unknown; readonly username?: unknown; readonly password?: unknown; readonly clean?: unknown };
  readonly topic?: unknown;
  readonly body?: unknown;
  readonly qos?: unknown;
  readonly retain?: unknown;
  readonly id?: unknown;
  readonly subscribe?: unknown;
  readonly unsubscribe?: unknown;
  readonly ack?: unknown;
  readonly ping?: unknown;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
const NOTHING = (): void => {};
/** Clients of this protocol are asked to ping; browsers cannot see WebSocket pings. */
const IDLE_MS = 90_000;

/** The JSON protocol with one client. */
export class JsonAgent extends ConnectionAgent {
  constructor(
    connection: ByteConnection,
    host: AgentHost,
    settings: AgentSettings,
    clock: Clock,
    private readonly pushes: LastEncoded,
  ) {
    super(connection, host, settings, clock);
  }

  goodbye(): boolean {
    if (this.stage !== 'open') return false;
    this.send({ going: 1 });
    return true;
  }

  push(message: PushMessage): void {
    // Of a client that spoke MQTT before, and has it.
    if (message.isReceived) return this.host.acknowledged(message.id!);
    if (this.stage === 'open') this.connection.write(this.pushes.of(message));
  }

  protected override onData(chunk: Uint8Array): void {
    if (chunk.length > this.settings.maxPacketBytes) return this.close('limit');
    let message: unknown;
    try {
      message = JSON.parse(utf8.decode(chunk));
    } catch {
      return this.close('protocol');
    }
    if (typeof message !== 'object' || message === null || Array.isArray(message)) return this.close('protocol');
    this.seen();
    if (this.stage === 'new') return void this.onConnect(message as Incoming);
    if (this.stage === 'admitting') return this.close('protocol');
    this.onOpen(message as Incoming);
  }

  private async onConnect({ connect }: Incoming): Promise<void> {
    if (typeof connect !== 'object' || connect === null) return this.close('protocol');
    this.stage = 'admitting';
    const { clientId, username, password, clean } = connect;
    const hello = {
      clientId: typeof clientId === 'string' ? clientId : '',
      clean: clean !== false,
      ...(typeof username === 'string' && { username }),
      ...(typeof password === 'string' && { password: Buffer.from(password) }),
    };
    try {
      const { sessionId, resumed } = await this.host.admit(hello);
      if (this.isOver) return;
      this.opened(Math.min(IDLE_MS, this.settings.idleTimeoutMs));
      this.send({ connected: { sessionId, resumed } });
      this.host.ready();
    } catch (error) {
      if (this.isOver) return;
      this.send({ refused: error instanceof RefusedClient ? error.refusal : 'unavailable' });
      this.close('refused');
    }
  }

  private onOpen(message: Incoming): void {
    const { topic, ping, ack, subscribe, unsubscribe, id } = message;
    if (typeof topic === 'string') return this.onTopic(topic, message);
    if (ping !== undefined) {
      this.host.alive();
      return this.send({ pong: 1 });
    }
    if (typeof ack === 'number') return this.host.acknowledged(ack);
    if (isTexts(subscribe)) {
      const wanted = subscribe.map((filter) => ({ filter, qos: 1 as const }));
      return void this.host.subscribe(wanted).then((granted) => this.send({ done: id ?? null, granted }), () => this.close('lost'));
    }
    if (isTexts(unsubscribe)) return void this.host.unsubscribe(unsubscribe).then(() => this.send({ done: id ?? null }), () => this.close('lost'));
    this.close('protocol');
  }

  private onTopic(topic: string, { body, qos, retain, id }: Incoming): void {
    let bytes: Uint8Array;
    try {
      bytes = bytesOf(body);
    } catch {
      // What can be read cannot always be written: brackets by the ten thousand need a stack of as many calls.
      return this.close('protocol');
    }
    const message = { topic, body: bytes, qos: qos === 1 ? 1 : 0, retain: retain === true } as const;
    this.host.receive(message, message.qos === 1 ? () => this.send({ done: id ?? null }) : NOTHING);
  }

  private send(message: object): void {
    this.reply(Buffer.from(JSON.stringify(message)));
  }
}

/** A push as the client gets it. */
export function pushText({ topic, body, id, dup }: PushMessage): Uint8Array {
  return Buffer.from(`{"topic":${JSON.stringify(topic)},"body":${jsonOf(body)}${id === undefined ? '' : `,"id":${id}`}${dup ? ',"dup":true' : ''}}`);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.length <= 100 && value.every((item) => typeof item === 'string');
}

function bytesOf(body: unknown): Uint8Array {
  if (body === undefined) return new Uint8Array(0);
  const base64 = typeof body === 'object' && body !== null && Object.keys(body).length === 1 ? (body as { base64?: unknown }).base64 : undefined;
  return typeof base64 === 'string' ? Buffer.from(base64, 'base64') : Buffer.from(JSON.stringify(body));
}

/** JSON as it is: a body that was sent as JSON is not parsed and written again. */
function jsonOf(body: Uint8Array): string {
  try {
    const text = utf8.decode(body);
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify({ base64: Buffer.from(body).toString('base64') });
  }
}
