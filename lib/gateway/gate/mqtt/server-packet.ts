import type { PushMessage } from '../agent.js';

/** CONNACK (MQTT 3.1.1, 3.2). */
export function connack(returnCode: number, sessionPresent: boolean): Buffer {
  return Buffer.from([0x20, 2, sessionPresent ? 1 : 0, returnCode]);
}

const FIRST_BYTE = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70, unsuback: 0xb0 } as const;

/** The packets that consist of a packet identifier (3.4 to 3.7, 3.11). */
export function confirmation(kind: keyof typeof FIRST_BYTE, id: number): Buffer {
  return Buffer.from([FIRST_BYTE[kind], 2, id >> 8, id & 0xff]);
}

/** SUBACK (3.9): what was granted for each filter, in their order. */
export function suback(id: number, granted: readonly number[]): Buffer {
  return Buffer.from([0x90, ...lengthBytes(2 + granted.length), id >> 8, id & 0xff, ...granted]);
}

export const PINGRESP: Uint8Array = Buffer.from([0xd0, 0]);

/** PUBLISH (3.3): nearly all that a gate sends. */
export function publish({ topic, body, qos, retain, id = 0, dup }: PushMessage): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  const length = 2 + topicBytes + (qos > 0 ? 2 : 0) + body.length;
  const digits = length < 0x80 ? 1 : length < 0x4000 ? 2 : length < 0x20_0000 ? 3 : 4;
  const packet = Buffer.allocUnsafe(1 + digits + length);
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

/** Seven bits to a byte, the lowest first (2.2.3). */
function lengthBytes(length: number): number[] {
  const bytes: number[] = [];
  for (let rest = length; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest];
    bytes.push((rest & 0x7f) | 0x80);
  }
}
