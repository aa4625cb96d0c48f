import { type ClientPacket, MalformedPacket, readPacket } from './client-packet.js';

/** Head and length of a packet are no longer. */
const MAX_HEADER = 5;
/** Of one packet that are kept apart. */
const MOST_PARTS = 64;

/** What a {@link PacketReader} tells. */
export interface PacketSink {
  onPacket(packet: ClientPacket): void;
  /** No more can be read from this client. `limit`: a packet is longer than allowed. */
  onFault(reason: 'protocol' | 'limit'): void;
}

/**
 * Cuts a client's bytes into packets. A packet that is too long is refused by its header, before its body is here, so that no more than one packet of the
 * allowed length is ever kept.
 */
export class PacketReader {
  /** Of a packet that is not whole yet. */
  private parts: Buffer[] | undefined;
  private have = 0;
  /** Bytes of that packet, header and all; unknown while the header is not whole. */
  private need: number | undefined;
  private isOver = false;

  constructor(
    private readonly maxBytes: number,
    private readonly sink: PacketSink,
  ) {}

  read(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.have += chunk.length;
    if (this.have < (this.need ?? 2)) return this.keep(chunk);
    let bytes = this.parts === undefined ? chunk : Buffer.concat([...this.parts, chunk], this.have);
    this.parts = undefined;
    while (!this.isOver) {
      const used = this.take(bytes);
      if (used === 0) break;
      bytes = bytes.subarray(used);
    }
    this.have = bytes.length;
    this.parts = bytes.length > 0 ? [bytes] : undefined;
  }

  /** Not joined before it is whole: a packet that drips in byte by byte would be copied as often. But a part costs more than its byte. */
  private keep(chunk: Buffer): void {
    const parts = (this.parts ??= []);
    parts.push(chunk);
    if (parts.length >= MOST_PARTS) this.parts = [Buffer.concat(parts, this.have)];
  }

  /** Nothing more is told, also not of bytes that are here. */
  stop(): void {
    this.isOver = true;
  }

  /** Reads the packet that begins with `bytes`. @returns its length, or 0 when it is not whole */
  private take(bytes: Buffer): number {
    this.need = undefined;
    let length = 0;
    for (let at = 1; ; at++) {
      if (at >= bytes.length) return 0;
      if (at === MAX_HEADER) return this.fault('protocol');
      length |= (bytes[at]! & 0x7f) << (7 * (at - 1));
      if (bytes[at]! < 0x80) return this.takeBody(bytes, at + 1, length);
    }
  }

  private takeBody(bytes: Buffer, start: number, length: number): number {
    if (length > this.maxBytes) return this.fault('limit');
    const end = start + length;
    if (end > bytes.length) {
      this.need = end;
      return 0;
    }
    let packet: ClientPacket;
    try {
      packet = readPacket(bytes[0]!, bytes.subarray(start, end));
    } catch (error) {
      if (error instanceof MalformedPacket) return this.fault('protocol');
      throw error;
    }
    this.sink.onPacket(packet);
    return end;
  }

  private fault(reason: 'protocol' | 'limit'): 0 {
    this.isOver = true;
    this.parts = undefined;
    this.sink.onFault(reason);
    return 0;
  }
}
