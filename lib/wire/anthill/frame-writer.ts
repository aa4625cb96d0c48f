import type { RpcError } from '../../common/rpc-error.js';
import { RpcCode } from '../../common/rpc-code.js';
import { ByteWriter } from '../../rpc/byte-writer.js';
import type { Codec } from '../../rpc/codec.js';
import { allPlain, writeSlots } from '../../rpc/value-slots.js';
import type { ValueType } from '../../rpc/value-types.js';
import type { OutboundCall } from '../../rpc/wire.js';
import { ERROR_FLAG, FLAG, FRAME, MAGIC, VERSION } from './frames.js';

/** 35 years: more is no deadline, and would not fit a varint. */
const MAX_TIMEOUT_MS = 2 ** 40;

interface Route {
  readonly node: string;
  readonly path: string;
  readonly caller: string;
  readonly codec: string;
  readonly index: number;
}

/**
 * One message in the making: header, then frames. A frame that fails half way, or does not fit, is taken back by the caller with
 * {@link mark} and {@link rewind}.
 */
export class FrameWriter {
  private readonly out = new ByteWriter(512);
  private routes: Route[] = [];
  private readonly headerLength: number;
  private markedLength = 0;
  private markedRoutes = 0;

  constructor(sender: string) {
    this.out.u8(MAGIC);
    this.out.u8(VERSION);
    this.out.text(sender);
    this.headerLength = this.out.length;
  }

  get length(): number {
    return this.out.length;
  }

  get isEmpty(): boolean {
    return this.out.length === this.headerLength;
  }

  /** Remembers that a frame begins here. */
  mark(): void {
    this.markedLength = this.out.length;
    this.markedRoutes = this.routes.length;
  }

  /** Takes back what was written since `mark`. */
  rewind(): void {
    this.out.rewind(this.markedLength);
    this.routes.length = this.markedRoutes;
  }

  /** Drops all that was not taken. */
  clear(): void {
    this.out.rewind(this.headerLength);
    this.routes = [];
  }

  /** True when the frame since `mark` is the only one. */
  get isAlone(): boolean {
    return this.markedLength === this.headerLength;
  }

  /** The message as bytes of its own; the writer starts anew. */
  take(): Uint8Array {
    const bytes = this.out.take();
    this.clear();
    return bytes;
  }

  request(call: OutboundCall): void {
    const { out } = this;
    const route = this.route(call.node.id, call.path, call.caller, call.codec.name);
    const { metadata, chain, args, argTypes } = call;
    const remainingMs = call.remainingMs();
    const timeoutMs = remainingMs < MAX_TIMEOUT_MS ? Math.ceil(remainingMs) : Infinity;
    const plain = allPlain(args, argTypes);
    const flags =
      (call.noReply ? FLAG.noReply : 0) |
      (call.external ? FLAG.external : 0) |
      (metadata === undefined ? 0 : FLAG.metadata) |
      (chain.length === 0 ? 0 : FLAG.chain) |
      (plain ? 0 : FLAG.slots) |
      (timeoutMs === Infinity ? FLAG.noDeadline : 0);
    const start = this.open(FRAME.request);
    out.varint(call.id);
    out.varint(route);
    out.u8(flags);
    if (timeoutMs !== Infinity) out.varint(timeoutMs);
    if (metadata !== undefined) this.pairs(metadata);
    if (chain.length > 0) {
      out.varint(chain.length);
      for (const lane of chain) {
        out.text(lane.node);
        out.text(lane.lane);
        out.text(lane.path);
      }
    }
    if (plain) call.codec.encode(args, out);
    else writeSlots(args, argTypes, call.codec, out);
    this.close(start);
  }

  reply(callId: number, value: unknown, returns: ValueType | undefined, codec: Codec): void {
    const { out } = this;
    const plain = typeof value !== 'object' && (returns === undefined || typeof returns === 'string') ? true : allPlain([value], returns === undefined ? undefined : [returns]);
    const start = this.open(FRAME.reply);
    out.varint(callId);
    out.u8(plain ? 0 : FLAG.slots);
    if (plain) codec.encode(value, out);
    else writeSlots([value], returns === undefined ? undefined : [returns], codec, out);
    this.close(start);
  }

  error(callId: number, error: RpcError, codec: Codec): void {
    const { out } = this;
    const metadata = Object.keys(error.metadata).length > 0;
    const details = error.details !== undefined && error.details !== null;
    const start = this.open(FRAME.error);
    out.varint(callId);
    out.u8(RpcCode[error.code]);
    out.u8((error.undelivered ? ERROR_FLAG.undelivered : 0) | (metadata ? ERROR_FLAG.metadata : 0) | (details ? ERROR_FLAG.details : 0));
    out.text(error.reason);
    out.text(error.message);
    if (metadata) this.pairs(error.metadata);
    if (details) codec.encode(error.details, out);
    this.close(start);
  }

  ping(): void {
    this.close(this.open(FRAME.ping));
  }

  pong(): void {
    this.close(this.open(FRAME.pong));
  }

  cancel(callId: number): void {
    const start = this.open(FRAME.cancel);
    this.out.varint(callId);
    this.close(start);
  }

  /** Index of the route in this message; written as a frame on first use. The last one is the likeliest. */
  private route(node: string, path: string, caller: string, codec: string): number {
    const { routes, out } = this;
    for (let i = routes.length - 1; i >= 0; i--) {
      const route = routes[i]!;
      if (route.path === path && route.node === node && route.caller === caller && route.codec === codec) return route.index;
      // Hundreds of distinct routes in one message: repeating one costs less than searching for it.
      if (i < routes.length - 16) break;
    }
    const index = routes.length;
    routes.push({ node, path, caller, codec, index });
    const start = this.open(FRAME.route);
    out.text(node);
    out.text(path);
    out.text(caller);
    out.text(codec);
    this.close(start);
    return index;
  }

  private pairs(pairs: Readonly<Record<string, string>>): void {
    const keys = Object.keys(pairs);
    this.out.varint(keys.length);
    for (const key of keys) {
      this.out.text(key);
      this.out.text(String(pairs[key]));
    }
  }

  /** Type, and one byte for the length, which is enough for most frames. */
  private open(type: number): number {
    this.out.u8(type);
    this.out.u8(0);
    return this.out.length;
  }

  private close(start: number): void {
    const { out } = this;
    const size = out.length - start;
    if (size < 0x80) {
      out.bytes[start - 1] = size;
      return;
    }
    const extra = size < 0x4000 ? 1 : size < 0x200000 ? 2 : size < 0x10000000 ? 3 : 4;
    out.reserve(extra);
    out.bytes.copyWithin(start + extra, start, out.length);
    out.length = start - 1;
    out.varint(size);
    out.length += size;
  }
}
