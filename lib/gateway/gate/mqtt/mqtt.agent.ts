import type { Clock } from '../../../common/clock.js';
import { type AgentHost, type AgentSettings, type ClientHello, type PushMessage, RefusedClient, type Refusal } from '../agent.js';
import { ConnectionAgent } from '../connection-agent.js';
import type { ByteConnection, CloseReason } from '../connection.js';
import type { LastEncoded } from '../last-encoded.js';
import { isTopic } from '../topic-filter.js';
import type { ClientPacket, ConnectPacket, PublishPacket } from './client-packet.js';
import { PacketReader, type PacketSink } from './packet-reader.js';
import { confirmation, connack, PINGRESP, suback } from './server-packet.js';

/** CONNACK return codes (MQTT 3.1.1, 3.2.2.3). */
const RETURN_CODE: Readonly<Record<Refusal | 'version', number>> = { version: 1, clientId: 2, unavailable: 3, credentials: 4, forbidden: 5 };
/** QoS 2 messages of a client that it has not released yet. */
const MAX_UNRELEASED = 1000;
const NOTHING = (): void => {};

/** MQTT 3.1 and 3.1.1 with one client. Section numbers are those of MQTT 3.1.1. */
export class MqttAgent extends ConnectionAgent implements PacketSink {
  private readonly reader: PacketReader;
  /** Ids of QoS 2 messages, and whether they were handled; made for the first one. */
  private unreleased: Map<number, boolean> | undefined;
  /** Packets that came while the client was being admitted; no more than one chunk of them, for reading stops meanwhile. */
  private early: ClientPacket[] | undefined;

  constructor(
    connection: ByteConnection,
    host: AgentHost,
    settings: AgentSettings,
    clock: Clock,
    private readonly pushes: LastEncoded,
  ) {
    super(connection, host, settings, clock);
    this.reader = new PacketReader(settings.maxPacketBytes, this);
  }

  push(message: PushMessage): void {
    if (this.stage === 'open') this.connection.write(message.isReceived ? confirmation('pubrel', message.id!) : this.pushes.of(message));
  }

  protected override onData(chunk: Uint8Array): void {
    this.reader.read(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  }

  protected override over(reason: CloseReason): void {
    this.reader.stop();
    super.over(reason);
  }

  onPacket(packet: ClientPacket): void {
    // Keepalive counts packets (3.1.2.10): a client that drips one in, byte by byte, is silent.
    this.seen();
    if (this.stage === 'open') return this.onOpen(packet);
    if (this.stage === 'new') return packet.kind === 'connect' ? void this.onConnect(packet) : this.close('protocol');
    // Clients may send at once (3.1.4).
    (this.early ??= []).push(packet);
  }

  onFault(reason: 'protocol' | 'limit'): void {
    this.close(reason);
  }

  private async onConnect(packet: ConnectPacket): Promise<void> {
    const { level, keepalive } = packet;
    if (level === undefined) return this.refuse('version');
    this.stage = 'admitting';
    this.pause();
    try {
      const { resumed } = await this.host.admit(helloOf(packet));
      if (this.isOver) return;
      this.opened(keepalive > 0 ? keepalive * 1500 : this.settings.idleTimeoutMs);
      // 3.1 has no session present flag: the byte is reserved.
      this.connection.write(connack(0, resumed && level === 4));
      this.host.ready();
    } catch (error) {
      return this.refuse(error instanceof RefusedClient ? error.refusal : 'unavailable');
    }
    this.resume();
    const { early = [] } = this;
    this.early = undefined;
    for (const one of early) if (!this.isOver) this.onOpen(one);
  }

  private refuse(why: Refusal | 'version'): void {
    if (this.isOver) return;
    this.connection.write(connack(RETURN_CODE[why], false));
    this.close('refused');
  }

  private onOpen(packet: ClientPacket): void {
    switch (packet.kind) {
      case 'publish':
        return this.onPublish(packet);
      case 'puback':
        return this.host.acknowledged(packet.id);
      case 'pubrec':
        this.host.received(packet.id);
        return this.reply(confirmation('pubrel', packet.id));
      case 'pubcomp':
        return this.host.acknowledged(packet.id);
      case 'pubrel':
        this.unreleased?.delete(packet.id);
        return this.answer(this.host.released(packet.id), () => confirmation('pubcomp', packet.id));
      case 'subscribe':
        return this.answer(this.host.subscribe(packet.subscriptions), (granted) => suback(packet.id, granted));
      case 'unsubscribe':
        return this.answer(this.host.unsubscribe(packet.filters), () => confirmation('unsuback', packet.id));
      case 'pingreq':
        this.host.alive();
        return this.reply(PINGRESP);
      case 'disconnect':
        this.over('client');
        return this.connection.end('client');
      case 'connect':
        // A second one (3.1.0-2).
        return this.close('protocol');
    }
  }

  private onPublish({ topic, body, qos, retain, id }: PublishPacket): void {
    if (!isTopic(topic)) return this.close('protocol');
    const message = { topic, body, qos, retain };
    if (qos === 0) return this.host.receive(message, NOTHING);
    if (qos === 1) return this.host.receive(message, () => this.reply(confirmation('puback', id)));
    const unreleased = (this.unreleased ??= new Map());
    const isHandled = unreleased.get(id);
    if (isHandled) return this.reply(confirmation('pubrec', id));
    // A repeat while the first one is at work: its answer follows.
    if (isHandled === false) return;
    if (unreleased.size >= MAX_UNRELEASED) return this.close('limit');
    unreleased.set(id, false);
    this.host.receive({ ...message, id }, () => {
      unreleased.set(id, true);
      this.reply(confirmation('pubrec', id));
    });
  }

  /** What cannot be done now is not answered: the client comes again, and asks again. */
  private answer<T>(work: Promise<T>, packetOf: (result: T) => Uint8Array): void {
    void work.then(
      (result) => this.reply(packetOf(result)),
      () => this.close('lost'),
    );
  }
}

function helloOf({ clientId, clean, username, password, will }: ConnectPacket): ClientHello {
  return { clientId, clean, ...(username !== undefined && { username }), ...(password && { password }), ...(will && { will }) };
}
