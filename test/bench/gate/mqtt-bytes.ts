/** Packets of MQTT 3.1.1 by hand: a client of a benchmark must cost less than what it measures, and the same for all servers. */

/** CONNECT with a clean session and no keepalive. */
export function connectPacket(clientId: string): Buffer {
  return packet(0x10, Buffer.concat([Buffer.from([0, 4]), Buffer.from('MQTT'), Buffer.from([4, 0b10, 0, 0]), text(clientId)]));
}

export function subscribePacket(topic: string, qos: 0 | 1): Buffer {
  return packet(0x82, Buffer.concat([Buffer.from([0, 1]), text(topic), Buffer.from([qos])]));
}

/** With QoS 1 there is room for an identifier; see {@link PUBLISH_ID_AT}. */
export function publishPacket(topic: string, body: Uint8Array, qos: 0 | 1 = 0): Buffer {
  return packet(0x30 | (qos << 1), Buffer.concat([text(topic), Buffer.alloc(qos * 2), body]));
}

/** Where the identifier of such a packet is, counted from its end. */
export function publishIdFromEnd(body: Uint8Array): number {
  return body.length + 2;
}

/** The PUBLISH that begins a buffer, once all of it is there. */
export function wholePublish(bytes: Buffer): { readonly body: Buffer; readonly length: number } | undefined {
  let [length, at] = [0, 1];
  for (let shift = 0; ; shift += 7) {
    if (at >= bytes.length) return undefined;
    const byte = bytes[at++]!;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  if (bytes.length < at + length) return undefined;
  if ((bytes[0]! & 0xf6) !== 0x30) throw new Error(`a PUBLISH of QoS 0 was expected, the first byte is ${bytes[0]}`);
  return { body: bytes.subarray(at + 2 + bytes.readUInt16BE(at), at + length), length: at + length };
}

function packet(first: number, rest: Buffer): Buffer {
  const length: number[] = [];
  for (let left = rest.length; length.length === 0 || left > 0; left >>>= 7) length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
  return Buffer.concat([Buffer.from([first, ...length]), rest]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}
