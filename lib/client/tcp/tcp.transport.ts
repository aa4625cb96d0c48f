import { connect, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { Channel, ChannelEvents, ClientTransport } from '../channel.js';
import { PACKET, packet, PacketReader } from './mqtt-codec.js';
import { MqttMessages, type Outgoing } from './mqtt-messages.js';

/** @public */
export interface TcpOptions {
  /** For `mqtts:`, such as `{ ca, cert, key }`. @default the system's authorities */
  tls?: ConnectionOptions;
  /** A longer packet ends the connection. @default 16777216 */
  maxPacketBytes?: number;
}

const DEFAULT_PORT: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883 };
const LINGER_MS = 1000;
const MAX_PACKET_BYTES = 16 * 1024 * 1024;

/**
 * Reaches gates over TCP, with MQTT 3.1.1: `connect({ url: 'mqtt://gate.example:3563', transport: tcp() })`; `mqtts:` with TLS. A gate that ends a connection over TCP cannot say why: a
 * client that was kicked comes back, later each time.
 * @public
 */
export function tcp({ tls, maxPacketBytes = MAX_PACKET_BYTES }: TcpOptions = {}): ClientTransport {
  return {
    check: () => {},
    open(url, events) {
      const { protocol, hostname, port } = new URL(url);
      const standard = DEFAULT_PORT[protocol];
      if (standard === undefined) throw new TypeError(`tcp() connects to mqtt: or mqtts:, not to ${protocol}`);
      const where = { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? standard : Number(port) };
      const socket = protocol === 'mqtts:' ? connectTls({ servername: where.host, ...tls, ...where }) : connect(where);
      socket.once(protocol === 'mqtts:' ? 'secureConnect' : 'connect', () => events.onOpen());
      return channelOf(socket, events, new PacketReader(maxPacketBytes));
    },
  };
}

function channelOf(socket: Socket, events: ChannelEvents, reader: PacketReader): Channel {
  const messages = new MqttMessages();
  socket.setNoDelay(true);
  // The end follows.
  socket.on('error', () => {});
  socket.once('close', () => events.onEnd());
  socket.on('data', (chunk: Buffer) => {
    let received: ReturnType<MqttMessages['decode']>[];
    try {
      received = reader.read(chunk).map((packet) => messages.decode(packet));
    } catch {
      // No MQTT: nothing that follows can be trusted.
      return void socket.destroy();
    }
    for (const { message, answer } of received) {
      if (answer !== undefined) socket.write(answer);
      if (message !== undefined) events.onMessage(message);
    }
  });
  return {
    send: (message) => void socket.write(messages.encode(message as Outgoing)),
    close() {
      if (socket.connecting) return void socket.destroy();
      socket.end(packet(PACKET.disconnect, 0));
      // From a gate that is dead no end will come.
      socket.setTimeout(LINGER_MS, () => socket.destroy());
    },
  };
}
