import { type Packet, PACKET, packet, text, uint16 } from './mqtt-codec.js';

/** Between two pings of the client are 30 seconds; the gate waits one and a half times this. */
const KEEP_ALIVE_SECONDS = 60;
/** 3.2.2.3 */
const REFUSALS = ['', 'version', 'clientId', 'unavailable', 'credentials', 'forbidden'];
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** What a client says, in the words of the gate's JSON protocol. */
export interface Outgoing {
  readonly connect?: { readonly clientId: string; readonly clean: boolean; readonly username?: string; readonly password?: string };
  readonly topic?: string;
  readonly body?: unknown;
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly ack?: number;
  readonly ping?: number;
}

/** The gate's JSON protocol over MQTT packets: the same messages, so that a client need not know which of the two carries them. */
export class MqttMessages {
  private lastId = 0;
  /** Ids of pushes with QoS 2 that are not released yet. */
  private readonly exact = new Set<number>();

  /** @throws RangeError for a topic or a name that is too long */
  encode({ connect, topic, body, subscribe, unsubscribe, ack, ping }: Outgoing): Buffer {
    if (connect !== undefined) return connectPacket(connect);
    if (topic !== undefined) return packet(PACKET.publish, 0, text(topic), payloadOf(body));
    if (subscribe !== undefined) return packet(PACKET.subscribe, 2, uint16(this.nextId()), ...subscribe.flatMap((filter) => [text(filter), Buffer.from([1])]));
    if (unsubscribe !== undefined) return packet(PACKET.unsubscribe, 2, uint16(this.nextId()), ...unsubscribe.map((filter) => text(filter)));
    if (ack !== undefined) return packet(this.exact.has(ack) ? PACKET.pubrec : PACKET.puback, 0, uint16(ack));
    if (ping !== undefined) return packet(PACKET.pingreq, 0);
    throw new TypeError('a message that has no packet');
  }

  /** What a packet says, and what is to be answered at once. @throws RangeError for one that is no packet of a gate */
  decode({ type, flags, body }: Packet): { readonly message?: Record<string, unknown>; readonly answer?: Buffer } {
    if (type === PACKET.connack) {
      const code = body.readUInt8(1);
      return { message: code === 0 ? { connected: { resumed: (body.readUInt8(0) & 1) === 1 } } : { refused: REFUSALS[code] ?? `code ${code}` } };
    }
    if (type === PACKET.publish) return { message: this.pushed(flags, body) };
    if (type === PACKET.pingresp) return { message: { pong: 1 } };
    if (type === PACKET.suback || type === PACKET.unsuback) return { message: { done: 0 } };
    if (type !== PACKET.pubrel) throw new RangeError(`a packet of type ${type}`);
    const id = body.readUInt16BE(0);
    this.exact.delete(id);
    return { answer: packet(PACKET.pubcomp, 0, uint16(id)) };
  }

  private pushed(flags: number, body: Buffer): Record<string, unknown> {
    const qos = (flags >> 1) & 3;
    const end = 2 + body.readUInt16BE(0);
    if (end > body.length) throw new RangeError('a topic that is longer than its packet');
    const topic = utf8.decode(body.subarray(2, end));
    if (qos === 0) return { topic, body: valueOf(body.subarray(end)) };
    const id = body.readUInt16BE(end);
    if (qos === 2) this.exact.add(id);
    return { topic, body: valueOf(body.subarray(end + 2)), id, ...((flags & 8) !== 0 && { dup: true }) };
  }

  private nextId(): number {
    return (this.lastId = (this.lastId % 65_535) + 1);
  }
}

function connectPacket({ clientId, clean, username, password }: NonNullable<Outgoing['connect']>): Buffer {
  // 3.1.2.9: no password without a user name.
  const name = username ?? (password === undefined ? undefined : '');
  const flags = (clean ? 0x02 : 0) | (name === undefined ? 0 : 0x80) | (password === undefined ? 0 : 0x40);
  const credentials = [name, password].filter((part) => part !== undefined).map((part) => text(part));
  return packet(PACKET.connect, 0, text('MQTT'), Buffer.from([4, flags]), uint16(KEEP_ALIVE_SECONDS), text(clientId), ...credentials);
}

function payloadOf(body: unknown): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  const base64 = typeof body === 'object' && body !== null && Object.keys(body).length === 1 ? (body as { base64?: unknown }).base64 : undefined;
  return typeof base64 === 'string' ? Buffer.from(base64, 'base64') : Buffer.from(JSON.stringify(body));
}

function valueOf(payload: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(payload));
  } catch {
    return { base64: payload.toString('base64') };
  }
}
