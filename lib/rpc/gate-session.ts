import { rpcError } from '../common/error-catalog.js';
import { messageOf } from '../common/message-of.js';
import type { RpcError } from '../common/rpc-error.js';
import type { MessageBody, SessionLink, SessionState } from '../common/session.js';
import type { Marshaler } from '../common/value-types.js';
import { decodeSession, encodeSession } from './session-bytes.js';

const NOBODY: SessionState = Object.freeze({ sessionId: '', serverId: '', userId: '', ip: '', network: '', traceId: '', spanId: '', topic: '', settings: Object.freeze({}) });

/**
 * One client connection of a gate, as handlers get it with `@Session()`. It is a copy of what the gate knew when it passed the message on; `bind`, `set` and
 * their like change it at the gate and then here. Works in any process: calls go to the gate that holds the connection. On the wires it is mqant's SESSION.
 * @public
 */
export class GateSession implements Marshaler {
  /** Keeps this parameter out of `Client<T>`. */
  declare readonly __anthillInjected: true;
  private state: SessionState = NOBODY;
  /** @internal */ link: SessionLink | undefined;

  /** @internal @param topic of the message that it goes with */
  static of(state: SessionState, link?: SessionLink, topic = state.topic): GateSession {
    const session = new GateSession();
    const { sessionId, serverId, userId, ip, network, traceId, spanId, guest } = state;
    const settings = Object.isFrozen(state.settings) ? state.settings : Object.freeze({ ...state.settings });
    // Written out: a copy that is spread and frozen gets a hidden class of its own, and one is made for each message of a client.
    const copy: SessionState = { sessionId, serverId, userId, ip, network, traceId, spanId, topic, settings };
    session.state = Object.freeze(guest === undefined ? copy : { ...copy, guest });
    session.link = link;
    return session;
  }

  /** @internal As the wires would have made it: what changes one of the two changes nothing of the other. */
  copy(): GateSession {
    const session = new GateSession();
    session.state = this.state;
    return session;
  }

  /** 16 hex characters. */
  get sessionId(): string {
    return this.state.sessionId;
  }

  /** Node of the gate that holds the connection: `type@id`. */
  get serverId(): string {
    return this.state.serverId;
  }

  /** Empty for guests. */
  get userId(): string {
    return this.state.userId;
  }

  /** Without user; a gate may have another rule. */
  get isGuest(): boolean {
    return this.state.guest ?? this.state.userId === '';
  }

  /** `ip:port`, or only the address for WebSockets. */
  get ip(): string {
    return this.state.ip;
  }

  /** `tcp` or `websocket`. */
  get network(): string {
    return this.state.network;
  }

  get traceId(): string {
    return this.state.traceId;
  }

  get spanId(): string {
    return this.state.spanId;
  }

  /** Topic of the message being handled; empty outside of one. */
  get topic(): string {
    return this.state.topic;
  }

  /** All settings of the session. Null-prototype or frozen: not to be written to. */
  get settings(): Readonly<Record<string, string>> {
    return this.state.settings;
  }

  /** One setting; undefined when there is none. */
  get(key: string): string | undefined {
    return Object.hasOwn(this.state.settings, key) ? this.state.settings[key] : undefined;
  }

  /** Reads the gate's state again. @throws RpcError SESSION_NOT_FOUND when the client is gone */
  async update(): Promise<void> {
    await this.change('Update', []);
  }

  /** Says who the client is. The gate merges what its storage knows of the user. */
  async bind(userId: string): Promise<void> {
    await this.change('Bind', [userId]);
  }

  async unbind(): Promise<void> {
    await this.change('UnBind', []);
  }

  /** One setting, at the gate and here. */
  async set(key: string, value: string): Promise<void> {
    await this.change('Set', [key, value]);
  }

  /** Several settings; given keys win. */
  async setBatch(settings: Readonly<Record<string, string>>): Promise<void> {
    await this.change('Push', [settings]);
  }

  /** Writes all settings that this copy has to the gate (mqant's Push). */
  async push(): Promise<void> {
    await this.change('Push', [{ ...this.state.settings }]);
  }

  async remove(key: string): Promise<void> {
    await this.change('Remove', [key]);
  }

  /** Sends a message to the client; resolves when the gate has taken it. @throws RpcError SESSION_NOT_FOUND */
  async send(topic: string, body: MessageBody): Promise<void> {
    await this.ask('Send', [topic, bodyBytes(body)]);
  }

  /** The same without waiting for the gate: what comes of it stays unknown. */
  async sendNR(topic: string, body: MessageBody): Promise<void> {
    await this.reach().call(this.state, 'Send', [topic, bodyBytes(body)], true);
  }

  /** To several clients of the same gate node. @returns how many got it */
  async sendBatch(sessionIds: readonly string[], topic: string, body: MessageBody): Promise<number> {
    const count = await this.reach().call({ ...this.state, sessionId: sessionIds.join(',') }, 'SendBatch', [topic, bodyBytes(body)], false);
    return Number(count);
  }

  /** Is that user connected to the same gate node? */
  async isConnected(userId: string): Promise<boolean> {
    return (await this.ask('IsConnect', [userId])) === true;
  }

  /** Ends the client's connection. */
  async close(): Promise<void> {
    await this.ask('Close', []);
  }

  /** @internal */
  marshal(): Uint8Array {
    return encodeSession(this.state);
  }

  /** @internal */
  unmarshal(bytes: Uint8Array): void {
    this.state = Object.freeze(decodeSession(bytes));
  }

  /** @internal As the wires label it. */
  toString(): string {
    return 'SESSION';
  }

  private ask(fn: string, args: readonly unknown[]): Promise<unknown> {
    return this.reach().call(this.state, fn, args, false);
  }

  private async change(fn: string, args: readonly unknown[]): Promise<void> {
    const answer = await this.ask(fn, args);
    // A gate that says nothing of its state leaves this copy as it is.
    if (answer instanceof GateSession) this.state = Object.freeze({ ...answer.state, topic: answer.state.topic || this.state.topic });
  }

  private reach(): SessionLink {
    if (this.link === undefined || this.state.serverId === '') {
      throw rpcError('NO_SESSION', 'this call came from no client of a gate; sessions are given by a gate to the handlers it calls, and by them to the handlers they call');
    }
    return this.link;
  }
}

/** Texts as UTF-8, bytes as they are, the rest as JSON. */
export function bodyBytes(body: MessageBody): Uint8Array {
  if (body instanceof Uint8Array) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body), 'utf8');
}

/**
 * What arrived for a `@Session()` parameter, as a session that can reach its gate; an empty one where the caller had none.
 * @throws RpcError ARGUMENT_TYPE
 */
export function sessionOf(value: unknown, link: SessionLink | undefined): GateSession {
  const session = value instanceof GateSession ? value : new GateSession();
  if (value instanceof Uint8Array) readInto(session, value);
  else if (session !== value && value !== null && value !== undefined) throw notASession(typeof value);
  session.link = link;
  return session;
}

function readInto(session: GateSession, bytes: Uint8Array): void {
  try {
    session.unmarshal(bytes);
  } catch (error) {
    throw notASession(`bytes (${messageOf(error)})`);
  }
}

function notASession(what: string): RpcError {
  return rpcError('ARGUMENT_TYPE', `a session was wanted where the caller gave ${what}; gates give it, other callers give null`);
}
