/*
 * MQTT 3.1.1, as much as a client of a gate needs: packets as they are on the wire. Section numbers are those of the OASIS standard.
 */

/** 2.2.1 */
export const PACKET = Object.freeze({ connect: 1, connack: 2, publish: 3, puback: 4, pubrec: 5, pubrel: 6, pubcomp: 7, subscribe: 8, suback: 9, unsubscribe: 10, unsuback: 11, pingreq: 12, pingresp: 13, disconnect: 14 });

/** A packet without its fixed header. */
export interface Packet {
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
}

const MAX_TEXT = 65_535;

/** @throws RangeError for a text that no packet can hold */
export function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length > MAX_TEXT) throw new RangeError(`${bytes.length} bytes do not fit into a text of MQTT`);
  return Buffer.concat([uint16(bytes.length), bytes]);
}

export function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

export function packet(type: number, flags: number, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [(type << 4) | flags];
  // 2.2.3: seven bits a byte, the lowest first.
  for (let rest = length; head.length === 1 || rest > 0; rest >>>= 7) head.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  return Buffer.concat([Buffer.from(head), ...parts]);
}

/** Cuts a stream of bytes into packets. */
export class PacketReader {
  private rest: Buffer = Buffer.alloc(0);

  /** @param maxBytes a longer packet is an error, before it is waited for */
  constructor(private readonly maxBytes: number) {}

  /** @throws RangeError for bytes that are no packets */
  read(chunk: Buffer): Packet[] {
    const packets: Packet[] = [];
    let bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    for (;;) {
      const head = headOf(bytes);
      if (head === undefined) break;
      if (head.length > this.maxBytes) throw new RangeError(`a packet of ${head.length} bytes`);
      const end = head.size + head.length;
      if (bytes.length < end) break;
      packets.push({ type: bytes[0]! >> 4, flags: bytes[0]! & 0x0f, body: bytes.subarray(head.size, end) });
      bytes = bytes.subarray(end);
    }
    this.rest = bytes;
    return packets;
  }
}

/** Undefined: there is more to come. */
function headOf(bytes: Buffer): { readonly size: number; readonly length: number } | undefined {
  let length = 0;
  for (let at = 1; at < bytes.length; at++) {
    if (at > 4) throw new RangeError('a length of more than four bytes');
    length += (bytes[at]! & 0x7f) * 128 ** (at - 1);
    if (bytes[at]! < 0x80) return { size: at + 1, length };
  }
  return undefined;
}
