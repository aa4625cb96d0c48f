import type { PushMessage } from '../agent.js';

/** A PUBLISH packet (MQTT 3.1.1, 3.3). By hand: it is nearly all that a gate sends. */
export function publishPacket({ topic, body, qos, retain, id = 0, dup }: PushMessage): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  const length = 2 + topicBytes + (qos > 0 ? 2 : 0) + body.length;
  const lengthBytes = length < 0x80 ? 1 : length < 0x4000 ? 2 : length < 0x20_0000 ? 3 : 4;
  const packet = Buffer.allocUnsafe(1 + lengthBytes + length);
  packet[0] = 0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
  let at = 1;
  for (let rest = length; ; ) {
    const low = rest & 0x7f;
    rest >>>= 7;
    packet[at++] = rest > 0 ? low | 0x80 : low;
    if (rest === 0) break;
  }
  at = packet.writeUInt16BE(topicBytes, at);
  at += packet.write(topic, at, 'utf8');
  if (qos > 0) at = packet.writeUInt16BE(id, at);
  packet.set(body, at);
  return packet;
}
