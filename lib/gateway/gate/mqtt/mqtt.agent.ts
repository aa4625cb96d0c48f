import type * as MqttPacket from 'mqtt-packet';
import type { IConnectPacket, IPublishPacket, ISubscribePacket, Packet, Parser } from 'mqtt-packet';
import type { Clock } from '../../../common/clock.js';
import { type AgentHost, type AgentSettings, type ClientHello, type PushMessage, RefusedClient, type Refusal } from '../agent.js';
import { ConnectionAgent } from '../connection-agent.js';
import type { ByteConnection } from '../connection.js';
import { isTopic } from '../topic-filter.js';
import { publishPacket } from './publish-packet.js';

/** CONNACK return codes (MQTT 3.1.1, 3.2.2.3). */
const RETURN_CODE: Readonly<Record<Refusal | 'version', number>> = { version: 1, clientId: 2, unavailable: 3, credentials: 4, forbidden: 5 };
/** QoS 2 messages of a client that it has not released yet. */
const MAX_UNRELEASED = 1000;

type Library = Pick<typeof MqttPacket, 'parser' | 'generate'>;

/** MQTT 3.1 and 3.1.1 with one client. */
export class MqttAgent extends ConnectionAgent {
  private readonly parser: Parser;
  private readonly unreleased = new Set<number>();
  /** Packets that came while the client was being admitted. */
  private readonly early: Packet[] = [];

  constructor(
    private readonly library: Library,
    connection: ByteConnection,
    host: AgentHost,
    settings: AgentSettings,
    clock: Clock,
  ) {
    super(connection, host, settings, clock);
    this.parser = library.parser({ protocolVersion: 4 });
    this.parser.on('packet', (packet: Packet) => this.onPacket(packet));
    this.parser.on('error', () => this.close('protocol'));
  }

  push(message: PushMessage): void {
    if (this.stage === 'open') this.connection.write(publishPacket(message));
  }

  protected override onData(chunk: Uint8Array): void {
    try {
      this.parser.parse(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    } catch {
      return this.close('protocol');
    }
    // The header of a packet is read before its body is here: one that will be too long is not waited for.
    const { length } = (this.parser as unknown as { packet: { length?: number } }).packet;
    if (length !== undefined && length > this.settings.maxPacketBytes) this.close('limit');
  }

  private onPacket(packet: Packet): void {
    if (this.stage === 'over') return;
    if ((packet.length ?? 0) > this.settings.maxPacketBytes) return this.close('limit');
    if (this.stage === 'open') return this.onOpen(packet);
    if (this.stage === 'new') return packet.cmd === 'connect' ? void this.onConnect(packet) : this.close('protocol');
    // Clients may send at once (3.1.4), but not without end.
    if (this.early.push(packet) > 100) this.close('limit');
  }

  private async onConnect(packet: IConnectPacket): Promise<void> {
    this.stage = 'admitting';
    const { protocolVersion, keepalive = 0 } = packet;
    if (protocolVersion !== 3 && protocolVersion !== 4) return this.refuse('version');
    try {
      const { resumed } = await this.host.admit(helloOf(packet));
      if (this.isOver) return;
      this.opened(keepalive > 0 ? keepalive * 1500 : this.settings.idleTimeoutMs);
      // 3.1 has no session present flag: the byte is reserved.
      this.send({ cmd: 'connack', returnCode: 0, sessionPresent: resumed && protocolVersion === 4 });
      this.host.ready();
    } catch (error) {
      return this.refuse(error instanceof RefusedClient ? error.refusal : 'unavailable');
    }
    for (const early of this.early.splice(0)) if (!this.isOver) this.onOpen(early);
  }

  private refuse(why: Refusal | 'version'): void {
    if (this.isOver) return;
    this.send({ cmd: 'connack', returnCode: RETURN_CODE[why], sessionPresent: false });
    this.close('refused');
  }

  private onOpen(packet: Packet): void {
    switch (packet.cmd) {
      case 'publish':
        return this.onPublish(packet);
      case 'puback':
        return this.host.acknowledged(packet.messageId!);
      case 'pubrec':
        this.host.acknowledged(packet.messageId!);
        return this.send({ cmd: 'pubrel', qos: 1, messageId: packet.messageId! } as Packet);
      case 'pubrel':
        this.unreleased.delete(packet.messageId!);
        return this.send({ cmd: 'pubcomp', messageId: packet.messageId! } as Packet);
      case 'pubcomp':
        return;
      case 'subscribe':
        return void this.onSubscribe(packet);
      case 'unsubscribe':
        return void this.host.unsubscribe(packet.unsubscriptions).then(
          () => this.send({ cmd: 'unsuback', messageId: packet.messageId! } as Packet),
          () => this.close('lost'),
        );
      case 'pingreq':
        this.host.alive();
        return this.send({ cmd: 'pingresp' });
      case 'disconnect':
        this.over('client');
        return this.connection.end('client');
      default:
        this.close('protocol');
    }
  }

  private onPublish({ topic, payload, qos, retain, messageId }: IPublishPacket): void {
    if (!isTopic(topic)) return this.close('protocol');
    const message = { topic, body: typeof payload === 'string' ? Buffer.from(payload) : payload, qos, retain };
    if (qos === 0) return this.host.receive(message, NOTHING);
    const id = messageId!;
    if (qos === 1) return this.host.receive(message, () => this.send({ cmd: 'puback', messageId: id } as Packet));
    if (this.unreleased.has(id)) return this.send({ cmd: 'pubrec', messageId: id } as Packet);
    if (this.unreleased.size >= MAX_UNRELEASED) return this.close('limit');
    this.unreleased.add(id);
    this.host.receive(message, () => this.send({ cmd: 'pubrec', messageId: id } as Packet));
  }

  private async onSubscribe({ subscriptions, messageId }: ISubscribePacket): Promise<void> {
    try {
      const granted = await this.host.subscribe(subscriptions.map(({ topic, qos }) => ({ filter: topic, qos })));
      this.send({ cmd: 'suback', messageId: messageId!, granted: [...granted] } as Packet);
    } catch {
      this.close('lost');
    }
  }

  private send(packet: Packet): void {
    if (!this.isOver || packet.cmd === 'connack') this.connection.write(this.library.generate(packet));
  }
}

const NOTHING = (): void => {};

function helloOf({ clientId, username, password, clean = true, will }: IConnectPacket): ClientHello {
  return {
    clientId,
    clean,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: typeof password === 'string' ? Buffer.from(password) : password }),
    ...(will && { will: { topic: will.topic, body: typeof will.payload === 'string' ? Buffer.from(will.payload) : will.payload, qos: will.qos ?? 0, retain: will.retain ?? false } }),
  };
}

