import { decode, encode } from '@msgpack/msgpack';
import { MemoryHub as RegistryHub } from '../../../lib/registry/memory.registry.js';
import { memory } from '../../../lib/transport/memory/memory.transport.js';
import type { Transport } from '../../../lib/rpc/transport.js';
import type { Cluster, TestProcess } from '../rpc/support.js';

/**
 * A second implementation of `anthill/1`, written from docs/protocol.md and sharing no code with lib/wire/anthill: what both agree on is
 * the protocol.
 */
export class Out {
  readonly bytes: number[] = [];

  u8(value: number): this {
    this.bytes.push(value & 0xff);
    return this;
  }

  varint(value: number | bigint): this {
    let rest = BigInt(value);
    for (; rest > 0x7fn; rest >>= 7n) this.u8(Number(rest & 0x7fn) | 0x80);
    return this.u8(Number(rest));
  }

  text(value: string): this {
    const utf8 = Buffer.from(value);
    return this.varint(utf8.length).raw(utf8);
  }

  raw(value: Iterable<number>): this {
    for (const byte of value) this.bytes.push(byte);
    return this;
  }

  pairs(pairs: Readonly<Record<string, string>>): this {
    const entries = Object.entries(pairs);
    this.varint(entries.length);
    for (const [key, value] of entries) this.text(key).text(value);
    return this;
  }
}

export const out = (): Out => new Out();
export const header = (sender: string, magic = 0xa7, version = 1): Out => out().u8(magic).u8(version).text(sender);
export const frame = (type: number, body: Out | Iterable<number>): Iterable<number> => {
  const bytes = body instanceof Out ? body.bytes : [...body];
  return out().u8(type).varint(bytes.length).raw(bytes).bytes;
};

export const route = (node: string, path: string, caller = 'raw', codec = 'msgpack'): Iterable<number> => frame(0x01, out().text(node).text(path).text(caller).text(codec));

export interface RawRequest {
  readonly id: number;
  readonly route?: number;
  readonly flags?: number;
  readonly timeoutMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly chain?: readonly (readonly [string, string, string])[];
  readonly args?: readonly unknown[];
  /** Instead of `args`. */
  readonly payload?: Iterable<number>;
}

export const request = ({ id, route = 0, flags = 0, timeoutMs = 1000, metadata, chain, args = [], payload }: RawRequest): Iterable<number> => {
  const body = out().varint(id).varint(route).u8(flags | (metadata ? 0x04 : 0) | (chain ? 0x08 : 0));
  if (!(flags & 0x20)) body.varint(timeoutMs);
  if (metadata) body.pairs(metadata);
  if (chain) {
    body.varint(chain.length);
    for (const lane of chain) for (const text of lane) body.text(text);
  }
  return frame(0x02, body.raw(payload ?? encode(args)));
};

export const reply = (id: number, value: unknown): Iterable<number> => frame(0x03, out().varint(id).u8(0).raw(encode(value)));
export const cancel = (id: number): Iterable<number> => frame(0x05, out().varint(id));
export const message = (sender: string, ...frames: Iterable<number>[]): Uint8Array => Uint8Array.from(frames.reduce((all, part) => all.raw(part), header(sender)).bytes);

/** A frame as it was read. */
export interface RawFrame {
  readonly type: number;
  readonly body: Uint8Array;
}

class In {
  at = 0;
  constructor(readonly bytes: Uint8Array) {}
  u8(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new Error('ends early');
    return byte;
  }
  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }
  take(count: number): Uint8Array {
    return this.bytes.subarray(this.at, (this.at += count));
  }
  text(): string {
    return Buffer.from(this.take(this.varint())).toString();
  }
  pairs(): Record<string, string> {
    return Object.fromEntries(Array.from({ length: this.varint() }, () => [this.text(), this.text()]));
  }
  rest(): Uint8Array {
    return this.take(this.bytes.length - this.at);
  }
}

export function readMessage(bytes: Uint8Array): { sender: string; frames: RawFrame[] } {
  const input = new In(bytes);
  if (input.u8() !== 0xa7 || input.u8() !== 1) throw new Error('not anthill/1');
  const sender = input.text();
  const frames: RawFrame[] = [];
  while (input.at < bytes.length) {
    const type = input.u8();
    frames.push({ type, body: input.take(input.varint()) });
  }
  return { sender, frames };
}

/** What a frame says, for comparing. */
export function describe({ type, body }: RawFrame): Record<string, unknown> {
  const input = new In(body);
  switch (type) {
    case 0x01:
      return { frame: 'route', node: input.text(), path: input.text(), caller: input.text(), codec: input.text() };
    case 0x02: {
      const [id, route, flags] = [input.varint(), input.varint(), input.u8()];
      const timeoutMs = flags & 0x20 ? undefined : input.varint();
      const metadata = flags & 0x04 ? input.pairs() : undefined;
      const chain = flags & 0x08 ? Array.from({ length: input.varint() }, () => [input.text(), input.text(), input.text()]) : undefined;
      const values = flags & 0x10 ? { slots: slots(input) } : { args: decode(input.rest(), { useBigInt64: true }) };
      return { frame: 'request', id, route, flags, ...(timeoutMs !== undefined && { timeoutMs }), ...(metadata && { metadata }), ...(chain && { chain }), ...values };
    }
    case 0x03: {
      const [id, flags] = [input.varint(), input.u8()];
      return { frame: 'reply', id, flags, ...(flags & 0x10 ? { slots: slots(input) } : { value: decode(input.rest(), { useBigInt64: true }) }) };
    }
    case 0x04: {
      const [id, code, flags, reason, message] = [input.varint(), input.u8(), input.u8(), input.text(), input.text()];
      const metadata = flags & 0x02 ? input.pairs() : undefined;
      const details = flags & 0x04 ? decode(input.rest(), { useBigInt64: true }) : undefined;
      return { frame: 'error', id, code, flags, reason, message, ...(metadata && { metadata }), ...(details !== undefined && { details }) };
    }
    case 0x05:
      return { frame: 'cancel', id: input.varint() };
    case 0x06:
      return { frame: 'ping' };
    case 0x07:
      return { frame: 'pong' };
    default:
      return { frame: `0x${type.toString(16)}` };
  }
}

function slots(input: In): unknown[] {
  return Array.from({ length: input.varint() }, () => {
    const slot = new In(input.take(input.varint()));
    const kind = slot.u8();
    if (kind === 0) return { codec: decode(slot.rest(), { useBigInt64: true }) };
    return { [kind === 1 ? 'proto' : 'marshal']: slot.text(), hex: Buffer.from(slot.rest()).toString('hex') };
  });
}

/** A process that speaks the wire by hand. */
export class RawPeer {
  readonly frames: Record<string, unknown>[] = [];
  readonly messages: Uint8Array[] = [];

  private constructor(
    readonly address: string,
    readonly transport: Transport,
  ) {}

  static async join(cluster: Cluster, id = 'raw'): Promise<RawPeer> {
    const transport = memory(cluster.hub);
    await transport.connect();
    const peer = new RawPeer(`anthill.process.${id}`, transport);
    await transport.subscribe(peer.address, ({ bytes }) => {
      peer.messages.push(new Uint8Array(bytes));
      peer.frames.push(...readMessage(bytes).frames.map(describe));
    });
    return peer;
  }

  /** To the process of that runtime. */
  send(to: TestProcess, ...frames: Iterable<number>[]): void {
    this.post(to, message(this.address, ...frames));
  }

  post(to: TestProcess, bytes: Uint8Array): void {
    this.transport.send(addressOf(to), bytes);
  }

  /** Puts a node of its own into the registry. */
  advertise(cluster: Cluster, id: string, metadata: Readonly<Record<string, string>> = {}): void {
    const registry = (cluster as unknown as { registry: RegistryHub }).registry;
    const type = id.split('@')[0]!;
    registry.put({ id, type, version: '1', address: `raw.${type}`, metadata: { 'anthill.wires': 'anthill/1', 'anthill.transport': 'memory', 'anthill.process': this.address, ...metadata } }, 1e6);
  }
}

export const addressOf = (process: TestProcess): string => `anthill.process.${process.runtime.processId}`;
