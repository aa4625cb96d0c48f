import { isUtf8 } from 'node:buffer';

/** What a client can say in MQTT 3.1 and 3.1.1. */
export type ClientPacket =
  | ConnectPacket
  | PublishPacket
  | { readonly kind: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp'; readonly id: number }
  | { readonly kind: 'subscribe'; readonly id: number; readonly subscriptions: readonly { readonly filter: string; readonly qos: 0 | 1 | 2 }[] }
  | { readonly kind: 'unsubscribe'; readonly id: number; readonly filters: readonly string[] }
  | { readonly kind: 'pingreq' | 'disconnect' };

export interface ConnectPacket {
  readonly kind: 'connect';
  /** 3 or 4; undefined: a version that is not spoken here, of which nothing more is read. */
  readonly level: 3 | 4 | undefined;
  readonly clean: boolean;
  /** Seconds; 0: none. */
  readonly keepalive: number;
  readonly clientId: string;
  readonly will: { readonly topic: string; readonly body: Uint8Array; readonly qos: 0 | 1 | 2; readonly retain: boolean } | undefined;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
}

export interface PublishPacket {
  readonly kind: 'publish';
  readonly topic: string;
  readonly body: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** With `qos` 1 and 2, else 0. */
  readonly id: number;
}

/** What no client may send: its connection ends (MQTT 3.1.1, 4.8). */
export class MalformedPacket extends Error {
  override name = 'MalformedPacket';
}

const CONFIRMATIONS = { 4: 'puback', 5: 'pubrec', 6: 'pubrel', 7: 'pubcomp' } as const;
/** Flags of the first byte that each type must have (2.2.2); PUBLISH has its own. */
const FLAGS: Readonly<Record<number, number>> = { 1: 0, 4: 0, 5: 0, 6: 2, 7: 0, 8: 2, 10: 2, 12: 0, 14: 0 };

/**
 * Reads one packet, and no byte beyond it.
 * @param head its first byte
 * @param rest all after the length
 * @throws MalformedPacket
 */
export function readPacket(head: number, rest: Buffer): ClientPacket {
  const type = head >> 4;
  if (type === 3) return readPublish(head, rest);
  if (FLAGS[type] !== (head & 15)) throw new MalformedPacket(`a packet of type ${type} with flags ${head & 15}`);
  const fields = new Fields(rest);
  const packet = readFields(type, fields);
  if (packet.kind !== 'connect' || packet.level !== undefined) fields.end();
  return packet;
}

function readFields(type: number, fields: Fields): ClientPacket {
  switch (type) {
    case 1:
      return readConnect(fields);
    case 4:
    case 5:
    case 6:
    case 7:
      return { kind: CONFIRMATIONS[type], id: fields.id() };
    case 8: {
      const id = fields.id();
      const subscriptions: { filter: string; qos: 0 | 1 | 2 }[] = [];
      do subscriptions.push({ filter: fields.text(), qos: qosOf(fields.byte()) });
      while (fields.hasMore);
      return { kind: 'subscribe', id, subscriptions };
    }
    case 10: {
      const id = fields.id();
      const filters: string[] = [];
      do filters.push(fields.text());
      while (fields.hasMore);
      return { kind: 'unsubscribe', id, filters };
    }
    default:
      return { kind: type === 12 ? 'pingreq' : 'disconnect' };
  }
}

function readPublish(head: number, rest: Buffer): PublishPacket {
  const qos = qosOf((head >> 1) & 3);
  if (qos === 0 && (head & 8) !== 0) throw new MalformedPacket('a repeat of a message that is sent once (3.3.1-2)');
  const fields = new Fields(rest);
  const topic = fields.text();
  const id = qos === 0 ? 0 : fields.id();
  return { kind: 'publish', topic, body: fields.left(), qos, retain: (head & 1) !== 0, id };
}

function readConnect(fields: Fields): ConnectPacket {
  const name = fields.text();
  if (name !== 'MQTT' && name !== 'MQIsdp') throw new MalformedPacket('another protocol');
  const level = fields.byte();
  if (level !== (name === 'MQTT' ? 4 : 3)) return { kind: 'connect', level: undefined, clean: true, keepalive: 0, clientId: '', will: undefined, username: undefined, password: undefined };
  const flags = fields.byte();
  const [hasName, hasPassword, hasWill] = [(flags & 0x80) !== 0, (flags & 0x40) !== 0, (flags & 4) !== 0];
  const willQos = qosOf((flags >> 3) & 3);
  if ((flags & 1) !== 0 || (hasPassword && !hasName) || (!hasWill && (flags & 0x38) !== 0)) throw new MalformedPacket(`connect flags ${flags} (3.1.2)`);
  const keepalive = fields.short();
  const clientId = fields.text();
  const will = hasWill ? { topic: fields.text(), body: fields.bytes(), qos: willQos, retain: (flags & 0x20) !== 0 } : undefined;
  return { kind: 'connect', level, clean: (flags & 2) !== 0, keepalive, clientId, will, username: hasName ? fields.text() : undefined, password: hasPassword ? fields.bytes() : undefined };
}

function qosOf(value: number): 0 | 1 | 2 {
  if (value === 0 || value === 1 || value === 2) return value;
  throw new MalformedPacket(`quality of service ${value}`);
}

/** The fields of one packet, in their order. */
class Fields {
  private at = 0;

  constructor(private readonly buffer: Buffer) {}

  get hasMore(): boolean {
    return this.at < this.buffer.length;
  }

  byte(): number {
    if (this.at >= this.buffer.length) throw new MalformedPacket('a packet that is too short');
    return this.buffer[this.at++]!;
  }

  short(): number {
    return (this.byte() << 8) | this.byte();
  }

  /** A packet identifier, which is never 0 (2.3.1-1). */
  id(): number {
    const id = this.short();
    if (id === 0) throw new MalformedPacket('packet identifier 0 (2.3.1)');
    return id;
  }

  bytes(): Buffer {
    const length = this.short();
    const end = this.at + length;
    if (end > this.buffer.length) throw new MalformedPacket('a field that is longer than its packet');
    const bytes = this.buffer.subarray(this.at, end);
    this.at = end;
    return bytes;
  }

  /** UTF-8 without surrogates and without U+0000 (1.5.3). */
  text(): string {
    const bytes = this.bytes();
    if (!isUtf8(bytes) || bytes.includes(0)) throw new MalformedPacket('a text that is not UTF-8 (1.5.3)');
    return bytes.toString('utf8');
  }

  left(): Buffer {
    const bytes = this.buffer.subarray(this.at);
    this.at = this.buffer.length;
    return bytes;
  }

  end(): void {
    if (this.hasMore) throw new MalformedPacket('bytes behind the last field');
  }
}
